import test from 'ava';
import type { ApiMessage, PublishOutcome } from '../../../src/actor/action-protocol.js';
import { API_PUBLISH_TIMEOUT_MS, API_PUBLISHES_WAITING_BYTES_MAX } from '../../../src/limits.js';
import type { Change } from '../../../src/storage/tables.js';
import { MemoryStore } from '../../../workers/store/store.js';
import { meshOf, settle, TestShard } from '../../helpers/test-shard.js';
import { until } from '../../helpers/with-broker.js';

function message(topic: string, payload: string | Buffer = topic, qos: 0 | 1 | 2 = 1): ApiMessage {
  const properties = Buffer.alloc(0);
  return { topic, payload: Buffer.from(payload), qos, retain: false, properties, expirySeconds: -1 };
}

const publish = (
  shard: TestShard,
  messages: readonly ApiMessage[],
  clientId = 'http',
): Promise<PublishOutcome> => shard.main.request('messages.publish', { clientId, messages });

/** Keeps commits until it is told to release them. */
class HoldingStore extends MemoryStore {
  private held: ((ok: boolean) => void)[] | null = [];

  override commit(_changes: readonly Change[], done: (ok: boolean) => void): void {
    if (this.held === null) done(true);
    else this.held.push(done);
  }

  release(): void {
    const held = this.held ?? [];
    this.held = null;
    for (const done of held) done(true);
  }
}

test('more than another shard has room for waits for it, and none of it is lost or out of order', async (t) => {
  const store = new HoldingStore();
  const config = { 'mqtt.max_packet_size': '1MB', 'mqtt.session.max_inflight': 0 };
  const shards = await meshOf(2, { config, store });
  t.teardown(() => Promise.all(shards.map((shard) => shard.stop())));
  const [from, to] = shards as [TestShard, TestShard];
  const reader = to.open('reader', { clean: false, properties: { sessionExpiry: 100 } });
  await settle();
  reader.subscribe(1, ['t', 1]);
  await settle();
  reader.take();
  const COUNT = 60;
  const large = Buffer.alloc(500_000, 'x');
  const batch = Array.from({ length: COUNT }, (_, i) =>
    message('t', Buffer.concat([Buffer.from(`${i} `), large])),
  );
  const outcomes = Promise.all([publish(from, batch.slice(0, 30)), publish(from, batch.slice(30))]);
  await until(() => from.parts.creditWaiters.size === 1, 'the end of the room');
  const got: string[] = [];
  const takeAll = (): number => got.push(...reader.takePayloads().map((payload) => payload.split(' ')[0]!));
  await settle(50);
  t.true(takeAll() < COUNT);
  store.release();
  t.deepEqual(await outcomes, [{ why: 'done' }, { why: 'done' }]);
  await until(() => takeAll() === COUNT, 'all messages');
  t.deepEqual(
    got,
    Array.from({ length: COUNT }, (_, i) => `${i}`),
  );
  t.is(from.parts.mesh.droppedGuaranteed, 0);
});

test('what plugins take their time for keeps its order, and holds up what comes behind it', async (t) => {
  const answers: (() => void)[] = [];
  const hooks = {
    'message.publish': ({ topic }: { topic: string }) =>
      topic === 'slow'
        ? new Promise<undefined>((resolve) => answers.push(() => resolve(undefined)))
        : undefined,
  };
  const shard = new TestShard({ hooks });
  t.teardown(() => shard.stop());
  const reader = shard.open('reader');
  reader.subscribe(1, ['#', 0]);
  await settle();
  reader.take();
  const first = publish(shard, [message('slow'), message('behind')]);
  const second = publish(shard, [message('other')]);
  await settle(30);
  t.deepEqual(reader.takePayloads(), []);
  t.is(answers.length, 1);
  answers[0]!();
  t.deepEqual(await Promise.all([first, second]), [{ why: 'done' }, { why: 'done' }]);
  await settle();
  t.deepEqual(reader.takePayloads(), ['slow', 'behind', 'other']);
});

test('what has waited longer than main does is not handed on', async (t) => {
  const answers: (() => void)[] = [];
  const hooks = {
    'message.publish': () => new Promise<undefined>((resolve) => answers.push(() => resolve(undefined))),
  };
  const shard = new TestShard({ hooks });
  t.teardown(() => shard.stop());
  const reader = shard.open('reader');
  reader.subscribe(1, ['#', 0]);
  await settle();
  reader.take();
  const late = publish(shard, [message('late'), message('too')]);
  await settle(30);
  await shard.advance(API_PUBLISH_TIMEOUT_MS + 1);
  for (const answer of answers.splice(0)) answer();
  t.deepEqual(await late, { why: 'too_late' });
  t.deepEqual(reader.takePayloads(), []);
  const next = publish(shard, [message('next')]);
  await until(() => answers.length > 0);
  answers[0]!();
  t.deepEqual(await next, { why: 'done' });
  t.deepEqual(reader.takePayloads(), ['next']);
});

test('what waits is bounded; there is room again when it has gone', async (t) => {
  const answers: (() => void)[] = [];
  const hooks = {
    'message.publish': () => new Promise<undefined>((resolve) => answers.push(() => resolve(undefined))),
  };
  const shard = new TestShard({ hooks, config: { 'mqtt.max_packet_size': '64MB' } });
  t.teardown(() => shard.stop());
  const half = Buffer.alloc(API_PUBLISHES_WAITING_BYTES_MAX * 0.6);
  const first = publish(shard, [message('t', half, 0)]);
  t.deepEqual(await publish(shard, [message('t', half, 0)]), { why: 'busy' });
  await until(() => answers.length > 0);
  answers.shift()!();
  t.deepEqual(await first, { why: 'done' });
  const second = publish(shard, [message('t', half, 0)]);
  await until(() => answers.length > 0);
  answers.shift()!();
  t.deepEqual(await second, { why: 'done' });
});

test('all messages of a call are checked before the first is handed on', async (t) => {
  const shard = new TestShard();
  t.teardown(() => shard.stop());
  const reader = shard.open('reader');
  reader.subscribe(1, ['#', 0]);
  await settle();
  reader.take();
  t.deepEqual(await publish(shard, [message('a'), message('b/+')]), { why: 'not_a_topic', at: 1 });
  const large = message('c', Buffer.alloc(2 << 20));
  t.deepEqual(await publish(shard, [message('a'), message('b'), large]), { why: 'too_large', at: 2 });
  await settle();
  t.deepEqual(reader.takePayloads(), []);
});
