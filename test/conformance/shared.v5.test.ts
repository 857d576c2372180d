/** Shared subscriptions of 5. */
import { PERSISTENT, retainHandling } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { type Bench, rulesWith } from './rules.js';

const rule = rulesWith();

rule(
  'v5 MQTT-4.8.2-1: each message goes to one member of the group, and to plain subscribers as well',
  async (t, b) => {
    const members = [await b.connect(), await b.connect(), await b.connect()];
    for (const member of members) await member.subscribe([[`$share/g/${b.topic('+')}`, 1]]);
    const plain = await b.connect();
    await plain.subscribe([[b.topic('+'), 1]]);
    const publisher = await b.connect();
    const sent = Array.from({ length: 18 }, (_, index) => `m${index}`);
    for (const payload of sent) await publisher.publish({ topic: b.topic('a'), payload, qos: 1 });
    const got: string[] = [];
    for (const member of members)
      got.push(...(await member.collectFrom(publisher)).map((one) => one.payload));
    t.deepEqual(got.sort(), [...sent].sort());
    t.deepEqual(
      (await plain.collectFrom(publisher)).map((one) => one.payload),
      sent,
    );
  },
);

rule('v5 MQTT-4.8.2-1: groups with other names or filters get their own copy', async (_t, b) => {
  const groups = [`$share/g/${b.topic('a')}`, `$share/h/${b.topic('a')}`, `$share/g/${b.topic('+')}`];
  const members: RawClient[] = [];
  for (const filter of groups) {
    const member = await b.connect();
    await member.subscribe([[filter, 1]]);
    members.push(member);
  }
  const publisher = await b.connect();
  await publisher.publish({ topic: b.topic('a'), payload: 'each', qos: 1 });
  for (const member of members) {
    await member.receive('each');
    await member.expectNothingFrom(publisher);
  }
});

rule(
  'v5 MQTT-4.8.2-1 MQTT-4.8.2-2: share names that are empty or hold a wildcard, and missing filters, are refused',
  async (t, b) => {
    const client = await b.connect();
    const wrong = [
      '$share//a',
      '$share/g',
      '$share/g/',
      '$share/',
      '$share/g+/a',
      '$share/#/a',
      '$share/+/a',
      '$share/g#/a',
    ];
    const suback = await client.subscribe(wrong.map((filter) => [filter, 0] as const));
    t.deepEqual(
      suback.codes,
      wrong.map(() => 0x8f),
    );
    t.deepEqual((await client.subscribe([[`$share/x/${b.topic('a')}`, 1]])).codes, [1]);
  },
);

rule('v5 MQTT-4.8.2-3: every member keeps its own granted QoS', async (t, b) => {
  const members = [await b.connect(), await b.connect(), await b.connect()];
  for (const [qos, member] of members.entries()) await member.subscribe([[`$share/g/${b.topic('a')}`, qos]]);
  const publisher = await b.connect();
  for (let index = 0; index < 24; index += 1) {
    await publisher.publish({ topic: b.topic('a'), payload: 'm', qos: 2 });
  }
  let count = 0;
  for (const [qos, member] of members.entries()) {
    const got = await member.collectFrom(publisher);
    count += got.length;
    t.true(got.every((one) => one.qos === qos));
  }
  t.is(count, 24);
});

rule('v5 MQTT-3.3.1-9 MQTT-4.8.2-1: a shared subscription gets no retained messages', async (_t, b) => {
  const publisher = await b.connect();
  await publisher.publish({ topic: b.topic('a'), payload: 'kept', qos: 1, retain: true });
  const member = await b.connect();
  await member.subscribe([[`$share/g/${b.topic('a')}`, 1]]);
  await member.expectNothingFrom(publisher);
  // Nor does it where the same client wants the topic for itself as well, and its retained message not.
  const other = await b.connect();
  await other.subscribe([[b.topic('a'), 1 | retainHandling(2)]]);
  await other.subscribe([[`$share/g/${b.topic('a')}`, 1]]);
  await other.expectNothingFrom(publisher);
});

/** A QoS 2 message that one of two members has received and not acknowledged. */
async function begun(
  b: Bench,
  publisher: RawClient,
): Promise<{ holder: RawClient; other: RawClient; id: number }> {
  const filter = `$share/g/${b.topic('a')}`;
  const holder = await b.connect(PERSISTENT);
  await holder.subscribe([[filter, 2]]);
  await publisher.publish({ topic: b.topic('a'), payload: 'begun', qos: 2 });
  const { id } = await holder.expectPublish('begun');
  const other = await b.connect();
  await other.subscribe([[filter, 2]]);
  return { holder, other, id };
}

rule(
  'v5 MQTT-4.8.2-4: a QoS 2 delivery begun with a member is finished with it when it is back',
  async (t, b) => {
    const publisher = await b.connect();
    const { holder, other, id } = await begun(b, publisher);
    holder.drop();
    await other.expectNothingFrom(publisher);
    const again = await b.resume(holder);
    const found = await again.expectPublish('begun');
    t.is(found.id, id);
    t.true(found.dup);
    await other.expectNothingFrom(publisher);
  },
);

rule(
  'v5 MQTT-4.8.2-5: when that member does not come back the QoS 2 message goes to no other',
  async (_t, b) => {
    const publisher = await b.connect();
    const { holder, other } = await begun(b, publisher);
    holder.drop();
    const fresh = await b.connect({ clientId: holder.clientId, clean: true });
    await fresh.expectSilence();
    await other.expectNothingFrom(publisher);
    await other.expectNothingFrom(fresh);
  },
);

rule('v5 MQTT-4.8.2-6: a message that a member refuses goes to no other', async (_t, b) => {
  for (const [qos, type] of [
    [1, 'puback'],
    [2, 'pubrec'],
  ] as const) {
    const publisher = await b.connect();
    const topic = b.topic(type);
    const holder = await b.connect();
    await holder.subscribe([[`$share/g/${topic}`, 2]]);
    await publisher.publish({ topic, payload: 'refused', qos });
    const { id } = await holder.expectPublish('refused');
    const other = await b.connect();
    await other.subscribe([[`$share/g/${topic}`, 2]]);
    holder.sendAck(type, id, 0x80);
    await holder.expectSilence();
    await other.expectNothingFrom(holder);
    holder.drop();
    await other.expectNothingFrom(await b.connect({ clientId: holder.clientId }));
  }
});

rule('v5 MQTT-4.8.2-1: who subscribes twice is one member, and who unsubscribes is none', async (t, b) => {
  const twice = await b.connect();
  const once = await b.connect();
  const filter = `$share/g/${b.topic('a')}`;
  for (const qos of [0, 1, 1]) await twice.subscribe([[filter, qos]]);
  await once.subscribe([[filter, 1]]);
  const publisher = await b.connect();
  for (let index = 0; index < 10; index += 1) {
    await publisher.publish({ topic: b.topic('a'), payload: `${index}`, qos: 1 });
  }
  const got = [...(await twice.collectFrom(publisher)), ...(await once.collectFrom(publisher))];
  t.is(new Set(got.map(({ payload }) => payload)).size, 10);
  t.is(got.length, 10);
  t.deepEqual((await twice.unsubscribe(filter)).codes, [0]);
  for (let index = 0; index < 10; index += 1) {
    await publisher.publish({ topic: b.topic('a'), payload: `${index}`, qos: 1 });
  }
  t.is((await once.collectFrom(publisher)).length, 10);
  await twice.expectNothingFrom(publisher);
});

rule(
  'v5 MQTT-4.8.2-1 MQTT-4.5.0-1: QoS 1 that a lost member had not acknowledged goes to another',
  async (t, b) => {
    const filter = `$share/g/${b.topic('a')}`;
    const lost = await b.connect();
    await lost.subscribe([[filter, 1]]);
    const publisher = await b.connect();
    for (const payload of ['m0', 'm1', 'm2']) {
      await publisher.publish({ topic: b.topic('a'), payload, qos: 1 });
      await lost.expectPublish(payload);
    }
    const other = await b.connect();
    await other.subscribe([[filter, 1]]);
    lost.drop();
    const got = await other.receiveAll(3);
    t.deepEqual(got.map(({ payload }) => payload).sort(), ['m0', 'm1', 'm2']);
  },
);
