/** A broker in a process of its own, as users start it, on a port and in a data directory that nobody else has. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Login } from '../scenarios/scenario.js';
import { LOGIN } from './packets.js';
import { isEncrypted, type Transport } from './transport.js';

/** The package's command, wherever package.json says it lies. */
const PACKAGE = new URL('../../../package.json', import.meta.url);
const { bin } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as { bin: { shardmq: string } };
const CLI = fileURLToPath(new URL(bin.shardmq, PACKAGE));
const SLOW_LOGIN = fileURLToPath(new URL('./slow-login/plugin.js', import.meta.url));
const READY_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 15_000;
/** Bytes kept of what the broker says, for the error when it does not start. */
const OUTPUT_BYTES_MAX = 16_384;

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
}

export interface BrokerUnderTest {
  /** Where `transport` is spoken. */
  readonly port: number;
  readonly tcpPort: number;
  readonly apiPort: number;
  /** Says which shard owns a ClientId. */
  readonly slotKey: string;
  readonly shards: number;
  readonly pid: number;
  /** @returns bytes of the shards' stores on the disk; they never become fewer */
  storedBytes(): number;
  /** @throws Error when the broker has crashed or does not end cleanly. */
  stop(): Promise<void>;
}

/** @throws Error with the broker's output when it is not ready in time. `shards` 0: the broker decides. */
export async function startBrokerProcess(
  shards: number,
  { transport = 'tcp', key = 'ecdsa', login, level = null }: BrokerOptions = {},
): Promise<BrokerUnderTest> {
  const tcpPort = await freePort();
  const port = transport === 'tcp' ? tcpPort : await freePort();
  const apiPort = await freePort();
  const dataDir = await mkdtemp(join(tmpdir(), 'shardmq-perf-'));
  const listeners = [
    `tcp.external=127.0.0.1:${tcpPort}`,
    'tcp.internal=off',
    'ws.external=off',
    `api.mgmt=127.0.0.1:${apiPort}`,
    ...(transport === 'tcp' ? [] : [`${transport}.external=127.0.0.1:${port}`]),
    ...(isEncrypted(transport) ? certificate(`${transport}.external`, key) : []),
  ].flatMap((setting) => ['--set', `listener.${setting}`]);
  const sharding = shards > 0 ? ['--shards', String(shards)] : [];
  const logins = login === undefined ? [] : loginSettings(login, dataDir);
  const args = [
    CLI,
    'start',
    '--data',
    dataDir,
    '--log-level',
    'error',
    ...listeners,
    ...sharding,
    ...logins,
    ...(level === null ? [] : ['--set', `mqtt.persistence.level=${level}`]),
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    await untilReady(child);
  } catch (error) {
    child.kill('SIGKILL');
    await rm(dataDir, { recursive: true, force: true });
    throw error;
  }
  const node = JSON.parse(readFileSync(join(dataDir, 'node.json'), 'utf8')) as NodeFile;
  return {
    port,
    tcpPort,
    apiPort,
    slotKey: node.slotKey,
    shards: node.shards,
    pid: child.pid!,
    storedBytes: () => storedBytes(dataDir, node.shards),
    stop: async () => {
      await stop(child);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
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

function certificate(listener: string, key: Key): string[] {
  const file = join(CERTIFICATES, `server-${key}`);
  return [`${listener}.certfile=${file}.pem`, `${listener}.keyfile=${file}.key.pem`];
}

/** @returns arguments; the plugin of passwords is also entered into the file of those that start with the broker. */
function loginSettings(login: Login, dataDir: string): string[] {
  if (login === 'slow') return ['--set', `plugins=${SLOW_LOGIN}`];
  writeFileSync(join(dataDir, 'loaded_plugins'), 'emq_auth_username.\n');
  const { username, password } = LOGIN;
  return ['--set', `auth.user.1.username=${username}`, '--set', `auth.user.1.password=${password}`];
}

async function untilReady(child: ChildProcess): Promise<void> {
  let output = '';
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the broker is not ready:\n${output}`)),
      READY_DEADLINE_MS,
    );
    const onText = (text: Buffer): void => {
      output = (output + text.toString()).slice(-OUTPUT_BYTES_MAX);
      if (/^shardmq ready$/m.test(output)) {
        clearTimeout(timer);
        resolve();
      }
    };
    child.stdout?.on('data', onText);
    child.stderr?.on('data', onText);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the broker ended with code ${code}:\n${output}`)));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    throw new Error(`the broker ended by itself: ${child.exitCode ?? child.signalCode}`);
  }
  const exited = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
  child.kill('SIGTERM');
  const [code] = await exited;
  clearTimeout(timer);
  if (code !== 0) throw new Error(`the broker ended with ${code ?? 'SIGKILL'} after SIGTERM`);
}

/** @returns a port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
