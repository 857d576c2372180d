/** Rules that a transport breaks when it loses, cuts, joins or reorders bytes, or closes in the wrong way. */
import { WebSocketCarrier } from '../helpers/carrier.js';
import { connect, PINGREQ, publish } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import type { Rules } from './room.js';

/** Messages of a batch; fewer than any receive maximum. */
const BATCH = 20;

/** Text that does not repeat within itself, so that a piece in the wrong place shows. */
function longText(bytes: number): string {
  const numbers = Array.from({ length: bytes / 4 }, (_, n) => n);
  return numbers.join(',').slice(0, bytes);
}

async function publishBatches(
  publisher: RawClient,
  topic: string,
  qos: number,
  count: number,
): Promise<void> {
  for (let sent = 0; sent < count; sent += BATCH) {
    const packets = Array.from({ length: BATCH }, (_, i) =>
      publish(publisher.version, { topic, payload: `${sent + i}`, qos, id: 1 + i }),
    );
    publisher.send(Buffer.concat(packets));
    await publisher.finishPublishing(qos, BATCH);
  }
}

export const BYTE_RULES: Rules = {
  'packets cut at every byte are read': async (t, room) => {
    for (const version of [4, 5] as const) {
      const client = await room.client({ version, cut: 'bytes' });
      const partner = await room.partner({ version });
      await client.subscribe([[`${room.topic}/in`, 2]]);
      await partner.subscribe([[`${room.topic}/out`, 2]]);
      for (const qos of [0, 1, 2]) {
        const payload = longText(300 + qos);
        await Promise.all([
          client.publish({ topic: `${room.topic}/out`, payload, qos }),
          partner.receive(payload),
        ]);
        await Promise.all([
          partner.publish({ topic: `${room.topic}/in`, payload, qos }),
          client.receive(payload),
        ]);
      }
      t.true(await room.bench.isConnected(client.clientId));
    }
  },

  'packets joined in one piece with CONNECT are read, one after the other': async (t, room) => {
    const partner = await room.partner();
    await partner.subscribe([[room.topic, 1]]);
    const client = await room.open();
    const numbers = Array.from({ length: BATCH }, (_, n) => `${n}`);
    client.send(
      connect({ version: 5, clientId: room.clientId() }),
      ...numbers.map((payload, n) => publish(5, { topic: room.topic, payload, qos: 1, id: 1 + n })),
      PINGREQ,
    );
    t.is((await client.expect('connack')).code, 0);
    const received = await partner.receiveAll(BATCH);
    t.deepEqual(
      received.map(({ payload }) => payload),
      numbers,
    );
    const answers: string[] = [];
    while (answers.length <= BATCH) answers.push((await client.next())!.type);
    t.deepEqual(answers.sort(), ['pingresp', ...numbers.map(() => 'puback')].sort());
  },

  'a packet of a megabyte goes through, in and out': async (t, room) => {
    const payload = longText(1_000_000);
    const client = await room.client();
    const partner = await room.partner();
    await client.subscribe([[`${room.topic}/in`, 1]]);
    await partner.subscribe([[`${room.topic}/out`, 1]]);
    const rounds = async (from: RawClient, to: RawClient, topic: string): Promise<void> => {
      for (let n = 0; n < 3; n++) {
        const [, received] = await Promise.all([from.publish({ topic, payload, qos: 1 }), to.receive()]);
        t.true(received.payload === payload);
      }
    };
    await rounds(client, partner, `${room.topic}/out`);
    await rounds(partner, client, `${room.topic}/in`);
  },

  'messages arrive once and in order at every QoS, in and out': async (t, room) => {
    const count = 10 * BATCH;
    const client = await room.client();
    const partner = await room.partner();
    const numbers = Array.from({ length: count }, (_, n) => `${n}`);
    for (const [from, to] of [
      [client, partner],
      [partner, client],
    ] as const) {
      for (const qos of [0, 1, 2]) {
        const topic = `${room.topic}/${qos}`;
        await to.subscribe([[topic, qos]]);
        const [received] = await Promise.all([to.receiveAll(count), publishBatches(from, topic, qos, count)]);
        t.deepEqual(
          received.map(({ payload }) => payload),
          numbers,
        );
        t.true(received.every((message) => message.qos === qos && !message.dup));
        await to.unsubscribe(topic);
      }
    }
  },

  'a packet above the limit ends the connection as soon as its length is known': async (t, room) => {
    const figures = room.bench.listener(room.combination.transport);
    const before = figures.shutdownCount()['invalid_mqtt_frame_len'] ?? 0;
    const client = await room.client();
    client.send([0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, 0x61]);
    await client.expectEnd(0x95);
    await room.bench.clear();
    t.is(figures.shutdownCount()['invalid_mqtt_frame_len'], before + 1);
  },

  'a malformed packet ends the connection with its reason, also right behind an answer': async (t, room) => {
    for (let n = 0; n < 10; n++) {
      const client = await room.client();
      client.send([0xf7, 0]);
      await client.expectEnd(0x81);
    }
    t.pass();
  },

  'a CONNECT that is refused is answered, then the connection is closed': async (_t, room) => {
    const unknown = await room.open(5);
    unknown.send(connect({ version: 5, clientId: room.clientId(), level: 9 }));
    await unknown.expectRefusal(0x84);
    const nameless = await room.open(4);
    nameless.send(connect({ version: 4, clientId: '', clean: false }));
    await nameless.expectRefusal(2);
  },

  'a packet that is no CONNECT is the end of a connection that has just been opened': async (_t, room) => {
    const client = await room.open(4);
    client.send(PINGREQ);
    await client.expectClosed();
  },

  'the broker closes when the client has said DISCONNECT, in the way of the transport': async (t, room) => {
    const { transport } = room.combination;
    const figures = room.bench.listener(transport);
    const before = figures.shutdownCount();
    const client = await room.client();
    await client.disconnect();
    if (client.carrier instanceof WebSocketCarrier) t.is(client.carrier.closeCode, 1000);
    await room.bench.clear();
    const after = figures.shutdownCount();
    const reasons = Object.keys(after).filter((reason) => after[reason] !== before[reason]);
    t.deepEqual(reasons, ['normal']);
  },
};
