/**
 * What slow, refusing, contradicting and silent hooks do to connections: order is kept, and nobody waits for
 * ever.
 */
import test from 'ava';
import { asClientId } from '../../src/protocol/ids.js';
import { connect, publish, subscribe } from '../helpers/packets.js';
import { advanceClock, until } from '../helpers/with-broker.js';
import { type SeamBench, withBench } from './bench.js';

const HOOKS = { seam: { kind: 'hooks', mode: '' }, config: { 'mqtt.cache_acl': false } } as const;
/** The time for hooks to answer, and a little. */
const PAST_HOOK_TIMEOUT_MS = 10_500;

async function owner(bench: SeamBench, clientId: string): Promise<unknown> {
  const shard = bench.broker.shardOf(clientId);
  const ids = { clientId: asClientId(clientId) };
  return bench.broker.request(shard, 'session.owner', ids);
}

const current = (bench: SeamBench): number => bench.broker.listenerFigures()[0]!.current;

for (const version of [3, 4, 5] as const) {
  test.serial(
    `level ${version}: packets behind a CONNECT whose authentication is slow wait for it and keep their order`,
    withBench(HOOKS, async (bench, t) => {
      const watcher = await bench.connect(1, 4);
      await watcher.subscribe('t/#');
      const client = await bench.open(version);
      const bytes = connect({ version, clientId: bench.clientId(0), username: 'slow' });
      client.send(bytes, subscribe(version, 1, [['t/1', 1]]));
      client.send(publish(version, { topic: 't/1', payload: 'one', qos: 1, id: 2 }));
      await bench.remote.heard('slow');
      await watcher.expectNothingFrom(watcher);
      bench.remote.tell('answer');
      const types = [];
      for (let i = 0; i < 4; i++) types.push((await client.next())?.type);
      t.deepEqual(types.slice(0, 1), ['connack']);
      t.deepEqual(types.slice(1).sort(), ['puback', 'publish', 'suback']);
      await watcher.receive('one');
    }),
  );
}

test.serial(
  'a client that leaves before its authentication is answered leaves no session',
  withBench(HOOKS, async (bench, t) => {
    const clientId = bench.clientId(0);
    const client = await bench.open(4);
    client.send(connect({ version: 4, clientId, username: 'slow', clean: false }));
    await bench.remote.heard('slow');
    client.drop();
    await until(() => current(bench) === 0, 'the connection to be counted as closed');
    bench.remote.tell('answer');
    await bench.connect(0, 4);
    t.is(await owner(bench, clientId), null);
  }),
);

test.serial(
  'while the authentication of a second CONNECT is under way, the connection that holds the ClientId goes on',
  withBench(HOOKS, async (bench, t) => {
    const first = await bench.connect(0, 5);
    const second = await bench.open(5);
    second.send(connect({ version: 5, clientId: first.clientId, username: 'slow' }));
    await bench.remote.heard('slow');
    await first.expectSilence();
    bench.remote.tell('answer');
    await first.expectEnd(0x8e);
    t.is((await second.expect('connack')).code, 0);
    await second.expectSilence();
  }),
);

test.serial(
  'a slow refusal is a refusal',
  withBench(HOOKS, async (bench, t) => {
    const clientId = bench.clientId(0);
    for (const version of [4, 5] as const) {
      const client = await bench.open(version);
      client.send(connect({ version, clientId, username: 'slow denied' }));
      await bench.remote.heard('slow denied', version - 3);
      bench.remote.tell('answer');
      await client.expectRefusal(version === 5 ? 0x87 : 5);
    }
    t.is(await owner(bench, clientId), null);
  }),
);

for (const version of [3, 4, 5] as const) {
  test.serial(
    `level ${version}: a hook that throws refuses CONNECT, PUBLISH and SUBSCRIBE, and nobody else notices`,
    withBench(HOOKS, async (bench, t) => {
      const watcher = await bench.connect(1, 4);
      await watcher.subscribe('t/#');
      const stranger = await bench.open(version);
      stranger.send(connect({ version, clientId: bench.clientId(0), username: 'throws' }));
      await stranger.expectRefusal(version === 5 ? 0x88 : 3);
      const client = await bench.connect(0, version);
      const refused = version === 5 ? 0x87 : 0;
      t.is((await client.publish({ topic: 't/throws', qos: 1 }))?.code, refused);
      client.sendPublish({ topic: 't/throws', qos: 2, id: 9 });
      t.is((await client.expect('pubrec')).code, refused);
      t.deepEqual((await client.subscribe([['throws', 1]])).codes, [version === 5 ? 0x87 : 0x80]);
      await client.publish({ topic: 't/a', payload: 'goes on', qos: 1 });
      await watcher.receive('goes on');
    }),
  );
}

test.serial(
  'only the first answer of a hook counts',
  withBench(HOOKS, async (bench, t) => {
    const client = await bench.connect(0, 5, { username: 'twice' });
    t.deepEqual((await client.subscribe([['twice/#', 1]])).codes, [1]);
    client.sendPublish({ topic: 'twice/a', payload: 'once', qos: 1, id: 9 });
    await client.receive('once');
    t.is((await client.expect('puback')).code, 0);
    await client.expectSilence();
  }),
);

test.serial(
  'a connection whose authentication is not answered within the time to CONNECT is closed',
  withBench({ ...HOOKS, config: { 'mqtt.client.idle_timeout': '8s' } }, async (bench, t) => {
    const clientId = bench.clientId(0);
    const client = await bench.open(5);
    client.send(connect({ version: 5, clientId, username: 'silent', clean: false }));
    await bench.remote.heard('silent');
    // No byte of the client prolongs it.
    await advanceClock(bench.broker, 6_000);
    client.send([0xc0]);
    await advanceClock(bench.broker, 2_500);
    await client.expectClosed();
    t.is(await owner(bench, clientId), null);
    await until(() => current(bench) === 0, 'the connection to be counted as closed');
    t.is(bench.broker.listenerFigures()[0]!.shutdownCount()['idle_timeout'], 1);
  }),
);

test.serial(
  'a slow authorizePublish holds up its own connection only, and its packets keep their order',
  withBench(HOOKS, async (bench, t) => {
    const watcher = await bench.connect(0, 4);
    await watcher.subscribe('t/#');
    const slow = await bench.connect(0, 5);
    const other = await bench.connect(0, 5);
    slow.send(
      publish(5, { topic: 't/1', payload: '1' }),
      publish(5, { topic: 't/slow', payload: '2', qos: 1, id: 1 }),
      publish(5, { topic: 't/3', payload: '3', qos: 1, id: 2 }),
    );
    await bench.remote.heard('t/slow');
    t.is((await other.publish({ topic: 't/other', payload: 'other', qos: 1 }))?.code, 0);
    await watcher.receive('1');
    await watcher.receive('other');
    await watcher.expectNothingFrom(other);
    bench.remote.tell('answer');
    await watcher.receive('2');
    await watcher.receive('3');
    t.deepEqual([(await slow.expect('puback')).id, (await slow.expect('puback')).id], [1, 2]);
  }),
);

for (const version of [3, 4, 5] as const) {
  test.serial(
    `level ${version}: a publish that is refused late reaches nobody and is answered as one refused at once`,
    withBench(HOOKS, async (bench, t) => {
      const watcher = await bench.connect(0, 4);
      await watcher.subscribe('t/#');
      const client = await bench.connect(0, version);
      const code = version === 5 ? 0x87 : 0;
      for (const [qos, answer] of [
        [1, 'puback'],
        [2, 'pubrec'],
      ] as const) {
        client.sendPublish({ topic: 't/slow denied', qos, id: qos });
        await bench.remote.heard('t/slow denied', qos);
        bench.remote.tell('answer');
        t.is((await client.expect(answer)).code, code);
      }
      await watcher.expectNothingFrom(await bench.connect(0, 4));
    }),
  );
}

for (const version of [4, 5] as const) {
  test.serial(
    `level ${version}: authorizeSubscribe decides filter by filter, in their order, however slowly`,
    withBench(HOOKS, async (bench, t) => {
      const client = await bench.connect(0, version);
      const id = client.nextId();
      const filters = ['a', 'slow/1', 'denied', 'slow/denied', 'b'];
      client.send(
        subscribe(
          version,
          id,
          filters.map((filter) => [filter, 1]),
        ),
      );
      await bench.remote.heard('slow/1');
      t.is(bench.remote.count('denied'), 0);
      bench.remote.tell('answer');
      await bench.remote.heard('slow/denied');
      bench.remote.tell('answer');
      const refused = version === 5 ? 0x87 : 0x80;
      t.deepEqual((await client.expect('suback')).codes, [1, 1, refused, refused, 1]);
    }),
  );
}

test.serial(
  'a publish or subscribe whose authorization is never answered is refused after 10 s',
  withBench(HOOKS, async (bench, t) => {
    const publisher = await bench.connect(0, 5);
    const subscriber = await bench.connect(0, 5);
    const slow = await bench.connect(0, 5);
    publisher.sendPublish({ topic: 'silent', qos: 1, id: 1 });
    subscriber.send(subscribe(5, 1, [['silent', 1]]));
    await bench.remote.heard('silent', 2);
    await advanceClock(bench.broker, PAST_HOOK_TIMEOUT_MS / 2);
    slow.sendPublish({ topic: 'slow', qos: 1, id: 1 });
    await bench.remote.heard('slow');
    await advanceClock(bench.broker, PAST_HOOK_TIMEOUT_MS / 2);
    t.is((await publisher.expect('puback')).code, 0x87);
    t.deepEqual((await subscriber.expect('suback')).codes, [0x87]);
    bench.remote.tell('answer');
    t.is((await slow.expect('puback')).code, 0x10);
  }),
);

test.serial(
  'a pause for the rate limit does not let packets pass a SUBSCRIBE whose authorization is under way',
  withBench({ ...HOOKS, config: { 'listener.tcp.external.rate_limit': '1,1' } }, async (bench, t) => {
    const client = await bench.connect(0, 4);
    const filter = `slow/${'x'.repeat(1_500)}`;
    client.send(
      subscribe(4, 1, [[filter, 0]]),
      publish(4, { topic: filter.replace('slow', 't'), payload: 'behind' }),
    );
    await bench.remote.heard(filter);
    await advanceClock(bench.broker, 2_000);
    await advanceClock(bench.broker, 2_000);
    t.deepEqual(
      bench.remote.words.filter((word) => word.startsWith('t/')),
      [],
    );
    bench.remote.tell('answer');
    t.deepEqual((await client.expect('suback')).codes, [0]);
    await bench.remote.heard(filter.replace('slow', 't'));
  }),
);
