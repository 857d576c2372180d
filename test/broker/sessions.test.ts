/** What a session keeps while its client is away, and in which order it comes back. */
import { PERSISTENT } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import type { Received } from '../helpers/received.js';
import { Receiver } from './receiver.js';
import { expectPayloads, numbered, publishAll, type Stage, scenesWith } from './stage.js';

const scene = scenesWith({ 'mqtt.session.max_inflight': 8 });

/** A persistent session that is subscribed and whose client is away. */
async function away(s: Stage, topic: string, qos: number, version: 4 | 5): Promise<RawClient> {
  const client = await s.connect({ ...PERSISTENT, version });
  await client.subscribe([[topic, qos]]);
  await client.disconnect();
  return client;
}

const brief = (found: readonly Received[]): string[] =>
  found.map((one) => `${one.payload} q${one.qos}${one.dup ? ' dup' : ''}`);

/** QoS 2 waits until its packet identifier is safe, and the others do not wait for it [MQTT-4.6.0-6]. */
const byQos = (briefs: readonly string[]): string[] =>
  [0, 1, 2].flatMap((qos) => briefs.filter((each) => each.endsWith(`q${qos}`)));

for (const version of [4, 5] as const) {
  const scenes = (title: string, body: (s: Stage) => Promise<[string[], string[]]>): void =>
    scene(`MQTT level ${version}: ${title}`, async (t, s) => {
      const [found, wanted] = await body(s);
      t.deepEqual(found, wanted);
    });

  scenes('what waited comes with its QoS, and in the order of publication within that', async (s) => {
    const topic = s.topic('a');
    const subscriber = await away(s, topic, 2, version);
    const publisher = await s.connect({ at: 1 });
    const wanted: string[] = [];
    for (let n = 0; n < 30; n += 1) {
      await publisher.publish({ topic, payload: `m${n}`, qos: n % 3 });
      wanted.push(`m${n} q${n % 3}`);
    }
    // The last one is acknowledged by QoS only; what was sent before it with QoS 0 is handled as well.
    await publisher.publish({ topic, payload: 'end', qos: 1 });
    await s.settled(publisher);
    const again = new Receiver(await s.resume(subscriber));
    return [byQos(brief(await again.nextOf(31))), byQos([...wanted, 'end q1'])];
  });

  scenes('in flight comes first and with DUP, then the queue without', async (s) => {
    const topic = s.topic('a');
    const subscriber = await s.connect({ ...PERSISTENT, version });
    await subscriber.subscribe([[topic, 1]]);
    const publisher = await s.connect({ at: 1 });
    await publishAll(publisher, topic, numbered(12), 1);
    const first = await expectPayloads(subscriber, numbered(8));
    await s.lose(subscriber);
    await publishAll(publisher, topic, numbered(3, 12), 1);
    await s.settled(publisher);
    const again = await s.resume(subscriber);
    const found: Received[] = [];
    for (let n = 0; n < 15; n += 1) {
      found.push(await again.receive());
      if (n < 8 && found[n]!.id !== first[n]!.id) throw new Error('another packet identifier');
    }
    return [brief(found), numbered(15).map((payload, n) => `${payload} q1${n < 8 ? ' dup' : ''}`)];
  });

  scenes('a takeover while messages flow loses nothing and keeps the order', async (s) => {
    const topic = s.topic('a');
    const subscriber = await s.connect({ ...PERSISTENT, version });
    await subscriber.subscribe([[topic, 2]]);
    const publisher = await s.connect({ at: 1 });
    const flow = publishAll(publisher, topic, numbered(300), 2);
    const receiver = new Receiver(subscriber);
    const found: Received[] = [];
    for (let takeovers = 0; takeovers < 6; takeovers += 1) {
      found.push(...(await receiver.nextOf(20)));
      // The old connection is still open, and in the middle of its messages.
      receiver.attach(await s.resume(subscriber));
    }
    found.push(...(await receiver.nextOf(180)));
    await receiver.settle();
    await flow;
    return [found.map((one) => one.payload), numbered(300)];
  });

  scenes('QoS 0 for a client that is away is kept as well', async (s) => {
    const topic = s.topic('a');
    const subscriber = await away(s, topic, 0, version);
    const publisher = await s.connect({ at: 1 });
    await publishAll(publisher, topic, numbered(10), 0);
    await s.settled(publisher);
    const again = await s.resume(subscriber);
    return [brief(await again.receiveAll(10)), numbered(10).map((payload) => `${payload} q0`)];
  });
}

scene(
  'a Receive Maximum that is smaller than what is in flight is kept to after a reconnect',
  async (t, s) => {
    const topic = s.topic('a');
    const subscriber = await s.connect(PERSISTENT);
    await subscriber.subscribe([[topic, 1]]);
    const publisher = await s.connect({ at: 1 });
    await publishAll(publisher, topic, numbered(12), 1);
    await expectPayloads(subscriber, numbered(8));
    await s.lose(subscriber);
    const again = await s.resume(subscriber, { properties: { sessionExpiry: 3_600, receiveMaximum: 3 } });
    const open: Received[] = [];
    const got: string[] = [];
    for (let n = 0; n < 12; n += 1) {
      while (open.length < Math.min(3, 12 - n)) open.push(await again.expectPublish());
      await again.expectSilence();
      const done = open.shift()!;
      got.push(`${done.payload}${done.dup ? ' dup' : ''}`);
      again.sendAck('puback', done.id);
    }
    t.deepEqual(
      got,
      numbered(12).map((payload, n) => `${payload}${n < 8 ? ' dup' : ''}`),
    );
  },
);

scene(
  'exchanges that are released count against a smaller Receive Maximum after a reconnect',
  async (t, s) => {
    const topic = s.topic('a');
    const subscriber = await s.connect(PERSISTENT);
    await subscriber.subscribe([[topic, 2]]);
    const publisher = await s.connect({ at: 1 });
    await publishAll(publisher, topic, numbered(6), 2);
    const sent = await expectPayloads(subscriber, numbered(6));
    for (const { id } of sent.slice(0, 3)) {
      subscriber.sendAck('pubrec', id);
      await subscriber.expect('pubrel');
    }
    await s.lose(subscriber);
    const again = await s.resume(subscriber, { properties: { sessionExpiry: 3_600, receiveMaximum: 2 } });
    const open: number[] = [];
    for (const { id } of sent.slice(0, 3)) t.is((await again.expect('pubrel')).id, id);
    let published = 0;
    for (let finished = 0; finished < 6; finished += 1) {
      // Everything that can come has come when the PINGRESP is there.
      again.send([0xc0, 0]);
      for (let found = await again.next(); found?.type !== 'pingresp'; found = await again.next()) {
        t.is(found?.type, 'publish');
        open.push(found!.id);
        published += 1;
      }
      t.true(open.length <= 2, `${open.length} messages are open`);
      if (finished < 3) {
        again.sendAck('pubcomp', sent[finished]!.id);
        continue;
      }
      const id = open.shift()!;
      again.sendAck('pubrec', id);
      await again.expect('pubrel');
      again.sendAck('pubcomp', id);
    }
    t.is(published, 3);
  },
);

scene('a client that goes from MQTT 5 to 3.1.1 and back keeps its session', async (t, s) => {
  const topic = s.topic('a');
  const subscriber = await s.connect({ ...PERSISTENT, version: 5 });
  await subscriber.subscribe([[topic, 2]], { subscriptionIdentifiers: [7] });
  const publisher = await s.connect({ at: 1 });
  await subscriber.disconnect();
  await publishAll(publisher, topic, ['one'], 2, { contentType: 'text' });
  const old = await s.resume(subscriber, { version: 4 });
  t.true(old.connack?.sessionPresent);
  await old.receive('one');
  await old.disconnect();
  await publishAll(publisher, topic, ['two'], 2, { contentType: 'text' });
  const again = await s.resume(subscriber, { version: 5 });
  t.true(again.connack?.sessionPresent);
  const { properties } = await again.receive('two');
  t.deepEqual(properties, { contentType: 'text', subscriptionIdentifiers: [7] });
});
