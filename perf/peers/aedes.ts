/** Aedes in a process of its own, everything in memory. It is no dependency: used where it is found. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { BrokerChild, freePort, type RunningBroker } from '../lib/child.js';
import { type Entrant, labelOf, type Setup } from '../lib/entrant.js';
import type { Transport } from '../lib/transport.js';
import type { AnyScenario } from '../scenarios/scenario.js';

const MAIN = fileURLToPath(new URL('./aedes-broker.js', import.meta.url));

export async function aedes(transport: Transport): Promise<Entrant> {
  const found = installed();
  if (found === null) throw new Error('aedes is not installed: npm install --no-save aedes');
  const setup: Setup = {
    ...{ broker: `aedes ${found.version}`, shards: 0, transport },
    ...{ owner: 'any', level: null, key: 'ecdsa' },
  };
  return {
    label: labelOf(setup),
    setup,
    cannot: (scenario) => (transport === 'tcp' ? cannot(scenario) : 'is measured over plain TCP only'),
    start: () => start(found.url),
  };
}

/** @returns where its module lies, looked for from here upwards */
export function installed(): { readonly url: string; readonly version: string } | null {
  try {
    const module = createRequire(import.meta.url).resolve('aedes');
    const { version } = JSON.parse(readFileSync(join(dirname(module), 'package.json'), 'utf8')) as {
      version: string;
    };
    return { url: pathToFileURL(module).href, version };
  } catch {
    return null;
  }
}

function cannot(scenario: AnyScenario): string | null {
  if (scenario.kind === 'listing') return 'has no such API';
  if (scenario.kind === 'day') return 'has no shared subscriptions';
  if (scenario.kind !== 'flow') return null;
  if (scenario.topology === 'share') return 'has no shared subscriptions';
  if (scenario.login !== undefined) return 'logs in otherwise';
  return scenario.transport === undefined ? null : 'is measured over plain TCP only';
}

async function start(module: string): Promise<RunningBroker> {
  const port = await freePort();
  const child = new BrokerChild('aedes');
  await child.start(process.execPath, [MAIN, module, `${port}`], { port });
  return { port, pid: child.process.pid!, stop: () => child.stop() };
}
