/**
 * A broker in a process of its own whose threads can be killed: the product with `seams.faults`, which the command
 * line does not offer. It does what the test tells it, and ends with it.
 */
import { createLogger } from '../../../src/base/log.js';
import { launchBroker, type RunningBroker } from '../../../src/broker.js';
import { clientIdOn } from '../../helpers/client-ids.js';
import { RawClient } from '../../helpers/raw-client.js';
import { addressOf, breakShard } from '../../helpers/with-broker.js';
import type { FromBroker, ToBroker } from './broker-protocol.js';
import { pause } from './pause.js';

const SLOW_STORE = new URL('./slow-store.js', import.meta.url).href;

const PROBE_MS = 50;

const tell = (message: FromBroker): void => void process.send?.(message);

let broker: RunningBroker | null = null;

async function start(set: readonly string[], isSlow: boolean): Promise<void> {
  const store = isSlow ? { store: SLOW_STORE } : {};
  const logger = createLogger({ level: 'info', readable: true, sink: process.stderr });
  broker = await launchBroker({ set, logger, seams: { faults: true, ...store } }, {});
  tell({ kind: 'ready', port: addressOf(broker).port });
  const failure = await broker.failed;
  process.stderr.write(`${failure.message}\n`);
  process.exit(1);
}

async function killThread(shard: number): Promise<void> {
  if (broker === null) return;
  await breakShard(broker, shard, 'throw');
  tell({ kind: 'killed' });
  while (!(await takesClients(broker, shard))) await pause(PROBE_MS);
  tell({ kind: 'revived' });
}

async function takesClients(running: RunningBroker, shard: number): Promise<boolean> {
  const client = await RawClient.open(addressOf(running), 4);
  try {
    return (await client.connect({ clientId: clientIdOn(running, shard, 'probe') })).code === 0;
  } catch {
    return false;
  } finally {
    client.drop();
  }
}

process.on('message', (message: ToBroker) => {
  if (message.kind === 'start') void start(message.set, message.isSlow);
  else if (message.kind === 'kill') void killThread(message.shard);
  else tell({ kind: 'owned', shard: broker?.shardOf(message.client) ?? -1 });
});
process.on('disconnect', () => process.exit());
