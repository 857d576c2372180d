/** What the clients of other shards notice when one shard throws, hangs or runs out of memory: nothing. */
import test from 'ava';
import type { Fault } from '../../workers/faults.js';
import { subscribe } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { breakShard, until } from '../helpers/with-broker.js';
import { type SeamBench, withBench } from '../seams/bench.js';
import { Flow } from './flow.js';

const VICTIM = 2;
const CONFIG = { config: { 'node.shards': 3, 'shard.silence_timeout': '2s' } };
const RETAINED = Array.from({ length: 30 }, (_, i) => `kept/${i}`).sort();

async function publishRetained(client: RawClient): Promise<void> {
  for (const topic of RETAINED) await client.publish({ topic, payload: topic, qos: 1, retain: true });
}

/** The retained messages that a new subscriber gets, sorted. */
async function retainedSeenBy(client: RawClient, publisher: RawClient): Promise<string[]> {
  await client.subscribe('kept/#');
  // Replays come one after the other: the end of the second is that of the first.
  const marker = `marker/${client.clientId}`;
  // So many that some of them are owned by a shard that lives.
  for (let n = 0; n < 20; n++) {
    await publisher.publish({ topic: `${marker}/${n}`, payload: 'end', qos: 1, retain: true });
  }
  const seen: string[] = [];
  client.send(subscribe(client.version, client.nextId(), [[`${marker}/#`, 0]]));
  for (;;) {
    const found = await client.next();
    if (found?.type === 'suback') continue;
    if (found?.type !== 'publish') throw new Error(`got ${found?.type}`);
    if (found.payload === 'end') return seen.sort();
    seen.push(found.topic);
  }
}

function isBack(bench: SeamBench): Promise<void> {
  return until(() => bench.logger.has('info', new RegExp(`shard ${VICTIM} is back`)), 'the restart', 30_000);
}

async function reaches(publisher: RawClient, subscriber: RawClient, topic: string): Promise<void> {
  await subscriber.subscribe([[topic, 2]]);
  for (const qos of [0, 1, 2]) {
    const sent = publisher.publish({ topic, payload: `${qos}`, qos });
    await subscriber.receive(`${qos}`);
    await sent;
  }
}

for (const fault of ['throw', 'hang', 'out-of-memory'] satisfies Fault[]) {
  test.serial(
    `${fault} in one shard of three: only its clients notice, and it comes back`,
    withBench(CONFIG, async (bench, t) => {
      const victims = [await bench.connect(VICTIM, 4), await bench.connect(VICTIM, 5)];
      const witnesses = [await bench.connect(0, 4), await bench.connect(1, 5)] as const;
      // Everything under way between the others goes to the shard that dies as well.
      await victims[0]!.subscribe([['flow/#', 0]]);
      await witnesses[0].subscribe([['lasting/#', 2]]);
      const flows = [
        await Flow.start(bench, { from: 0, to: 1, qos: 1 }),
        await Flow.start(bench, { from: 1, to: 0, qos: 2, version: 4 }),
      ];
      await breakShard(bench.broker, VICTIM, fault);
      const { codes } = await witnesses[1].subscribe([['during/#', 1]]);
      t.true(codes[0] === 1 || codes[0] === 0x83, `SUBACK ${codes}`);
      for (const flow of flows) await flow.goesOn();
      await until(
        () => bench.logger.has('error', new RegExp(`shard ${VICTIM} has ended`)),
        'its end',
        30_000,
      );
      const ended = bench.logger.lines.filter(({ message }) => message.includes('has ended'));
      t.is(ended.length, 1, JSON.stringify(ended));
      // Whoever comes now waits for the restart.
      const back = await bench.connect(VICTIM, 5);
      t.true(bench.logger.has('info', new RegExp(`shard ${VICTIM} is back`)));
      for (const flow of flows) await flow.goesOn();
      for (const victim of victims) await t.throwsAsync(victim.expectSilence());
      // The subscription was made before the restarted shard was there.
      back.sendPublish({ topic: 'lasting/1', payload: 'from the restarted shard', qos: 1, id: 1 });
      await witnesses[0].receive('from the restarted shard');
      t.is((await back.expect('puback')).code, 0);
      await reaches(back, witnesses[0], 'over/there');
      await reaches(witnesses[1], back, 'over/here');
      for (const flow of flows) {
        await flow.goesOn();
        t.deepEqual(await flow.stop(), []);
      }
      for (const witness of witnesses) await witness.expectSilence();
      t.log(`${flows.map(({ received }) => received)} messages meanwhile`);
    }),
  );
}

test.serial(
  'retained messages of the shards that live stay, and those of the one that died come back with it',
  withBench(CONFIG, async (bench, t) => {
    const publisher = await bench.connect(0, 5);
    await publishRetained(publisher);
    t.deepEqual(await retainedSeenBy(await bench.connect(0, 4), publisher), RETAINED);
    await breakShard(bench.broker, VICTIM, 'throw');
    await until(() => bench.logger.has('error', /has ended/), 'its end');
    const seen = await retainedSeenBy(await bench.connect(0, 4), publisher);
    t.true(seen.length > 0 && seen.length <= RETAINED.length, `${seen.length} are left`);
    // It may be back by now.
    const then = await retainedSeenBy(await bench.connect(1, 5), publisher);
    t.deepEqual(
      seen.filter((topic) => !then.includes(topic)),
      [],
    );
    await isBack(bench);
    t.deepEqual(await retainedSeenBy(await bench.connect(VICTIM, 5), publisher), RETAINED);
    await publishRetained(publisher);
    for (const shard of [0, 1, VICTIM]) {
      t.deepEqual(await retainedSeenBy(await bench.connect(shard, 4), publisher), RETAINED);
    }
  }),
);

test.serial(
  'shards that end one after the other: who is left is served, and in the end everybody again',
  withBench(CONFIG, async (bench, t) => {
    const flow = await Flow.start(bench, { from: 0, to: 0, qos: 2 });
    for (const shard of [1, 2]) await breakShard(bench.broker, shard, 'throw');
    await flow.goesOn();
    const back = [await bench.connect(1, 4), await bench.connect(2, 5)] as const;
    await reaches(back[0], back[1], 'one/two');
    await reaches(back[1], back[0], 'two/one');
    t.deepEqual(await flow.stop(), []);
  }),
);
