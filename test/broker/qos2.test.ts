/** QoS 2 exchanges that break off in the middle, either way, and go on when the client is back. */
import { PERSISTENT, publish } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { type Stage, scenesWith } from './stage.js';

const scene = scenesWith();

interface Pair {
  readonly publisher: RawClient;
  readonly subscriber: RawClient;
  readonly topic: string;
}

async function pair(s: Stage, version: 4 | 5): Promise<Pair> {
  const topic = s.topic('a');
  const subscriber = await s.connect({ ...PERSISTENT, version });
  await subscriber.subscribe([[topic, 2]]);
  const publisher = await s.connect({ ...PERSISTENT, version, at: 1 });
  return { publisher, subscriber, topic };
}

for (const version of [4, 5] as const) {
  const scenes = (title: string, body: Parameters<typeof scene>[1]): void =>
    scene(`MQTT level ${version}: ${title}`, body);
  const missing = version === 5 ? 0x92 : 0;

  scenes(
    'from the client, PUBREC lost: the PUBLISH that comes again is not delivered again',
    async (t, s) => {
      const { publisher, subscriber, topic } = await pair(s, version);
      publisher.sendPublish({ topic, payload: 'once', qos: 2, id: 9 });
      await publisher.expect('pubrec');
      await s.lose(publisher);
      const again = await s.resume(publisher);
      again.send(publish(version, { topic, payload: 'once', qos: 2, id: 9, dup: true }));
      t.is((await again.expect('pubrec')).id, 9);
      again.sendAck('pubrel', 9);
      t.is((await again.expect('pubcomp')).code, 0);
      await subscriber.receive('once');
      await subscriber.expectNothingFrom(again);
    },
  );

  scenes('from the client, PUBREL lost: it is taken on the next connection', async (t, s) => {
    const { publisher, subscriber, topic } = await pair(s, version);
    publisher.sendPublish({ topic, payload: 'one', qos: 2, id: 9 });
    await publisher.expect('pubrec');
    await s.lose(publisher);
    const again = await s.resume(publisher);
    again.sendAck('pubrel', 9);
    t.is((await again.expect('pubcomp')).code, 0);
    // The identifier is free: the same one means a new message.
    await again.publish({ topic, payload: 'two', qos: 2, id: 9 });
    const payloads = (await subscriber.receiveAll(2)).map((one) => one.payload);
    t.deepEqual(payloads, ['one', 'two']);
  });

  scenes('from the client, PUBCOMP lost: PUBREL is answered again and nothing is delivered', async (t, s) => {
    const { publisher, subscriber, topic } = await pair(s, version);
    publisher.sendPublish({ topic, payload: 'once', qos: 2, id: 9 });
    await publisher.expect('pubrec');
    publisher.sendAck('pubrel', 9);
    await publisher.expect('pubcomp');
    await s.lose(publisher);
    const again = await s.resume(publisher);
    again.sendAck('pubrel', 9);
    t.is((await again.expect('pubcomp')).code, missing);
    await subscriber.receive('once');
    await subscriber.expectNothingFrom(again);
  });

  scenes(
    'from the client: a clean session forgets the exchange, so the same packet is a new message',
    async (_t, s) => {
      const { publisher, subscriber, topic } = await pair(s, version);
      publisher.sendPublish({ topic, payload: 'm', qos: 2, id: 9 });
      await publisher.expect('pubrec');
      await s.lose(publisher);
      const again = await s.connect({ version, clientId: publisher.clientId });
      await again.publish({ topic, payload: 'm', qos: 2, id: 9, dup: true });
      await subscriber.receiveAll(2);
    },
  );

  scenes('to the client, PUBLISH lost: it comes again with DUP', async (t, s) => {
    const { publisher, subscriber, topic } = await pair(s, version);
    await publisher.publish({ topic, payload: 'm', qos: 2 });
    const first = await subscriber.expectPublish('m');
    await s.lose(subscriber);
    const again = await s.resume(subscriber);
    const second = await again.receive('m');
    t.deepEqual([first.dup, second.dup, second.id], [false, true, first.id]);
    await again.expectNothingFrom(publisher);
  });

  scenes(
    'to the client, PUBREL or PUBCOMP lost: only PUBREL comes again, before new messages',
    async (t, s) => {
      const { publisher, subscriber, topic } = await pair(s, version);
      await publisher.publish({ topic, payload: 'm', qos: 2 });
      const { id } = await subscriber.expectPublish('m');
      subscriber.sendAck('pubrec', id);
      await subscriber.expect('pubrel');
      await s.lose(subscriber);
      await publisher.publish({ topic, payload: 'later', qos: 2 });
      const again = await s.resume(subscriber);
      t.is((await again.expect('pubrel')).id, id);
      t.not((await again.expectPublish('later')).id, id);
      await s.lose(again);
      const last = await s.resume(subscriber);
      t.is((await last.expect('pubrel')).id, id);
      t.true((await last.expectPublish('later')).dup);
      last.sendAck('pubcomp', id);
      await last.expectSilence();
    },
  );

  scenes(
    'to the client: a PUBREC that comes twice gets PUBREL twice, an unknown one says so',
    async (t, s) => {
      const { publisher, subscriber, topic } = await pair(s, version);
      await publisher.publish({ topic, payload: 'm', qos: 2 });
      const { id } = await subscriber.expectPublish('m');
      for (let n = 0; n < 2; n += 1) {
        subscriber.sendAck('pubrec', id);
        t.is((await subscriber.expect('pubrel')).code, 0);
      }
      subscriber.sendAck('pubcomp', id);
      subscriber.sendAck('pubrec', id);
      t.is((await subscriber.expect('pubrel')).code, missing);
      subscriber.sendAck('pubcomp', id);
      await subscriber.expectSilence();
    },
  );
}
