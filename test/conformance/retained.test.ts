/** Retained messages, as far as 3.1.1 and 5 agree. */
import { PERSISTENT, subscribe } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { type Bench, rulesWith } from './rules.js';

const rule = rulesWith();

/** Keeps a message in the topic and returns when it can be relied on. */
async function retain(publisher: RawClient, topic: string, payload: string, qos = 1): Promise<void> {
  await publisher.publish({ topic, payload, qos, retain: true });
  // The answer to QoS 0 is that of the next packet.
  if (qos === 0) await publisher.publish({ topic: `${topic}/after`, qos: 1 });
}

/** Enough that every shard owns some of them. */
const ENDS = ['0', '1', '2', '3', '4', '5', '6', '7'];

/** What a new client finds in the topics that match; messages retained elsewhere end the search. */
async function found(b: Bench, filter: string): Promise<string[]> {
  const reader = await b.connect();
  for (const name of ENDS) await retain(reader, b.topic(`end/${name}`), 'end');
  reader.send(subscribe(b.version, 1, [[filter, 0]]), subscribe(b.version, 2, [[b.topic('end/+'), 0]]));
  const payloads: string[] = [];
  for (let missing = ENDS.length + 2; missing > 0; ) {
    const next = await reader.next();
    if (next?.type === 'suback' || next?.payload === 'end') missing -= 1;
    else payloads.push(next?.payload ?? 'closed');
  }
  return payloads;
}

rule(
  'v3 MQTT-3.3.1-5 MQTT-3.3.1-6 MQTT-3.3.1-8 v5 MQTT-3.3.1-5 MQTT-3.3.1-9: a new subscription gets each retained message, with its QoS and RETAIN 1',
  async (t, b) => {
    const publisher = await b.connect();
    for (const qos of [0, 1, 2]) await retain(publisher, b.topic(`level/${qos}`), `qos ${qos}`, qos);
    const reader = await b.connect();
    await reader.subscribe([[b.topic('level/+'), 2]]);
    const payloads: string[] = [];
    for (const message of await reader.receiveAll(3)) {
      t.true(message.retain);
      t.false(message.dup);
      t.is(message.topic, b.topic(`level/${message.qos}`));
      payloads.push(message.payload);
    }
    t.deepEqual(payloads.sort(), ['qos 0', 'qos 1', 'qos 2']);
    await reader.expectNothingFrom(publisher);
  },
);

rule(
  'v3 MQTT-3.3.1-5 MQTT-3.3.1-7 v5 MQTT-3.3.1-5: a later retained message replaces the one before, QoS 0 too',
  async (t, b) => {
    const publisher = await b.connect();
    await retain(publisher, b.topic('a'), 'first', 2);
    await retain(publisher, b.topic('a'), 'second', 1);
    t.deepEqual(await found(b, b.topic('a')), ['second']);
    await retain(publisher, b.topic('a'), 'third', 0);
    t.deepEqual(await found(b, b.topic('a')), ['third']);
  },
);

rule('v3 MQTT-3.3.1-9: a standing subscription gets RETAIN 0', async (t, b) => {
  const subscriber = await b.connect();
  await subscriber.subscribe([[b.topic('a'), 2]]);
  const publisher = await b.connect();
  for (const qos of [0, 1, 2]) {
    await publisher.publish({ topic: b.topic('a'), payload: `qos ${qos}`, qos, retain: true });
    t.false((await subscriber.receive(`qos ${qos}`)).retain);
  }
});

rule(
  'v3 MQTT-3.3.1-10 MQTT-3.3.1-11 v5 MQTT-3.3.1-6 MQTT-3.3.1-7: an empty retained message is delivered, removes the one before and is not kept',
  async (t, b) => {
    const publisher = await b.connect();
    await retain(publisher, b.topic('a'), 'kept');
    const subscriber = await b.connect();
    await subscriber.subscribe(b.topic('a'));
    await subscriber.expectPublish('kept');
    await retain(publisher, b.topic('a'), '');
    const last = await subscriber.expectPublish('');
    t.false(last.retain);
    t.deepEqual(await found(b, b.topic('a')), []);
  },
);

rule(
  'v3 MQTT-3.3.1-12 v5 MQTT-3.3.1-8: a message without RETAIN is not kept and does not touch the one that is',
  async (t, b) => {
    const publisher = await b.connect();
    await publisher.publish({ topic: b.topic('a'), payload: 'passing', qos: 1 });
    t.deepEqual(await found(b, b.topic('a')), []);
    await retain(publisher, b.topic('a'), 'kept');
    await publisher.publish({ topic: b.topic('a'), payload: 'passing', qos: 1 });
    await publisher.publish({ topic: b.topic('a'), payload: '', qos: 1 });
    t.deepEqual(await found(b, b.topic('a')), ['kept']);
  },
);

rule('v3 MQTT-3.1.2-7: a retained message outlives the session of its publisher', async (t, b) => {
  const publisher = await b.connect();
  await retain(publisher, b.topic('a'), 'kept');
  await publisher.disconnect();
  t.deepEqual(await found(b, b.topic('a')), ['kept']);
});

rule(
  'v3 MQTT-4.7.2-1 v5 MQTT-4.7.2-1: wildcards find retained messages as they find live ones',
  async (t, b) => {
    const publisher = await b.connect();
    for (const name of ['r', 'r/a', 'r/a/b', 'r/', 's']) await retain(publisher, b.topic(name), name);
    await retain(publisher, `$kept/${b.topic('r')}`, 'dollar');
    t.deepEqual((await found(b, b.topic('r/#'))).sort(), ['r', 'r/', 'r/a', 'r/a/b']);
    t.deepEqual((await found(b, b.topic('+'))).sort(), ['r', 's']);
    t.deepEqual((await found(b, b.topic('r/+'))).sort(), ['r/', 'r/a']);
    t.deepEqual(await found(b, `+/${b.topic('r')}`), []);
    t.deepEqual(await found(b, `$kept/${b.topic('#')}`), ['dollar']);
  },
);

rule(
  'v3 MQTT-3.3.1-6 MQTT-3.8.4-3 v5 MQTT-3.8.4-4: a session that is resumed is not sent retained messages anew',
  async (_t, b) => {
    const publisher = await b.connect();
    await retain(publisher, b.topic('a'), 'kept');
    const subscriber = await b.connect(PERSISTENT);
    await subscriber.subscribe(b.topic('a'));
    await subscriber.expectPublish('kept');
    await subscriber.disconnect();
    const again = await b.resume(subscriber);
    await again.expectNothingFrom(publisher);
    await again.subscribe(b.topic('a'));
    await again.expectPublish('kept');
  },
);
