/**
 * Mosquitto as it is fastest: nothing is stored, everybody may come in, no queue is bounded, and nothing is held back
 * to be sent with more (as in our broker).
 */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { certificateFiles } from '../lib/broker-process.js';
import { BrokerChild, freePort, type RunningBroker } from '../lib/child.js';
import { type Entrant, labelOf, type Setup } from '../lib/entrant.js';
import { isEncrypted, isWebSocket, type Transport } from '../lib/transport.js';
import type { AnyScenario } from '../scenarios/scenario.js';

export async function mosquitto(transport: Transport): Promise<Entrant> {
  const program = programPath();
  if (program === null) throw new Error('mosquitto is not installed; Debian: apt install mosquitto');
  const setup: Setup = {
    ...{ broker: `mosquitto ${versionOf(program)}`, shards: 0, transport },
    ...{ owner: 'any', level: null, key: 'ecdsa' },
  };
  return {
    label: labelOf(setup),
    setup,
    cannot: (scenario) => (isWebSocket(transport) ? 'is measured without WebSocket' : cannot(scenario)),
    start: (_, spoken) => start(program, spoken),
  };
}

/** @returns where it lies, also where only the administrator's PATH has it; null: nowhere */
export function programPath(): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, 'mosquitto')).find((path) => existsSync(path)) ?? null;
}

function versionOf(program: string): string {
  try {
    return /version (\S+)/.exec(execFileSync(program, ['-h'], { encoding: 'utf8' }))?.[1] ?? '';
  } catch (error) {
    // Its help ends with 1 in some versions.
    const { stdout = '' } = error as { stdout?: string };
    return /version (\S+)/.exec(stdout)?.[1] ?? '';
  }
}

function cannot(scenario: AnyScenario): string | null {
  if (scenario.kind === 'listing') return 'has no such API';
  if (scenario.kind !== 'flow') return null;
  if (scenario.login !== undefined) return 'logs in otherwise';
  return scenario.owner === undefined ? null : 'has one thread, so nothing to relay to';
}

async function start(program: string, transport: Transport): Promise<RunningBroker> {
  const port = await freePort();
  const child = new BrokerChild('mosquitto');
  const { certificate, key } = certificateFiles('ecdsa');
  const config = [
    'persistence false',
    'allow_anonymous true',
    'max_queued_messages 0',
    'max_inflight_messages 0',
    'set_tcp_nodelay true',
    'log_type error',
    `listener ${port} 127.0.0.1`,
    ...(isEncrypted(transport) ? [`certfile ${certificate}`, `keyfile ${key}`] : []),
  ];
  const file = join(child.folder, 'mosquitto.conf');
  writeFileSync(file, `${config.join('\n')}\n`);
  await child.start(program, ['-c', file], { port });
  return { port, pid: child.process.pid!, stop: () => child.stop() };
}
