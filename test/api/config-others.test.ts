import test from 'ava';
import { WebSocket } from 'ws';
import type { ConfigInput } from '../../src/config/entry.js';
import { loadConfig } from '../../src/config/load.js';
import { CONFIG_KEYS, mayChange } from '../../src/config/schema.js';
import { withApi } from '../helpers/api.js';
import { settle, TestShard } from '../helpers/test-shard.js';
import { advanceClock, breakShard, RecordingLogger, until } from '../helpers/with-broker.js';
import { EFFECTS } from './config-effects.js';
import { ConfigStage } from './config-stage.js';

/** Keys whose effect is looked at here, or in the tests of files and logs, and those that only tools look at. */
const OTHERS = [
  ...['log.level', 'mqtt.acl_file', 'mqtt.mqueue.type', 'mqtt.mqueue.low_watermark'],
  ...['mqtt.cache_acl', 'mqtt.acl_cache_size', 'mqtt.acl_cache_ttl'],
  ...['mqtt.flapping.window', 'mqtt.flapping.ban_time', 'mqtt.websocket_protocol_header'],
  ...['mqtt.shared_subscription_strategy', 'mqtt.client.max_write_buffer', 'mqtt.client.max_publish_rate'],
  ...['mqtt.client.enable_stats', 'mqtt.conn.force_gc_count', 'mqtt.session.enable_stats'],
  ...['overload.loop_delay', 'overload.wait', 'shard.silence_timeout', 'shard.subscribe_timeout'],
  // Read when the broker stops.
  'shutdown.timeout',
];

test.serial('of every key that may be changed something is seen', (t) => {
  t.deepEqual([...Object.keys(EFFECTS), ...OTHERS].sort(), CONFIG_KEYS.filter(mayChange).sort());
});

async function configure(shard: TestShard, values: ConfigInput): Promise<void> {
  const result = loadConfig({ values });
  if (!result.ok) throw new Error(result.issues[0]?.line);
  await shard.main.request('config.update', { version: 1, config: result.config });
}

test.serial(
  'decisions of plugins are remembered, for how many topics and how long, as the keys say now',
  async (t) => {
    let asked = 0;
    const hooks = {
      'client.authorize': () => {
        asked++;
        return 'allow' as const;
      },
    };
    const shard = new TestShard({ hooks });
    const client = shard.open('c');
    await settle();
    const askedFor = async (...topics: string[]): Promise<number> => {
      const before = asked;
      for (const topic of topics) client.publish({ topic });
      await settle();
      return asked - before;
    };
    t.is(await askedFor('a', 'a', 'b', 'a', 'b'), 2);
    await configure(shard, { 'mqtt.acl_cache_size': 1 });
    t.is(await askedFor('a', 'a', 'b', 'a', 'b'), 4);
    await configure(shard, { 'mqtt.cache_acl': false });
    t.is(await askedFor('a', 'a', 'a'), 3);
    await configure(shard, { 'mqtt.acl_cache_ttl': '1h' });
    t.is(await askedFor('a'), 1);
    await shard.advance(120_000);
    t.is(await askedFor('a'), 0);
    await configure(shard, { 'mqtt.acl_cache_ttl': '1s' });
    t.is(await askedFor('a'), 1);
    await shard.advance(2_000);
    t.is(await askedFor('a'), 1);
    await shard.stop();
  },
);

test.serial('mqtt.client.max_write_buffer holds for readers that are slow already', async (t) => {
  const shard = new TestShard();
  const [reader, writer] = [shard.open('r'), shard.open('w')];
  await settle();
  reader.subscribe(1, ['t', 0]);
  await settle();
  reader.take();
  const round = async (): Promise<number> => {
    reader.isSlow = true;
    for (let i = 0; i < 50; i++) {
      writer.publish({ topic: 't', payload: 'x'.repeat(500) });
      await settle(2);
    }
    reader.drain();
    await settle();
    return reader.takePayloads().length;
  };
  t.is(await round(), 50);
  await configure(shard, { 'mqtt.client.max_write_buffer': '1KB' });
  t.true((await round()) < 10);
  await shard.stop();
});

test.serial(
  'mqtt.websocket_protocol_header counts for the next handshake',
  withApi({ config: { 'listener.ws.external': '127.0.0.1:0' } }, async (ask, broker, t) => {
    const stage = new ConfigStage(t, ask, broker, 0);
    const { port } = broker.listeners.find(({ protocol }) => protocol === 'ws')!;
    const opens = (): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`);
        socket.on('open', () => {
          socket.terminate();
          resolve(true);
        });
        socket.on('error', () => resolve(false));
      });
    t.false(await opens());
    await stage.put('mqtt.websocket_protocol_header', 'off');
    for (let i = 0; i < 4; i++) t.true(await opens());
    await stage.reset('mqtt.websocket_protocol_header');
    t.false(await opens());
  }),
);

test.serial(
  'flapping: the window in which connects count, and how long the ban lasts',
  withApi({}, async (ask, broker, t) => {
    const stage = new ConfigStage(t, ask, broker, 1);
    await stage.put('mqtt.flapping.max_connects', '1');
    await stage.put('mqtt.flapping.window', '10s');
    await stage.put('mqtt.flapping.ban_time', '77s');
    const clientId = stage.id();
    const bans = () => broker.bans.list().filter(({ value }) => value === clientId);
    await stage.join({ clientId });
    await advanceClock(broker, 11_000);
    t.is((await stage.join({ clientId })).connack?.code, 0);
    await (await stage.open()).connect({ clientId });
    await until(() => bans().length === 1, 'a ban');
    t.is(bans()[0]!.untilMs! - bans()[0]!.createdAtMs, 77_000);
  }),
);

test.serial(
  'mqtt.shared_subscription_strategy counts for groups that are there',
  withApi({}, async (ask, broker, t) => {
    const stage = new ConfigStage(t, ask, broker, 1);
    const members = [await stage.join(), await stage.join()];
    for (const member of members) await member.subscribe('$share/g/s');
    await stage.put('mqtt.shared_subscription_strategy', 'round_robin');
    const publisher = await stage.join();
    for (let i = 0; i < 10; i++) publisher.sendPublish({ topic: 's', payload: String(i % 2) });
    for (const member of members) {
      const got = (await member.receiveAll(5)).map(({ payload }) => payload);
      t.is(new Set(got).size, 1);
    }
  }),
);

test.serial(
  'mqtt.client.max_publish_rate counts for connections that begin afterwards',
  withApi({}, async (ask, broker, t) => {
    const stage = new ConfigStage(t, ask, broker, 1);
    const before = await stage.join();
    await stage.put('mqtt.client.max_publish_rate', '1');
    const slow = await stage.join();
    const startedMs = performance.now();
    for (let i = 0; i < 3; i++) await slow.publish({ topic: 'a', qos: 1 });
    t.true(performance.now() - startedMs > 900);
    for (let i = 0; i < 20; i++) await before.publish({ topic: 'a', qos: 1 });
  }),
);

test.serial(
  'keys of EMQ that set nothing here are kept and shown',
  withApi({}, async (ask, broker, t) => {
    const stage = new ConfigStage(t, ask, broker, 0);
    for (const [key, value] of [
      ['mqtt.client.enable_stats', 'true'],
      ['mqtt.session.enable_stats', 'false'],
      ['mqtt.conn.force_gc_count', '7'],
    ] as const) {
      await stage.put(key, value);
      t.true(
        (await ask(`GET nodes/${broker.name}/configs`)).text.includes(`"key":"${key}","value":"${value}"`),
      );
    }
  }),
);

test.serial('overload.loop_delay and overload.wait count for main and for shards that run', async (t) => {
  const logger = new RecordingLogger();
  await withApi({ logger, config: { 'overload.loop_delay': '0' } }, async (ask, broker) => {
    const stage = new ConfigStage(t, ask, broker, 1);
    await stage.put('overload.loop_delay', '200ms');
    await stage.put('overload.wait', '100ms');
    await breakShard(broker, 1, 'busy');
    await until(() => logger.has('warn', /shard 1 is overloaded/), 'overload');
    const client = await stage.open();
    await t.throwsAsync(client.connect({ clientId: stage.id() }));
    await stage.put('overload.loop_delay', '0');
    await until(() => logger.has('info', /shard 1 is no longer overloaded/), 'relief');
  })(t);
});

test.serial(
  'a hanging shard: shard.subscribe_timeout and shard.silence_timeout as they are now',
  async (t) => {
    const logger = new RecordingLogger();
    await withApi({ logger }, async (ask, broker) => {
      const stage = new ConfigStage(t, ask, broker, 0);
      await stage.put('shard.subscribe_timeout', '200ms');
      await stage.put('shard.silence_timeout', '2500ms');
      const client = await stage.join();
      await breakShard(broker, 1, 'hang');
      t.deepEqual((await client.subscribe('a')).codes, [0x80]);
      await until(() => logger.has('error', /shard 1 has ended: silent for [23]\d\d\d ms/), 'the end');
    })(t);
  },
);
