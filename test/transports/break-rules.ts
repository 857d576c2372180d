/**
 * Rules about connections that break: at whatever height and in the middle of whatever, the end is noticed at once,
 * told to everybody who has to know, and counted once.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect, PINGREQ, publish } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { until } from '../helpers/with-broker.js';
import type { Room, Rules } from './room.js';

const BREAKS = ['drop', 'reset'] as const;

/** A TLS record with data and a masked binary WebSocket frame: most of what they say they hold is missing. */
const HALF_RECORD = Buffer.from([0x17, 3, 3, 0, 200, 1, 2, 3]);
const HALF_FRAME = Buffer.from([0x82, 0x80 | 100, 9, 9, 9, 9, 1, 2, 3]);

/** Sends the beginning of the smallest thing that the transport puts around packets, or of a packet. */
function sendHalf({ carrier }: RawClient, { combination }: Room): void {
  switch (combination.transport) {
    case 'ssl':
      carrier.socket.write(HALF_RECORD);
      break;
    case 'ws':
    case 'wss':
      carrier.beneath.write(HALF_FRAME);
      break;
    default:
      carrier.write(publish(5, { topic: 'half', payload: 'x'.repeat(100) }).subarray(0, 30));
  }
}

/** Ends of connections that main has counted for the room's transport. */
function ended({ bench, combination }: Room): number {
  const counts = bench.listener(combination.transport).shutdownCount();
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

async function untilEnded(room: Room, count: number): Promise<void> {
  await until(() => ended(room) >= count, `${count} ends of connections to be counted`);
  await until(() => room.bench.connections(room.combination.transport) === 0, 'main to count nobody');
}

export const BREAK_RULES: Rules = {
  'a connection that breaks in the middle of a frame or record is over, with its will': async (t, room) => {
    const partner = await room.partner({ transport: room.combination.transport === 'tcp' ? 'unix' : 'tcp' });
    await partner.subscribe([[room.topic, 1]]);
    for (const how of BREAKS) {
      const before = ended(room);
      const client = await room.client({ will: { topic: room.topic, payload: how, qos: 1 } });
      client.send(PINGREQ);
      await client.expect('pingresp');
      sendHalf(client, room);
      await nextTurn();
      client.carrier[how]();
      await partner.receive(how);
      await untilEnded(room, before + 1);
      t.is(ended(room), before + 1);
      t.false(await room.bench.isConnected(client.clientId));
    }
    await partner.expectNothingFrom(partner);
  },

  'a connection that breaks before its CONNECT is whole is counted and gone': async (t, room) => {
    const packet = connect({ version: 5, clientId: room.clientId(), will: { topic: room.topic } });
    for (const how of BREAKS) {
      for (const sent of [0, 1, packet.length - 1]) {
        const before = ended(room);
        const client = await room.open();
        client.send(packet.subarray(0, sent));
        await nextTurn();
        client.carrier[how]();
        await untilEnded(room, before + 1);
        t.is(ended(room), before + 1);
      }
    }
  },

  'a connection that breaks right behind its CONNECT leaves nothing': async (t, room) => {
    const before = ended(room);
    const count = 20;
    for (let n = 0; n < count; n++) {
      const client = await room.open();
      client.send(connect({ version: 5, clientId: room.clientId() }));
      client.carrier[BREAKS[n % 2]!]();
    }
    await untilEnded(room, before + count);
    t.is(ended(room), before + count);
    await until(async () => (await room.bench.relays()) === 0, 'no relay to be left');
  },

  'a connection that breaks while a lot is under way to it ends, and its publisher does not notice': async (
    t,
    room,
  ) => {
    const before = ended(room);
    const waitedBefore = await room.bench.waitingBytes();
    const publisher = await room.partner({
      transport: room.combination.transport === 'tcp' ? 'unix' : 'tcp',
    });
    for (const how of BREAKS) {
      const client = await room.client();
      await client.subscribe([[room.topic, 1]]);
      client.pauseReading();
      for (let n = 0; n < 50; n++) {
        publisher.sendPublish({ topic: room.topic, payload: 'x'.repeat(20_000) });
      }
      await publisher.expectSilence();
      client.carrier[how]();
    }
    await untilEnded(room, before + BREAKS.length);
    t.is(ended(room), before + BREAKS.length);
    await until(
      async () => (await room.bench.waitingBytes()) <= waitedBefore,
      'nothing to wait for them any more',
    );
    await publisher.expectSilence();
  },

  'a client that is kicked while it does not read is gone for everybody': async (t, room) => {
    const before = ended(room);
    const publisher = await room.partner({
      transport: room.combination.transport === 'tcp' ? 'unix' : 'tcp',
    });
    const client = await room.client();
    const waitedBefore = await room.bench.waitingBytes();
    await client.subscribe([[room.topic, 0]]);
    client.pauseReading();
    while ((await room.bench.waitingBytes()) < waitedBefore + 50_000) {
      for (let n = 0; n < 50; n++) {
        publisher.sendPublish({ topic: room.topic, payload: 'x'.repeat(20_000) });
      }
      await publisher.expectSilence();
    }
    t.true(await room.bench.kick(client.clientId));
    t.false(await room.bench.isConnected(client.clientId));
    await room.bench.advanceClock(30);
    await untilEnded(room, before + 1);
    t.is(ended(room), before + 1);
  },
};
