/** What a connection brings beyond messages: aliases, identifiers, mountpoints, what CONNACK tells, older protocols. */
import { NO_LOCAL, PERSISTENT, RETAIN_AS_PUBLISHED } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { numbered, publishAll, scenesWith, sceneWith } from './stage.js';

const scene = scenesWith({
  'mqtt.max_topic_alias': 4,
  'mqtt.server_keepalive': '60s',
  'mqtt.response_information': 'answers/',
  'listener.tcp.mounted': '127.0.0.1:0',
  'listener.tcp.mounted.mountpoint': 'floor/1/',
});

const DISCONNECTED = { topicAliasInvalid: 0x94, protocolError: 0x82 } as const;

scene('aliases from a client: used, replaced, mixed with plain topics, of QoS 0 to 2', async (t, s) => {
  const subscriber = await s.connect({ at: 1 });
  await subscriber.subscribe([[s.topic('#'), 2]]);
  const publisher = await s.connect();
  t.is(publisher.connack?.properties.topicAliasMaximum, 4);
  const [a, b] = [s.topic('a'), s.topic('b')];
  const steps = [
    { topic: a, alias: 1, is: a },
    { topic: b, alias: 4, is: b },
    { topic: '', alias: 1, is: a },
    { topic: '', alias: 4, is: b },
    { topic: b, alias: 1, is: b },
    { topic: a, alias: 0, is: a },
    { topic: '', alias: 1, is: b },
  ];
  for (const [n, { topic, alias, is }] of steps.entries()) {
    const properties = alias === 0 ? {} : { topicAlias: alias };
    await publisher.publish({ topic, payload: `${n}`, qos: n % 3, properties });
    const found = await subscriber.receive(`${n}`);
    t.is(found.topic, is);
    t.is(found.properties.topicAlias, undefined);
  }
});

scene(
  'an alias of one client means nothing for another, or for the same on its next connection',
  async (_t, s) => {
    const topic = s.topic('a');
    const properties = { topicAlias: 2 };
    const first = await s.connect(PERSISTENT);
    await first.publish({ topic, qos: 1, properties });
    const other = await s.connect();
    other.sendPublish({ topic: '', properties });
    await other.expectEnd(DISCONNECTED.protocolError);
    const again = await s.resume(first);
    again.sendPublish({ topic: '', properties });
    await again.expectEnd(DISCONNECTED.protocolError);
  },
);

scene(
  'aliases to a client: no more than it takes, the topic with the first use only, anew on each connection',
  async (t, s) => {
    const topics = numbered(6).map((name) => s.topic(`a-topic-long-enough-for-an-alias/${name}`));
    const limit = { sessionExpiry: 3_600, topicAliasMaximum: 3 };
    let subscriber = await s.connect({ clean: false, properties: limit });
    await subscriber.subscribe([[s.topic('#'), 1]]);
    const publisher = await s.connect({ at: 1 });
    for (let connection = 0; connection < 2; connection += 1) {
      const known = new Map<number, string>();
      for (let round = 0; round < 3; round += 1) {
        for (const topic of topics) {
          await publisher.publish({ topic, payload: topic, qos: round % 2 });
          const found = await subscriber.receive(topic);
          const { topicAlias: alias = 0 } = found.properties;
          t.true(alias <= 3);
          if (found.topic === '') t.is(known.get(alias), topic);
          else t.is(found.topic, topic);
          if (alias > 0) known.set(alias, topic);
          else t.not(found.topic, '');
        }
      }
      t.true(known.size > 0 && known.size <= 3, `${known.size} aliases`);
      await s.lose(subscriber);
      subscriber = await s.resume(subscriber, { properties: limit });
    }
  },
);

scene('a message with an alias on its way that is lost comes again with its topic', async (t, s) => {
  const topic = s.topic('a-topic-long-enough-for-an-alias');
  const properties = { sessionExpiry: 3_600, topicAliasMaximum: 3 };
  const subscriber = await s.connect({ clean: false, properties });
  await subscriber.subscribe([[topic, 1]]);
  const publisher = await s.connect({ at: 1 });
  await publishAll(publisher, topic, ['one', 'two'], 1);
  await subscriber.expectPublish('one');
  t.is((await subscriber.expectPublish('two')).topic, '');
  await s.lose(subscriber);
  const again = await s.resume(subscriber, { properties });
  t.is((await again.receive('one')).topic, topic);
  t.is((await again.expectPublish('two')).topic, '');
  // The acknowledgement of the first has been taken.
  await again.expectSilence();
  const plain = await s.resume(subscriber);
  t.is((await plain.receive('two')).topic, topic);
});

scene(
  'overlapping subscriptions give one copy: highest QoS, all identifiers, any retain as published',
  async (t, s) => {
    const topic = s.topic('a/b');
    const subscriber = await s.connect();
    const subscriptions = [
      [s.topic('a/b'), 1, 11],
      [s.topic('a/+'), 2, 12],
      [s.topic('#'), RETAIN_AS_PUBLISHED, 0],
      [s.topic('+/b'), 0, 268_435_455],
    ] as const;
    for (const [filter, options, identifier] of subscriptions) {
      const given = identifier === 0 ? {} : { subscriptionIdentifiers: [identifier] };
      await subscriber.subscribe([[filter, options]], given);
    }
    const publisher = await s.connect({ at: 1 });
    await publisher.publish({ topic, payload: 'm', qos: 2, retain: true });
    const found = await subscriber.receive('m');
    t.like(found, { qos: 2, retain: true });
    t.deepEqual(
      found.properties.subscriptionIdentifiers?.sort((x, y) => x - y),
      [11, 12, 268_435_455],
    );
    await subscriber.expectNothingFrom(publisher);
  },
);

scene('no local holds over a reconnect, and for the client only', async (_t, s) => {
  const topic = s.topic('a');
  const client = await s.connect(PERSISTENT);
  await client.subscribe([[topic, 1 | NO_LOCAL]]);
  await s.lose(client);
  const again = await s.resume(client);
  const other = await s.connect({ at: 1 });
  await other.subscribe(topic);
  await again.publish({ topic, payload: 'own', qos: 1 });
  await other.receive('own');
  other.sendPublish({ topic, payload: 'other' });
  await again.receive('other');
  await other.receive('other');
  await again.expectNothingFrom(other);
});

for (const [version, level] of [
  [3, 0x83],
  [4, 0x84],
] as const) {
  scene(`MQTT level ${version}: a bridge gets RETAIN as published`, async (t, s) => {
    const topic = s.topic('a');
    const bridge = await s.connect({ version, level });
    const plain = await s.connect({ version });
    for (const client of [bridge, plain]) await client.subscribe([[topic, 1]]);
    const publisher = await s.connect({ at: 1 });
    for (const retain of [true, false]) {
      await publisher.publish({ topic, payload: `${retain}`, qos: 1, retain });
      t.is((await bridge.receive(`${retain}`)).retain, retain);
      t.false((await plain.receive(`${retain}`)).retain);
    }
  });
}

scene('MQTT 3.1: a client with the old name and long ClientIds has everything 3.1.1 has', async (t, s) => {
  const topic = s.topic('a');
  const will = { topic: s.topic('will'), payload: 'gone' };
  const clientId = s.clientId();
  const client = await s.connect({ version: 3, clean: false, clientId, will, username: 'u', password: 'p' });
  t.deepEqual((await client.subscribe([[s.topic('#'), 2]])).codes, [2]);
  await client.disconnect();
  const publisher = await s.connect({ version: 3, at: 1, will });
  for (const qos of [1, 2]) await publisher.publish({ topic, payload: `${qos}`, qos });
  await s.settled(publisher);
  const again = await s.connect({ version: 3, clean: false, clientId });
  for (const { qos, payload } of await again.receiveAll(2)) t.is(`${qos}`, payload);
  await s.lose(publisher);
  await again.receive('gone');
});

scene('server keep alive: MQTT 5 is told and held to it, 3.1.1 keeps its own', async (t, s) => {
  const five = await s.connect({ keepAlive: 1_000 });
  t.is(five.connack?.properties.serverKeepAlive, 60);
  const same = await s.connect({ keepAlive: 60 });
  t.is(same.connack?.properties.serverKeepAlive, undefined);
  const four = await s.connect({ version: 4, keepAlive: 1_000 });
  await s.advanceClock(95);
  await five.expectEnd(0x8d);
  await four.expectSilence();
});

scene('response information is the prefix and the ClientId, for who asks', async (t, s) => {
  const asks = await s.connect({ properties: { requestResponseInformation: 1 } });
  t.is(asks.connack?.properties.responseInformation, `answers/${asks.clientId}/`);
  t.is((await s.connect()).connack?.properties.responseInformation, undefined);
});

scene.once('assigned ClientIds are all different, and can be used to come back', async (t, s) => {
  const ids = new Set<string>();
  for (let n = 0; n < 60; n += 1) {
    const version = n % 3 === 0 ? 4 : 5;
    const client = await s.connect({ version, clientId: '', properties: { sessionExpiry: 100 } });
    if (version === 4) continue;
    ids.add(client.clientId);
    await client.disconnect();
    t.true((await s.resume(client)).connack?.sessionPresent);
  }
  t.is(ids.size, 40);
  t.false(ids.has(''));
  t.deepEqual([...new Set([...ids].map((id) => s.broker.shardOf(id)))].sort(), [0, 1, 2]);
});

/** A client of the listener whose topics are all below `floor/1/`. */
const MOUNTED = { listener: 'mounted' } as const;

scene('a mountpoint goes before every topic that comes in, and is taken off what goes out', async (t, s) => {
  const inside: RawClient[] = [await s.connect(MOUNTED), await s.connect({ ...MOUNTED, at: 1, version: 4 })];
  const outside = await s.connect({ at: 2 });
  await outside.subscribe([[`floor/1/${s.topic('#')}`, 2]]);
  const topic = s.topic('a');
  for (const client of inside) await client.subscribe([[topic, 2]]);
  for (const publisher of inside) {
    publisher.sendPublish({ topic, payload: 'in' });
    t.is((await outside.receive('in')).topic, `floor/1/${topic}`);
    for (const client of inside) t.is((await client.receive('in')).topic, topic);
  }
  outside.sendPublish({ topic: `floor/1/${topic}`, payload: 'out', retain: true });
  await outside.receive('out');
  for (const client of inside) t.is((await client.receive('out')).topic, topic);
  const late = await s.connect({ ...MOUNTED, at: 2, properties: { topicAliasMaximum: 9 } });
  await late.subscribe(s.topic('#'));
  t.is((await late.receive('out')).topic, topic);
  outside.sendPublish({ topic, payload: 'elsewhere' });
  outside.sendPublish({ topic: `floor/1/${topic}`, payload: 'next' });
  await late.receive('next');
});

scene('a mountpoint goes before wills, groups and aliases too', async (t, s) => {
  const topic = s.topic('a');
  const outside = await s.connect({ at: 2 });
  await outside.subscribe([[`floor/1/${s.topic('#')}`, 1]]);
  const client = await s.connect({ ...MOUNTED, will: { topic: s.topic('will'), payload: 'gone' } });
  await client.subscribe([[`$share/g/${topic}`, 1]]);
  for (const name of [topic, '']) {
    client.sendPublish({ topic: name, payload: 'm', properties: { topicAlias: 1 } });
    t.is((await outside.receive('m')).topic, `floor/1/${topic}`);
    t.is((await client.receive('m')).topic, topic);
  }
  await s.lose(client);
  t.is((await outside.receive('gone')).topic, `floor/1/${s.topic('will')}`);
});

scene(
  'behind a mountpoint an empty topic, and one that gets too long, are no topics either',
  async (t, s) => {
    for (const version of [4, 5] as const) {
      const empty = await s.connect({ ...MOUNTED, version });
      empty.sendPublish({ topic: '', payload: 'm' });
      await empty.expectEnd(DISCONNECTED.protocolError);
    }
    const long = 'x'.repeat(65_535);
    const client = await s.connect(MOUNTED);
    client.sendPublish({ topic: long, payload: 'm' });
    await client.expectEnd(0x90);
    const refused = await s.open(5, 'mounted');
    t.is((await refused.connect({ clientId: s.clientId(), will: { topic: long } })).code, 0x90);
  },
);

sceneWith(
  'with a maximum of 0 no alias is offered or taken',
  { 'mqtt.max_topic_alias': 0 },
  async (t, s) => {
    const client = await s.connect();
    t.true((client.connack?.properties.topicAliasMaximum ?? 0) === 0);
    client.sendPublish({ topic: 'a', properties: { topicAlias: 1 } });
    await client.expectEnd(DISCONNECTED.topicAliasInvalid);
  },
  1,
);
