/**
 * The disc is full while clients publish and come and go: nothing that was acknowledged is lost, people are told, and
 * it goes on when there is room. `LEDGER_SEED=` repeats the choices of an earlier run.
 */
import type { ExecutionContext } from 'ava';
import { temporaryDir } from '../cli/run-cli.js';
import { asking } from '../helpers/api.js';
import { needs } from '../helpers/needs.js';
import { RawClient } from '../helpers/raw-client.js';
import type { Received } from '../helpers/received.js';
import { until } from '../helpers/with-broker.js';
import { portOf } from './ledger/broker-process.js';
import { type Disc, FILE_LIMIT, FileLimit, FullDisc } from './ledger/full-disc.js';
import { pause } from './ledger/pause.js';
import { LedgerRun } from './ledger/run.js';
import { MOUNT } from './ledger/small-disc.js';
import { timelines } from './ledger/timeline.js';

const SEED = Number(process.env['LEDGER_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const TIMEOUT_MS = 180_000;
/** Enough for the burden in two stores, in the outbox between them, and in the pages that are being replaced. */
const DISC_BYTES = 160 << 20;
/** Load before the disc is full, while it is, and afterwards. */
const STAGE_MS = 1_000;
/** A client waits for 8 s, and the broker refuses after 10. */
const PATIENCE = 3;
const BURDEN_MESSAGES = 40;
const BURDEN_BYTES = 250_000;
const SHARDS = 2;
const ALARM = /disk|disc|storage|store/i;
const QUOTA_EXCEEDED = 0x97;

/** A run on `disc`, with the API on. */
async function begin(t: ExecutionContext, disc: Disc): Promise<LedgerRun> {
  t.timeout(TIMEOUT_MS);
  t.log(`LEDGER_SEED=${SEED}`);
  const run = new LedgerRun({
    ...{ dataDir: disc.path, level: 'process', shards: SHARDS, seed: SEED, deaths: 'process', kills: 0 },
    set: ['listener.api.mgmt=127.0.0.1:0'],
  });
  t.teardown(async () => {
    await run.end();
    if (!t.passed) t.log(run.said());
    disc.end();
  });
  await run.begin();
  await pause(STAGE_MS);
  return run;
}

const addressOf = (run: LedgerRun) => ({ host: '127.0.0.1', port: portOf(run.said(), 'tcp.external') });

/** Fills the disc up, and each store's own pages too: publishes more for a session of that shard than they hold. */
async function fillUp(t: ExecutionContext, run: LedgerRun, disc: Disc): Promise<void> {
  const address = addressOf(run);
  const publishers = [];
  for (let shard = 0; shard < SHARDS; shard++) {
    const away = await RawClient.open(address, 4);
    await away.connect({ clientId: run.clientOf(shard, 'away'), clean: false });
    await away.subscribe([[`burden/${shard}`, 1]]);
    await away.disconnect();
    const publisher = await RawClient.open(address, 4);
    t.teardown(() => publisher.drop());
    await publisher.connect({ clientId: run.clientOf(shard, 'burdener') });
    publishers.push(publisher);
  }
  run.note({ kind: 'broker', what: 'full' });
  disc.fill(run.pid);
  for (const [shard, publisher] of publishers.entries()) {
    for (let i = 0; i < BURDEN_MESSAGES; i++) {
      const payload = Buffer.alloc(BURDEN_BYTES);
      publisher.sendPublish({ topic: `burden/${shard}`, qos: 1, id: i + 1, payload });
    }
  }
  await until(async () => (await alarmsIn(run)) === SHARDS, 'the alarms');
}

function makeRoom(run: LedgerRun, disc: Disc): void {
  disc.free(run.pid);
  run.note({ kind: 'broker', what: 'room' });
}

async function judged(t: ExecutionContext, run: LedgerRun): Promise<void> {
  await pause(STAGE_MS);
  const { faults, summary, entries } = await run.conclude();
  t.log(summary);
  t.deepEqual(faults, [], timelines(entries, faults).join('\n'));
}

/** @returns how many shards have an alarm about the disc in the API's list */
async function alarmsIn(run: LedgerRun): Promise<number> {
  const ask = asking(portOf(run.said(), 'api.mgmt'));
  const nodes = (await ask('GET management/nodes')).json as { result: { name: string }[] };
  const { text } = await ask(`GET nodes/${nodes.result[0]!.name}/alarms`);
  return text.match(/"store_failing\.\d"/g)?.length ?? 0;
}

/** Topics of `$SYS` about alarms, as they come. */
async function watchAlarms(t: ExecutionContext, run: LedgerRun): Promise<string[]> {
  const client = await RawClient.open(addressOf(run), 4);
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

/** @returns a client whose session wants what is published there */
async function waitFor(t: ExecutionContext, run: LedgerRun, topic: string): Promise<RawClient> {
  const client = await RawClient.open(addressOf(run), 4);
  t.teardown(() => client.drop());
  await client.connect({ clientId: `waits for ${topic}`, clean: false });
  await client.subscribe([[topic, 1]]);
  return client;
}

/** @returns what comes next; null: the end of the connection */
async function answerTo(client: RawClient): Promise<Received | null> {
  for (let i = 0; i < PATIENCE; i++) {
    const next = await client.next().catch(() => undefined);
    if (next !== undefined) return next;
  }
  throw new Error('no answer');
}

/** A message that has to be kept, published while nothing can be. @returns its publisher and the answer */
async function publishInVain(
  t: ExecutionContext,
  run: LedgerRun,
  version: 4 | 5,
  qos: 1 | 2,
): Promise<[RawClient, number | 'closed']> {
  const publisher = await RawClient.open(addressOf(run), version);
  t.teardown(() => publisher.drop());
  await publisher.connect({ clientId: `vain-${version}-${qos}`, clean: version === 5 });
  publisher.sendPublish({ topic: 'wanted', qos, id: 1, payload: 'in vain' });
  const answer = await answerTo(publisher);
  return [publisher, answer === null ? 'closed' : answer.code];
}

/** Messages that nobody's session keeps come and go as ever. */
async function passes(t: ExecutionContext, run: LedgerRun): Promise<void> {
  const publisher = await RawClient.open(addressOf(run), 5);
  const subscriber = await RawClient.open(addressOf(run), 4);
  t.teardown(() => {
    publisher.drop();
    subscriber.drop();
  });
  await subscriber.connect({ clientId: 'passer-by' });
  await subscriber.subscribe([['passing', 1]]);
  await publisher.connect({ clientId: '' });
  t.is((await publisher.publish({ topic: 'passing', payload: 'x', qos: 1 }))?.code, 0);
  await subscriber.receive('x');
}

needs(MOUNT)(
  'with the disc full nothing acknowledged is lost, an alarm says so, publishers are turned away after 10 s, all else goes on, and it recovers by itself',
  async (t) => {
    const disc = new FullDisc(DISC_BYTES);
    const run = await begin(t, disc);
    const topics = await watchAlarms(t, run);
    const waiting = await waitFor(t, run, 'wanted');
    await fillUp(t, run, disc);
    await until(() => topics.some((topic) => ALARM.test(topic) && topic.endsWith('/alert')), 'it in $SYS');
    await passes(t, run);
    const [[, least], [exact, refused], ...others] = await Promise.all([
      publishInVain(t, run, 5, 1),
      publishInVain(t, run, 5, 2),
      publishInVain(t, run, 4, 1),
      publishInVain(t, run, 4, 2),
    ]);
    t.deepEqual([least, refused], [QUOTA_EXCEEDED, QUOTA_EXCEEDED]);
    t.deepEqual(
      others.map(([, answer]) => answer),
      ['closed', 'closed'],
    );
    makeRoom(run, disc);
    await until(async () => (await alarmsIn(run)) === 0, 'the end of the alarms');
    await until(() => topics.some((topic) => ALARM.test(topic) && topic.endsWith('/clear')), 'it in $SYS');
    // Its identifier is free again.
    t.is((await exact.publish({ topic: 'wanted', qos: 2, id: 1, payload: 'again' }))?.code, 0);
    await waiting.receive('again');
    await judged(t, run);
  },
);

needs(MOUNT)(
  'a broker that dies while its disc is full has lost nothing when there is room again',
  async (t) => {
    const disc = new FullDisc(DISC_BYTES);
    const run = await begin(t, disc);
    await fillUp(t, run, disc);
    await pause(STAGE_MS);
    await run.restart(() => makeRoom(run, disc));
    await judged(t, run);
  },
);

// lmdb may damage its memory when the system refuses a write, and then the process ends by itself.
needs(FILE_LIMIT)(
  'a broker that may write no file, and dies of it or is killed, has lost nothing when it may write again',
  async (t) => {
    const disc = new FileLimit(temporaryDir(t));
    const run = await begin(t, disc);
    run.note({ kind: 'broker', what: 'full' });
    disc.fill(run.pid);
    await pause(STAGE_MS);
    await run.restart(() => run.note({ kind: 'broker', what: 'room' }));
    await judged(t, run);
  },
);
