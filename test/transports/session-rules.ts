/** Rules about sessions and their ends: what the owner does to a client whose connection may end at another shard. */
import { once } from 'node:events';
import { disconnect, PERSISTENT, PINGREQ } from '../helpers/packets.js';
import { until } from '../helpers/with-broker.js';
import type { Rules } from './room.js';

/** Names of the ways in which a connection breaks. */
const BREAKS = ['drop', 'reset'] as const;

export const SESSION_RULES: Rules = {
  'a will is published once when the connection breaks, and not after DISCONNECT': async (_t, room) => {
    const partner = await room.partner();
    await partner.subscribe([[`${room.topic}/#`, 1]]);
    for (const how of BREAKS) {
      const will = { topic: `${room.topic}/${how}`, payload: how, qos: 1 };
      const client = await room.client({ will });
      client.carrier[how]();
      await partner.receive(how);
    }
    const polite = await room.client({ will: { topic: room.topic, payload: 'wrong' } });
    await polite.disconnect();
    const witness = await room.client({ will: { topic: room.topic, payload: 'asked for' } });
    witness.send(disconnect(4));
    await partner.receive('asked for');
    await partner.expectNothingFrom(partner);
  },

  'a will is published when the connection breaks in the middle of a packet': async (_t, room) => {
    const partner = await room.partner();
    await partner.subscribe([[`${room.topic}/#`, 1]]);
    for (const how of BREAKS) {
      const client = await room.client({ will: { topic: `${room.topic}/will`, payload: how, qos: 1 } });
      client.send(PINGREQ, [0x30, 50, 0, 9, 0x68, 0x61]);
      await client.expect('pingresp');
      client.carrier[how]();
      await partner.receive(how);
    }
    await partner.expectNothingFrom(partner);
  },

  'the same ClientId takes the connection over, from this transport and from another': async (t, room) => {
    const clientId = room.clientId();
    const first = await room.client({ clientId, ...PERSISTENT });
    const second = await room.client({ clientId, ...PERSISTENT });
    t.true(second.connack?.sessionPresent);
    await first.expectEnd(0x8e);
    const third = await room.client({ clientId, ...PERSISTENT, transport: 'tcp' });
    t.true(third.connack?.sessionPresent);
    await second.expectEnd(0x8e);
    const fourth = await room.client({ clientId, ...PERSISTENT });
    await third.expectEnd(0x8e);
    await fourth.expectSilence();
    t.true(await room.bench.isConnected(clientId));
  },

  'a session waits for its client and goes on over another connection': async (t, room) => {
    const clientId = room.clientId();
    const partner = await room.partner();
    const client = await room.client({ clientId, ...PERSISTENT });
    await client.subscribe([[room.topic, 2]]);
    client.drop();
    await until(async () => !(await room.bench.isConnected(clientId)), 'the session to be alone');
    for (const qos of [1, 2]) await partner.publish({ topic: room.topic, payload: `at ${qos}`, qos });
    const elsewhere = await room.client({ clientId, ...PERSISTENT, transport: 'tcp' });
    t.true(elsewhere.connack?.sessionPresent);
    await elsewhere.receive('at 1');
    await elsewhere.receive('at 2');
    elsewhere.drop();
    await until(async () => !(await room.bench.isConnected(clientId)), 'the session to be alone again');
    await partner.publish({ topic: room.topic, payload: 'later', qos: 1 });
    const back = await room.client({ clientId, ...PERSISTENT });
    t.true(back.connack?.sessionPresent);
    await back.receive('later');
  },

  'what was not acknowledged is sent again, as what it was': async (t, room) => {
    const clientId = room.clientId();
    const partner = await room.partner();
    const client = await room.client({ clientId, ...PERSISTENT });
    await client.subscribe([[room.topic, 2]]);
    for (const qos of [1, 2, 2]) await partner.publish({ topic: room.topic, payload: `at ${qos}`, qos });
    const sent = [await client.expectPublish(), await client.expectPublish(), await client.expectPublish()];
    client.sendAck('pubrec', sent[2]!.id);
    await client.expect('pubrel');
    client.carrier.reset();
    const back = await room.client({ clientId, ...PERSISTENT });
    const again = [await back.next(), await back.next(), await back.next()];
    t.deepEqual(again.map((packet) => [packet!.type, packet!.id, packet!.dup, packet!.payload]).sort(), [
      ['publish', sent[0]!.id, true, 'at 1'],
      ['publish', sent[1]!.id, true, 'at 2'],
      ['pubrel', sent[2]!.id, false, ''],
    ]);
  },

  'QoS 2 of a publisher that comes back is handed on once': async (_t, room) => {
    const clientId = room.clientId();
    const partner = await room.partner();
    await partner.subscribe([[room.topic, 2]]);
    const client = await room.client({ clientId, ...PERSISTENT });
    client.sendPublish({ topic: room.topic, payload: 'once', qos: 2, id: 7 });
    await client.expect('pubrec');
    client.drop();
    const back = await room.client({ clientId, ...PERSISTENT });
    back.sendPublish({ topic: room.topic, payload: 'once', qos: 2, id: 7, dup: true });
    await back.expect('pubrec');
    back.sendAck('pubrel', 7);
    await back.expect('pubcomp');
    await partner.receive('once');
    await partner.expectNothingFrom(back);
  },

  'a client that is kicked is told so and gone': async (t, room) => {
    const client = await room.client();
    t.true(await room.bench.kick(client.clientId));
    await client.expectEnd(0x98);
    t.false(await room.bench.isConnected(client.clientId));
    t.false(await room.bench.kick(client.clientId));
  },

  'keep alive ends who is silent, with its will, and spares who is not': async (t, room) => {
    const partner = await room.partner();
    await partner.subscribe([[room.topic, 1]]);
    const will = { topic: room.topic, payload: 'silent', qos: 1 };
    const silent = await room.client({ keepAlive: 10, will });
    const awake = await room.client({ keepAlive: 10 });
    await room.bench.advanceClock(9);
    await awake.expectSilence();
    await room.bench.advanceClock(7);
    await silent.expectEnd(0x8d);
    await partner.receive('silent');
    await awake.expectSilence();
    t.true(await room.bench.isConnected(awake.clientId));
  },

  'a connection that both sides close at the same time ends once': async (t, room) => {
    const { transport } = room.combination;
    const figures = room.bench.listener(transport);
    const counted = (): number =>
      Object.values(figures.shutdownCount()).reduce((sum, count) => sum + count, 0);
    const before = counted();
    const clients = [];
    for (let n = 0; n < 6; n++) clients.push(await room.client());
    t.is(room.bench.connections(transport), 6);
    // Both at the same time: whoever is first, the end is counted once.
    const kicks = clients.slice(0, 3).map((client) => room.bench.kick(client.clientId));
    for (const client of clients.slice(0, 3)) client.drop();
    const ends = clients.slice(3).map((client) => once(client.carrier.socket, 'close'));
    for (const client of clients.slice(3)) client.send(disconnect());
    await Promise.all([...kicks, ...ends]);
    await until(() => room.bench.connections(transport) === 0, 'main to count nobody');
    t.is(counted(), before + 6);
  },
};
