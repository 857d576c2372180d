/** A broker in a process of its own, as users start it, on a port and in a data directory that nobody else has. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Login } from '../scenarios/scenario.js';
import { BrokerChild, freePort, type RunningBroker } from './child.js';
import { LoopWatch, PROBE_ARGUMENTS } from './loop-watch.js';
import { LOGIN } from './packets.js';
import { isEncrypted, type Transport } from './transport.js';

/** Where package.json lies. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SLOW_LOGIN = fileURLToPath(new URL('./slow-login/plugin.js', import.meta.url));

const CERTIFICATES = fileURLToPath(new URL('../../../test/certs/', import.meta.url));

/** Kinds of private keys: a server's part in a handshake costs several times as much with RSA. */
export const KEYS = ['ecdsa', 'rsa'] as const;
export type Key = (typeof KEYS)[number];

/** What an acknowledged message survives. */
export const LEVELS = ['memory', 'process', 'disk'] as const;
export type Level = (typeof LEVELS)[number];

export interface BrokerOptions {
  /** What `port` is to be for, beside plain TCP. */
  readonly transport?: Transport;
  /** Of an encrypted transport; `ecdsa` when missing. */
  readonly key?: Key;
  /** Who lets clients in; nobody looks if left out. */
  readonly login?: Login | undefined;
  /** Of persistence; null: as it is by default. */
  readonly level?: Level | null;
  /** `KEY=VALUE` */
  readonly settings?: readonly string[];
  /** A built checkout whose broker it is; this one when missing. */
  readonly root?: string;
  /** Where the profiles of its threads are written when it ends. */
  readonly profileDir?: string | null;
  /** Whether `loops` is wanted; it costs a little. */
  readonly hasLoopProbe?: boolean;
}

export interface BrokerUnderTest extends RunningBroker {
  readonly tcpPort: number;
  readonly apiPort: number;
  /** Says which shard owns a ClientId. */
  readonly slotKey: string;
  readonly shards: number;
  /** @returns bytes of the shards' stores on the disk; they never become fewer */
  storedBytes(): number;
  /** How late its threads are; null without the probe. */
  readonly loops: LoopWatch | null;
}

/** @throws Error with the broker's output when it is not ready in time. `shards` 0: the broker decides. */
export async function startBrokerProcess(
  shards: number,
  options: BrokerOptions = {},
): Promise<BrokerUnderTest> {
  const { transport = 'tcp', root = ROOT, profileDir = null, hasLoopProbe = false } = options;
  const tcpPort = await freePort();
  const port = transport === 'tcp' ? tcpPort : await freePort();
  const apiPort = await freePort();
  const child = new BrokerChild('the broker');
  const dataDir = child.folder;
  const profiling = profileDir === null ? [] : ['--cpu-prof', '--cpu-prof-dir', profileDir];
  const args = [
    ...(hasLoopProbe ? PROBE_ARGUMENTS : []),
    ...[...profiling, commandOf(root), 'start', '--data', dataDir, '--log-level', 'error'],
    ...settings(shards, { port, tcpPort, apiPort }, options),
    ...(options.login === undefined ? [] : loginSettings(options.login, dataDir)),
  ];
  await child.start(process.execPath, args, { text: /^shardmq ready$/m }, hasLoopProbe);
  const node = JSON.parse(readFileSync(join(dataDir, 'node.json'), 'utf8')) as NodeFile;
  return {
    port,
    tcpPort,
    apiPort,
    slotKey: node.slotKey,
    shards: node.shards,
    pid: child.process.pid!,
    storedBytes: () => storedBytes(dataDir, node.shards),
    loops: hasLoopProbe ? new LoopWatch(child.process, node.shards) : null,
    stop: () => child.stop(),
  };
}

/** @returns a checkout's command, wherever its package.json says it lies */
function commandOf(root: string): string {
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    bin: { shardmq: string };
  };
  return join(root, bin.shardmq);
}

function settings(
  shards: number,
  ports: { readonly port: number; readonly tcpPort: number; readonly apiPort: number },
  { transport = 'tcp', key = 'ecdsa', level = null, settings: others = [] }: BrokerOptions,
): string[] {
  const listeners = [
    `tcp.external=127.0.0.1:${ports.tcpPort}`,
    'tcp.internal=off',
    'ws.external=off',
    `api.mgmt=127.0.0.1:${ports.apiPort}`,
    ...(transport === 'tcp' ? [] : [`${transport}.external=127.0.0.1:${ports.port}`]),
    ...(isEncrypted(transport) ? certificate(`${transport}.external`, key) : []),
  ];
  return [
    ...listeners.flatMap((setting) => ['--set', `listener.${setting}`]),
    ...(shards > 0 ? ['--shards', String(shards)] : []),
    ...(level === null ? [] : ['--set', `mqtt.persistence.level=${level}`]),
    ...others.flatMap((setting) => ['--set', setting]),
  ];
}

/** What the broker keeps in its data directory. */
interface NodeFile {
  readonly slotKey: string;
  readonly shards: number;
}

function storedBytes(dataDir: string, shards: number): number {
  let bytes = 0;
  for (let shard = 0; shard < shards; shard++) {
    const file = statSync(join(dataDir, `shard-${shard}`, 'data.mdb'), { throwIfNoEntry: false });
    bytes += file?.size ?? 0;
  }
  return bytes;
}

function certificate(listener: string, kind: Key): string[] {
  const { certificate, key } = certificateFiles(kind);
  return [`${listener}.certfile=${certificate}`, `${listener}.keyfile=${key}`];
}

export function certificateFiles(kind: Key): { readonly certificate: string; readonly key: string } {
  const file = join(CERTIFICATES, `server-${kind}`);
  return { certificate: `${file}.pem`, key: `${file}.key.pem` };
}

/** @returns arguments; the plugin of passwords is also entered into the file of those that start with the broker. */
function loginSettings(login: Login, dataDir: string): string[] {
  if (login === 'slow') return ['--set', `plugins=${SLOW_LOGIN}`];
  writeFileSync(join(dataDir, 'loaded_plugins'), 'emq_auth_username.\n');
  const { username, password } = LOGIN;
  return ['--set', `auth.user.1.username=${username}`, '--set', `auth.user.1.password=${password}`];
}
