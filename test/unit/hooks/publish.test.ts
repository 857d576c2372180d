/** What plugins make of messages: of clients, of the broker itself and of wills; and what they are told of them. */
import test, { type ExecutionContext } from 'ava';
import { HOOK_TIMEOUT_MS, OWN_MESSAGES_WAITING_MAX } from '../../../src/limits.js';
import type { HookMessage, ShardHooks } from '../../../src/plugins/api.js';
import { createMessage } from '../../../src/protocol/message.js';
import * as packets from '../../helpers/packets.js';
import { settle, type TestClient, TestShard, type TestShardOptions } from '../../helpers/test-shard.js';

type Made = HookMessage | null | undefined;

async function stageFor(
  t: ExecutionContext,
  hooks: ShardHooks,
  options: TestShardOptions = {},
): Promise<{ shard: TestShard; publisher: TestClient; watcher: TestClient }> {
  const shard = new TestShard({ ...options, hooks });
  t.teardown(() => shard.stop());
  const watcher = shard.open('watcher');
  watcher.subscribe(1, ['#', 2]);
  const publisher = shard.open('publisher', { username: 'u' });
  await settle();
  watcher.take();
  publisher.take();
  return { shard, publisher, watcher };
}

function publishOwn(shard: TestShard, topic: string, payload = 'own'): void {
  shard.parts.publisher.publishOwn(
    createMessage({ topic, payload: Buffer.from(payload), qos: 1, retain: false, receivedAtMs: 1 }),
  );
}

/** `topic payload` of the messages that have come. */
function heard(client: TestClient): string[] {
  return client
    .take()
    .filter(({ type }) => type === 'publish')
    .map(({ topic, payload, qos }) => `${topic} ${payload} ${qos}`);
}

const acks = (client: TestClient): unknown[] => client.take().map(({ type, code }) => [type, code]);

for (const isLate of [false, true]) {
  const when = isLate ? 'late' : 'at once';
  const given = (made: Made): Made | Promise<Made> => (isLate ? Promise.resolve(made) : made);

  test(`a message that a plugin changes ${when} goes where it says, and is acknowledged as it came`, async (t) => {
    const { publisher, watcher } = await stageFor(t, {
      'message.publish': (message) => given({ ...message, topic: 'to', payload: Buffer.from('new'), qos: 0 }),
    });
    const properties = { userProperties: [['a', 'b'] satisfies [string, string]] };
    publisher.publish({ topic: 'from', payload: 'old', qos: 1, id: 7, properties });
    publisher.publish({ topic: 'from', payload: 'old', qos: 2, id: 8 });
    await settle();
    t.deepEqual(watcher.packets[0]?.properties.userProperties, [['a', 'b']]);
    t.deepEqual(heard(watcher), ['to new 0', 'to new 0']);
    t.deepEqual(acks(publisher), [
      ['puback', 0],
      ['pubrec', 0],
    ]);
  });

  test(`a message that a plugin takes out ${when} is acknowledged and reaches nobody`, async (t) => {
    const lost: unknown[] = [];
    const { publisher, watcher } = await stageFor(t, {
      'message.publish': () => given(null),
      'message.dropped': (...args) => lost.push(args),
    });
    for (const qos of [0, 1, 2]) publisher.publish({ topic: 't', payload: 'm', qos, id: qos + 1 });
    publisher.send(packets.ack('pubrel', 3));
    await settle();
    t.deepEqual(acks(publisher), [
      ['puback', 0],
      ['pubrec', 0],
      ['pubcomp', 0],
    ]);
    t.deepEqual(heard(watcher), []);
    t.deepEqual(lost, Array(3).fill([null, 't', 'dropped_by_hook']));
  });

  test(`a will and the broker's own messages are decided about ${when} too`, async (t) => {
    const seen: string[] = [];
    const { shard, watcher } = await stageFor(t, {
      'message.publish': (message) => {
        seen.push(`${message.topic} ${message.clientId} ${message.username}`);
        if (message.topic === 'out') return given(null);
        return given({ ...message, topic: `seen/${message.topic}` });
      },
    });
    shard.open('w', { username: 'n', will: { topic: 'will', payload: 'gone' } }).drop();
    publishOwn(shard, 'own');
    publishOwn(shard, 'out');
    await settle();
    t.deepEqual(seen, ['will w n', 'own null null', 'out null null']);
    t.deepEqual(heard(watcher), ['seen/will gone 0', 'seen/own own 1']);
  });
}

test('plugins see each what those before have made of a message, lowest priority first, then as registered', async (t) => {
  const { shard, publisher, watcher } = await stageFor(t, {});
  const adds = (letter: string, priority = 0): void =>
    shard.parts.registry.add(letter, {
      priority,
      'message.publish': (message) => ({ ...message, topic: message.topic + letter }),
    });
  adds('c', 1);
  adds('a');
  adds('b');
  publisher.publish({ topic: 't', payload: 'm' });
  await settle();
  t.deepEqual(heard(watcher), ['tabc m 0']);
});

test('who published a message cannot be changed, and the rest of it is given to every handler', async (t) => {
  const seen: HookMessage[] = [];
  const { shard, publisher } = await stageFor(t, {
    'message.publish': (message) => ({ ...message, clientId: 'somebody', username: null }),
  });
  shard.parts.registry.add('second', {
    'message.publish': (message) => {
      seen.push(message);
      return undefined;
    },
  });
  publisher.publish({ topic: 't', payload: 'm', qos: 1, retain: true });
  await settle();
  const payload = Buffer.from('m');
  t.deepEqual(seen, [{ topic: 't', payload, qos: 1, retain: true, clientId: 'publisher', username: 'u' }]);
});

for (const [name, change] of [
  ['a wildcard in its topic', { topic: 'a/#' }],
  ['an empty topic', { topic: '' }],
  ['U+0000 in its topic', { topic: 'a\0' }],
  ['a topic that is too long', { topic: 'a'.repeat(200) }],
  ['a topic with too many levels', { topic: 'a/'.repeat(10) }],
  ['a payload that is too large', { payload: Buffer.alloc(5_000) }],
] as const) {
  test(`a message with ${name} is lost, whoever made it so`, async (t) => {
    const config = {
      'mqtt.max_topic_length': '100',
      'mqtt.max_topic_levels': '8',
      'mqtt.max_packet_size': '5000',
    };
    const { publisher, watcher } = await stageFor(
      t,
      { 'message.publish': (message) => ({ ...message, ...change }) },
      { config },
    );
    publisher.publish({ topic: 't', payload: 'm', qos: 1 });
    await settle();
    t.deepEqual(heard(watcher), []);
    t.deepEqual(acks(publisher), [['puback', 0]]);
  });
}

test('a handler of messages that throws, hangs or answers nonsense is passed over', async (t) => {
  const { shard, publisher, watcher } = await stageFor(t, {
    'message.publish': ({ topic }) => {
      if (topic === 'throws') throw new Error('no');
      if (topic === 'hangs') return new Promise(() => {});
      return 'nonsense' as unknown as null;
    },
  });
  for (const topic of ['throws', 'nonsense', 'hangs', 'behind']) publisher.publish({ topic, payload: 'm' });
  await settle();
  t.deepEqual(heard(watcher), ['throws m 0', 'nonsense m 0']);
  await shard.advance(HOOK_TIMEOUT_MS + 500);
  t.deepEqual(heard(watcher), ['hangs m 0', 'behind m 0']);
});

test('a topic that a plugin has put in place of another is authorised again', async (t) => {
  const asked: string[] = [];
  const { publisher, watcher } = await stageFor(t, {
    'client.authorize': ({ topic, action, client }) => {
      if (action === 'publish') asked.push(`${client.clientId} ${topic}`);
      return topic.startsWith('secret') ? Promise.resolve('deny') : 'allow';
    },
    'message.publish': (message) => ({ ...message, topic: message.topic.replace('plain', 'secret') }),
  });
  publisher.publish({ topic: 'plain/1', payload: 'm', qos: 1, id: 1 });
  publisher.publish({ topic: 'other', payload: 'm', qos: 1, id: 2 });
  await settle();
  t.deepEqual(asked, ['publisher plain/1', 'publisher secret/1', 'publisher other']);
  t.deepEqual(acks(publisher), [
    ['puback', 0x87],
    ['puback', 0],
  ]);
  t.deepEqual(heard(watcher), ['other m 1']);
});

test('a will to a topic that its client may not publish to is not sent; a superuser may', async (t) => {
  const lost: unknown[] = [];
  const { shard, watcher } = await stageFor(t, {
    'client.authenticate': ({ username }) => ({ allow: true, superuser: username === 'root' }),
    'client.authorize': ({ topic, action }) => (action === 'publish' && topic === 'w' ? 'deny' : 'allow'),
    'message.dropped': (...args) => lost.push(args),
  });
  const will = { topic: 'w', payload: 'gone' };
  shard.open('a', { username: 'user', will }).drop();
  shard.open('b', { username: 'root', will }).drop();
  const stays = { clean: false, properties: { sessionExpiry: 60 } } as const;
  const delayed = { ...will, properties: { willDelay: 5 } };
  shard.open('c', { username: 'user', will: delayed, ...stays }).drop();
  await shard.advance(6_000);
  t.deepEqual(heard(watcher), ['w gone 0']);
  t.deepEqual(lost, Array(2).fill([null, 'w', 'denied']));
});

test('behind a mountpoint plugins see whole topics, and authorisation those that the client knows', async (t) => {
  const seen: string[] = [];
  const config = { 'listener.tcp.external.mountpoint': 'm/' };
  const { publisher, watcher } = await stageFor(
    t,
    {
      'client.authorize': ({ topic, action }) => {
        seen.push(`${action} ${topic}`);
        return 'allow';
      },
      'message.publish': (message) => {
        seen.push(message.topic);
        return { ...message, topic: 'm/to' };
      },
    },
    { config },
  );
  publisher.publish({ topic: 'from', payload: 'x' });
  await settle();
  t.deepEqual(seen, ['subscribe #', 'publish from', 'm/from', 'publish to']);
  t.deepEqual(heard(watcher), ['to x 0']);
});

test("the broker's own messages keep their order, however long plugins take for each", async (t) => {
  const answers = new Map<string, () => void>();
  const { shard, watcher } = await stageFor(t, {
    'message.publish': ({ topic }) => new Promise((resolve) => answers.set(topic, () => resolve(undefined))),
  });
  for (const topic of ['1', '2', '3']) publishOwn(shard, topic);
  answers.get('3')!();
  answers.get('2')!();
  await settle();
  t.deepEqual(heard(watcher), []);
  answers.get('1')!();
  await settle();
  t.deepEqual(heard(watcher), ['1 own 1', '2 own 1', '3 own 1']);
});

test("no more of the broker's own messages wait for plugins than the bound", async (t) => {
  const { shard } = await stageFor(t, { 'message.publish': () => new Promise(() => {}) });
  const before = shard.parts.counters.dropped;
  for (let i = 0; i < OWN_MESSAGES_WAITING_MAX + 10; i++) publishOwn(shard, 't');
  t.is(shard.parts.counters.dropped - before, 10);
});

test('a plugin that publishes whenever something is published or delivered does not hold up the shard', async (t) => {
  let published = 0;
  const { shard, publisher, watcher } = await stageFor(t, {
    'message.publish': () => {
      if (published++ < 50) publishOwn(shard, `p/${published}`);
      return undefined;
    },
    'message.delivered': (_clientId, { topic }) => {
      if (topic === 't') publishOwn(shard, 'delivered');
    },
  });
  publisher.publish({ topic: 't', payload: 'm', qos: 0 });
  t.deepEqual(heard(watcher).length, 0);
  await settle(200);
  t.deepEqual(
    heard(watcher)
      .map((line) => line.split(' ')[0]!)
      .filter((topic) => !topic.startsWith('p/')),
    ['t', 'delivered'],
  );
});

test('delivered and acked are told of each copy, as it was sent', async (t) => {
  const told: unknown[] = [];
  const brief = (clientId: string, { topic, payload, qos }: HookMessage): string =>
    `${clientId} ${topic} ${Buffer.from(payload).toString()} ${qos}`;
  const { shard, publisher, watcher } = await stageFor(t, {
    'message.delivered': (clientId, message) => told.push(['delivered', brief(clientId, message)]),
    'message.acked': (clientId, message) => told.push(['acked', brief(clientId, message)]),
  });
  shard.open('zero').subscribe(1, ['t', 0]);
  publisher.publish({ topic: 't', payload: 'one', qos: 1, id: 1 });
  await settle();
  t.deepEqual(told.splice(0).sort(), [
    ['delivered', 'watcher t one 1'],
    ['delivered', 'zero t one 0'],
  ]);
  watcher.send(packets.ack('pubrec', 1), packets.ack('puback', 1), packets.ack('puback', 1));
  t.deepEqual(told.splice(0), [['acked', 'watcher t one 1']]);
  publisher.publish({ topic: 'q', payload: 'two', qos: 2, id: 2 });
  await settle();
  told.length = 0;
  for (let i = 0; i < 2; i++) watcher.send(packets.ack('pubrec', 2));
  watcher.send(packets.ack('pubcomp', 2));
  t.deepEqual(told, [['acked', 'watcher q two 2']]);
});

test('what is lost is told with its reason and its receiver', async (t) => {
  const lost: unknown[] = [];
  const { shard, publisher } = await stageFor(
    t,
    {
      'client.authorize': ({ topic }) => (topic === 'denied' ? 'deny' : 'ignore'),
      'message.dropped': (...args) => lost.push(args),
    },
    { config: { 'mqtt.mqueue.max_length': '1' } },
  );
  shard.open('watcher');
  const stays = { clean: false, properties: { sessionExpiry: 60 } } as const;
  const away = shard.open('away', stays);
  away.subscribe(1, ['q', 1]);
  await settle();
  away.drop();
  await settle();
  const sends = (topic: string, properties = {}): void =>
    publisher.publish({ topic, payload: 'm', qos: 1, properties });
  sends('nobody');
  sends('denied');
  sends('q');
  sends('q', { messageExpiry: 1 });
  await shard.advance(2_000);
  shard.open('away', stays);
  await settle();
  t.deepEqual(lost, [
    [null, 'nobody', 'no_subscribers'],
    [null, 'denied', 'denied'],
    ['away', 'q', 'queue_full'],
    ['away', 'q', 'expired'],
  ]);
});
