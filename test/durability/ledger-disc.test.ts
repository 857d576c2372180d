/**
 * The disc is full while clients publish and come and go: nothing that was acknowledged is lost, people are told, and
 * it goes on when there is room. `LEDGER_SEED=` repeats the choices of an earlier run.
 */
import type { ExecutionContext } from 'ava';
import { asking } from '../helpers/api.js';
import { needs } from '../helpers/needs.js';
import { RawClient } from '../helpers/raw-client.js';
import { until } from '../helpers/with-broker.js';
import { ASKED } from './ledger/asked.js';
import { portOf } from './ledger/broker-process.js';
import { pause } from './ledger/pause.js';
import { LedgerRun } from './ledger/run.js';
import { MOUNT, SmallDisc } from './ledger/small-disc.js';

const SEED = Number(process.env['LEDGER_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const TIMEOUT_MS = 180_000;
const DISC_BYTES = 48 << 20;
/** Load before the disc is full, while it is, and afterwards. */
const STAGE_MS = 1_000;
const BURDEN_MESSAGES = 40;
const BURDEN_BYTES = 250_000;
const ALARM = /disk|disc|storage|store/i;

/** A run on a disc of its own, with the API on. */
async function begin(t: ExecutionContext): Promise<{ run: LedgerRun; disc: SmallDisc }> {
  t.timeout(TIMEOUT_MS);
  t.log(`LEDGER_SEED=${SEED}`);
  const disc = new SmallDisc(DISC_BYTES);
  const run = new LedgerRun({
    ...{ dataDir: disc.path, level: 'process', shards: 2, seed: SEED, deaths: 'process', kills: 0 },
    set: ['listener.api.mgmt=127.0.0.1:0'],
  });
  t.teardown(async () => {
    await run.end();
    disc.unmount();
  });
  await run.begin();
  await pause(STAGE_MS);
  return { run, disc };
}

/** Fills the disc up, and the store's own pages too: publishes more for a session that is away than they hold. */
async function fillUp(t: ExecutionContext, run: LedgerRun, disc: SmallDisc): Promise<void> {
  const address = { host: '127.0.0.1', port: portOf(run.said(), 'tcp.external') };
  const away = await RawClient.open(address, 4);
  await away.connect({ clientId: 'away', clean: false });
  await away.subscribe([['burden', 1]]);
  await away.disconnect();
  const publisher = await RawClient.open(address, 4);
  t.teardown(() => publisher.drop());
  await publisher.connect({ clientId: 'burdener' });
  disc.fill();
  for (let i = 0; i < BURDEN_MESSAGES; i++) {
    publisher.sendPublish({ topic: 'burden', qos: 1, id: i + 1, payload: Buffer.alloc(BURDEN_BYTES) });
  }
}

async function judged(t: ExecutionContext, run: LedgerRun): Promise<void> {
  await pause(STAGE_MS);
  const { faults, summary } = await run.conclude();
  t.log(summary);
  t.deepEqual(faults, []);
}

/** @returns whether the API lists an alarm about the disc */
async function isListed(run: LedgerRun): Promise<boolean> {
  const ask = asking(portOf(run.said(), 'api.mgmt'));
  const nodes = (await ask('GET management/nodes')).json as { result: { name: string }[] };
  const { text } = await ask(`GET nodes/${nodes.result[0]!.name}/alarms`);
  return ALARM.test(text);
}

/** Topics of `$SYS` about alarms, as they come. */
async function watchAlarms(t: ExecutionContext, run: LedgerRun): Promise<string[]> {
  const client = await RawClient.open({ host: '127.0.0.1', port: portOf(run.said(), 'tcp.external') }, 4);
  t.teardown(() => client.drop());
  await client.connect({ clientId: '' });
  await client.subscribe('$SYS/brokers/+/alarms/#');
  const topics: string[] = [];
  void keepTopics(client, topics);
  return topics;
}

async function keepTopics(client: RawClient, topics: string[]): Promise<void> {
  for (;;) {
    // It rejects after a while in which nothing came.
    const next = await client.next().catch(() => undefined);
    if (next === null) return;
    if (next !== undefined) topics.push(next.topic);
  }
}

needs(MOUNT, ASKED)(
  'with the disc full nothing acknowledged is lost, an alarm says so, and it recovers by itself',
  async (t) => {
    const { run, disc } = await begin(t);
    const topics = await watchAlarms(t, run);
    await fillUp(t, run, disc);
    await until(() => isListed(run), 'the alarm');
    await until(() => topics.some((topic) => ALARM.test(topic) && topic.endsWith('/alert')), 'it in $SYS');
    await pause(STAGE_MS);
    disc.free();
    await until(async () => !(await isListed(run)), 'the end of the alarm');
    await until(() => topics.some((topic) => ALARM.test(topic) && topic.endsWith('/clear')), 'it in $SYS');
    await judged(t, run);
  },
);

needs(MOUNT, ASKED)(
  'a broker that dies while its disc is full has lost nothing when there is room again',
  async (t) => {
    const { run, disc } = await begin(t);
    await fillUp(t, run, disc);
    await until(() => isListed(run), 'the alarm');
    await pause(STAGE_MS);
    await run.restart(() => disc.free());
    await judged(t, run);
  },
);
