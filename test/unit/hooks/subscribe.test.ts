/** What plugins make of SUBSCRIBE and UNSUBSCRIBE, and what they are told of them. */
import test, { type ExecutionContext } from 'ava';
import { HOOK_FILTERS_MAX, HOOK_TIMEOUT_MS } from '../../../src/limits.js';
import type { ShardHooks, SubscribeFilter } from '../../../src/plugins/api.js';
import { asClientId } from '../../../src/protocol/ids.js';
import { SubscribeFlow } from '../../../workers/connection/subscribe-flow.js';
import * as packets from '../../helpers/packets.js';
import { settle, type TestClient, TestShard } from '../../helpers/test-shard.js';
import type { Version } from '../../helpers/wire.js';

interface Stage {
  readonly shard: TestShard;
  readonly client: TestClient;
  subscribe(...filters: readonly packets.Subscription[]): Promise<readonly number[] | undefined>;
  /** Who gets a message to each of these topics. */
  reached(...topics: readonly string[]): Promise<string[]>;
}

async function stageFor(t: ExecutionContext, hooks: ShardHooks, version: Version = 5): Promise<Stage> {
  const shard = new TestShard({ hooks });
  t.teardown(() => shard.stop());
  const client = shard.open('c', { version });
  const publisher = shard.open('p', { version });
  await settle();
  client.take();
  return {
    shard,
    client,
    subscribe: async (...filters) => {
      client.subscribe(1, ...filters);
      await settle();
      return client.take().find(({ type }) => type === 'suback')?.codes;
    },
    reached: async (...topics) => {
      for (const topic of topics) {
        publisher.publish({ topic, payload: topic, qos: 2, id: 1 });
        publisher.send(packets.ack('pubrel', 1));
      }
      await settle();
      return client
        .take()
        .filter(({ type }) => type === 'publish')
        .map(({ topic, qos }) => `${topic} ${qos}`);
    },
  };
}

for (const isLate of [false, true]) {
  const when = isLate ? 'late' : 'at once';
  const given = <T>(made: T): T | Promise<T> => (isLate ? Promise.resolve(made) : made);

  for (const version of [4, 5] as const) {
    test(`MQTT ${version}: a plugin puts filters in place of others, or refuses them, ${when}`, async (t) => {
      const seen: unknown[] = [];
      const { subscribe, reached } = await stageFor(
        t,
        {
          'client.subscribe': (client, filters) => {
            seen.push(client.clientId, filters);
            return given(
              filters.map(({ filter, qos }) => {
                if (filter === 'refused') return null;
                return filter === 'old/#' ? { filter: 'new/#', qos: 0 } : { filter, qos };
              }),
            );
          },
        },
        version,
      );
      const codes = await subscribe(['old/#', 2], ['refused', 1], ['same', 1]);
      t.deepEqual(codes, [0, version === 5 ? 0x87 : 0x80, 1]);
      t.deepEqual(seen, [
        'c',
        [
          { filter: 'old/#', qos: 2 },
          { filter: 'refused', qos: 1 },
          { filter: 'same', qos: 1 },
        ],
      ]);
      t.deepEqual(await reached('old/a'), []);
      t.deepEqual(await reached('new/a'), ['new/a 0']);
      t.deepEqual(await reached('same'), ['same 1']);
    });
  }

  test(`a plugin puts other filters in place of those of UNSUBSCRIBE ${when}`, async (t) => {
    const { client, subscribe, reached } = await stageFor(t, {
      'client.unsubscribe': (_client, filters) =>
        given(filters.map((filter) => filter.replace('old', 'new'))),
    });
    await subscribe(['old', 0], ['new', 0]);
    client.send(packets.unsubscribe(5, 2, ['old', 'old']));
    await settle();
    t.deepEqual(client.take()[0]?.codes, [0, 0x11]);
    t.deepEqual(await reached('old'), ['old 0']);
    t.deepEqual(await reached('new'), []);
  });
}

test('what a plugin makes of a filter is validated and authorised again, prefixes taken off', async (t) => {
  const asked: string[] = [];
  const { subscribe } = await stageFor(t, {
    'client.authorize': ({ topic }) => {
      asked.push(topic);
      return topic.startsWith('secret') ? Promise.resolve('deny') : 'allow';
    },
    'client.subscribe': (_client, filters) =>
      filters.map(({ filter, qos }) => ({ filter: filter.replace('plain', ''), qos })),
  });
  const codes = await subscribe(
    ['plainsecret/#', 1],
    ['plaina/#/b', 1],
    ['$share/g/plainok', 1],
    ['same', 2],
  );
  t.deepEqual(codes, [0x87, 0x8f, 1, 2]);
  // The second is no filter as soon as it is looked at.
  t.deepEqual(asked, ['plainsecret/#', 'plainok', 'same', 'secret/#', 'ok']);
});

test('filters that were denied are not shown to plugins', async (t) => {
  const seen: unknown[] = [];
  const { subscribe } = await stageFor(t, {
    'client.authorize': ({ topic }) => (topic === 'denied' ? 'deny' : 'allow'),
    'client.subscribe': (_client, filters) => {
      seen.push(...filters.map(({ filter }) => filter));
      return undefined;
    },
  });
  t.deepEqual(await subscribe(['a', 0], ['denied', 0], ['b', 1]), [0, 0x87, 1]);
  t.deepEqual(seen, ['a', 'b']);
});

test('each plugin gets what those before have made of the filters, without those they refused', async (t) => {
  const { shard, subscribe, reached } = await stageFor(t, {
    'client.subscribe': (_client, filters) =>
      filters.map(({ filter, qos }) => (filter === 'b' ? null : { filter: `${filter}1`, qos })),
  });
  shard.parts.registry.add('second', {
    'client.subscribe': (_client, filters) => filters.map(({ filter }) => ({ filter: `${filter}2`, qos: 1 })),
  });
  t.deepEqual(await subscribe(['a', 2], ['b', 2], ['c', 2]), [1, 0x87, 1]);
  t.deepEqual(await reached('a12', 'c12', 'a1', 'c'), ['a12 1', 'c12 1']);
});

for (const [name, answer] of [
  ['throws', new Error('no')],
  ['answers too few', []],
  ['answers no list', { filter: 'x', qos: 0 }],
  ['answers a filter without QoS', [{ filter: 'x' }]],
  ['answers a QoS that there is not', [{ filter: 'x', qos: 3 }]],
  ['rejects', Promise.reject(new Error('never'))],
  ['never answers', new Promise(() => {})],
] as const) {
  test(`a handler of SUBSCRIBE that ${name} is passed over`, async (t) => {
    const { shard, client, subscribe, reached } = await stageFor(t, {
      'client.subscribe': () => {
        if (answer instanceof Error) throw answer;
        return answer as readonly SubscribeFilter[];
      },
    });
    let codes = await subscribe(['a', 1]);
    if (name === 'never answers') {
      t.is(codes, undefined);
      await shard.advance(HOOK_TIMEOUT_MS + 500);
      codes = client.take()[0]?.codes;
    }
    t.deepEqual(codes, [1]);
    t.deepEqual(await reached('a'), ['a 1']);
  });
}

test('many filters come to plugins in lots, and their codes keep their order', async (t) => {
  const lots: number[] = [];
  const { client, subscribe } = await stageFor(t, {
    'client.subscribe': async (_client, filters) => {
      lots.push(filters.length);
      return filters.map((each) => (each.filter.endsWith('7') ? null : each));
    },
    'client.unsubscribe': async (_client, filters) => {
      lots.push(filters.length);
      return undefined;
    },
  });
  const count = HOOK_FILTERS_MAX * 2 + 3;
  const names = Array.from({ length: count }, (_, i) => `t/${i}`);
  const codes = await subscribe(...names.map((name) => [name, 1] as const));
  t.deepEqual(
    codes,
    names.map((name) => (name.endsWith('7') ? 0x87 : 1)),
  );
  client.send(packets.unsubscribe(5, 2, names));
  await settle();
  t.deepEqual(
    client.take()[0]?.codes,
    names.map((name) => (name.endsWith('7') ? 0x11 : 0)),
  );
  t.deepEqual(lots, [HOOK_FILTERS_MAX, HOOK_FILTERS_MAX, 3, HOOK_FILTERS_MAX, HOOK_FILTERS_MAX, 3]);
});

test('a client that leaves while a plugin is asked about its SUBSCRIBE has subscribed to nothing', async (t) => {
  let answer: () => void = () => {};
  const shard = new TestShard({
    hooks: {
      'client.subscribe': () => new Promise((resolve) => (answer = () => resolve(undefined))),
    },
  });
  t.teardown(() => shard.stop());
  const client = shard.open('c', { clean: false, properties: { sessionExpiry: 60 } });
  client.subscribe(1, ['a', 1]);
  await settle();
  client.drop();
  await settle();
  answer();
  await settle();
  t.is(shard.parts.router.countOf(shard.session('c')!), 0);
});

test('subscribed is told with the filter that holds, also again; unsubscribed only of what there was', async (t) => {
  const told: unknown[] = [];
  const { client, subscribe } = await stageFor(t, {
    'client.subscribe': (_client, filters) =>
      filters.map(({ filter, qos }) =>
        filter === 'no' ? null : { filter: filter.replace('old', 'new'), qos },
      ),
    'session.subscribed': ({ clientId }, filter) => told.push([clientId, filter]),
    'session.unsubscribed': ({ clientId }, filter) => told.push([clientId, filter]),
  });
  await subscribe(['old', 1], ['no', 1], ['$share/g/s', 2]);
  await subscribe(['old', 0]);
  client.send(packets.unsubscribe(5, 2, ['old', 'new', '$share/g/s']));
  t.deepEqual(told, [
    ['c', { filter: 'new', qos: 1 }],
    ['c', { filter: '$share/g/s', qos: 2 }],
    ['c', { filter: 'new', qos: 0 }],
    ['c', 'new'],
    ['c', '$share/g/s'],
  ]);
});

test('a plugin subscribes its client as if it had asked, and its packets that wait go on waiting', async (t) => {
  let answer: () => void = () => {};
  const { shard, client, reached } = await stageFor(t, {
    'client.authorize': ({ topic }) => (topic === 'denied' ? 'deny' : 'allow'),
    'client.subscribe': (_client, filters) =>
      filters.map(({ filter, qos }) => ({ filter: filter.replace('old', 'new'), qos })),
    'message.publish': ({ topic }) =>
      topic === 'held' ? new Promise((resolve) => (answer = () => resolve(undefined))) : undefined,
  });
  const flow = new SubscribeFlow(shard.parts);
  client.publish({ topic: 'held', qos: 1, id: 9 });
  for (const filter of ['old', 'denied', 'no/#/filter', '$share/g/s']) {
    flow.subscribeFor(asClientId('c'), filter, 1);
  }
  flow.subscribeFor(asClientId('nobody'), 'old', 1);
  await settle();
  t.deepEqual(client.take(), []);
  t.is(shard.parts.router.countOf(shard.session('c')!), 2);
  t.deepEqual(await reached('new', 'old', 'denied', 's'), ['new 1', 's 1']);
  answer();
  await settle();
  t.deepEqual(
    client.take().map(({ type, id }) => [type, id]),
    [['puback', 9]],
  );
  flow.unsubscribeFor(asClientId('c'), 'new');
  await settle();
  t.deepEqual(client.take(), []);
  t.deepEqual(await reached('new', 's'), ['s 1']);
});
