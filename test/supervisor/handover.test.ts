/** From accept to the shard: against stub shards, which say what they were given. */
import { readdirSync } from 'node:fs';
import test from 'ava';
import type { RunningBroker } from '../../src/broker.js';
import { HALF_READ_BUFFER_BYTES } from '../../src/limits.js';
import { clientIdOn } from '../helpers/client-ids.js';
import { LINUX, needs } from '../helpers/needs.js';
import { until, withBroker } from '../helpers/with-broker.js';
import { connectBytes, STUB_SHARD, StubClient } from './stub-client.js';

const shardEntry = STUB_SHARD;

function currentConnections(broker: RunningBroker): number {
  return broker.listenerFigures()[0]!.current;
}

function closedBy(broker: RunningBroker): Readonly<Record<string, number>> {
  return broker.listenerFigures()[0]!.shutdownCount();
}

test(
  'a connection goes to the shard that owns its ClientId, with the bytes as they were sent',
  withBroker({ shardEntry, config: { 'node.shards': 3 } }, async (broker, t) => {
    for (const shard of [0, 1, 2, 1, 0]) {
      const bytes = connectBytes(clientIdOn(broker, shard));
      const { client, greeting } = await StubClient.greet(broker, bytes);
      t.is(greeting.shard, shard);
      t.is(greeting.head, bytes.toString('hex'));
      t.is(greeting.assignedClientId, null);
      t.is(greeting.peerAddress, '127.0.0.1');
      t.is(greeting.peerPort, client.socket.localPort ?? 0);
      client.send(Buffer.from('echo\n'));
      t.is(await client.line(), 'echo');
      client.drop();
    }
  }),
);

test(
  'a CONNECT that comes byte by byte, and what follows it, arrives whole',
  withBroker({ shardEntry }, async (broker, t) => {
    const bytes = connectBytes(clientIdOn(broker, 1, 'x'.repeat(90)));
    t.true(bytes.length < HALF_READ_BUFFER_BYTES);
    const client = await StubClient.open(broker);
    for (const byte of bytes) {
      client.send(Uint8Array.of(byte));
      await new Promise(setImmediate);
    }
    t.is((await client.greeting()).head, bytes.toString('hex'));
    client.send(Buffer.from('behind\n'));
    t.is(await client.line(), 'behind');
    client.drop();
  }),
);

test(
  'bytes behind a CONNECT in the same segment are neither lost nor read twice',
  withBroker({ shardEntry }, async (broker, t) => {
    const connect = connectBytes('pipelining');
    const both = Buffer.concat([connect, Buffer.from('more\n')]);
    const { client, greeting } = await StubClient.greet(broker, both);
    t.is(greeting.head, both.toString('hex'));
    client.send(Buffer.from('later\n'));
    t.is(await client.line(), 'later');
    client.drop();
  }),
);

test(
  'a CONNECT without a ClientId gets a random one, and the shard that owns it',
  withBroker({ shardEntry }, async (broker, t) => {
    const seen = new Set<string>();
    for (let i = 0; i < 8; i++) {
      const { client, greeting } = await StubClient.greet(broker, connectBytes(''));
      t.regex(greeting.assignedClientId ?? '', /^shardmq_[A-Za-z0-9_-]{22}$/);
      t.is(greeting.shard, broker.shardOf(greeting.assignedClientId ?? ''));
      seen.add(greeting.assignedClientId ?? '');
      client.drop();
    }
    t.is(seen.size, 8);
  }),
);

test(
  'what cannot become a good CONNECT is left to a shard as soon as that is known',
  withBroker({ shardEntry, config: { 'mqtt.client.max_connect_size': '1KB' } }, async (broker, t) => {
    const cases: Record<string, number[]> = {
      'another packet': [0xc0, 0x00],
      'a length of five bytes': [0x10, 0x80, 0x80, 0x80, 0x80],
      'more than max_connect_size announced': [0x10, 0xff, 0xff, 0x7f],
      'a whole CONNECT of nonsense': [0x10, 0x02, 0xff, 0xff],
    };
    for (const [name, bytes] of Object.entries(cases)) {
      const { client, greeting } = await StubClient.greet(broker, Uint8Array.from(bytes));
      t.is(greeting.head, Buffer.from(bytes).toString('hex'), name);
      client.drop();
    }
  }),
);

test(
  'a connection counts from accept until its shard reports it closed, with the reason',
  withBroker({ shardEntry }, async (broker, t) => {
    const { client } = await StubClient.greet(broker, connectBytes('counted'));
    t.is(currentConnections(broker), 1);
    client.drop();
    await until(() => currentConnections(broker) === 0);
    t.deepEqual(closedBy(broker), { normal: 1 });
  }),
);

test(
  'a client that leaves before its CONNECT is whole is closed and counted',
  withBroker({ shardEntry }, async (broker, t) => {
    const leaving = await StubClient.open(broker);
    leaving.send(Uint8Array.of(0x10));
    leaving.socket.end();
    await leaving.closed();
    await until(() => currentConnections(broker) === 0);
    t.deepEqual(closedBy(broker), { closed: 1 });
  }),
);

test(
  'a client that is slow before its CONNECT is whole is closed and counted',
  withBroker({ shardEntry, config: { 'mqtt.client.idle_timeout': '300ms' } }, async (broker, t) => {
    const silent = await StubClient.open(broker);
    const dripping = await StubClient.open(broker);
    dripping.send(connectBytes('never-whole').subarray(0, 9));
    await Promise.all([silent.closed(), dripping.closed()]);
    await until(() => currentConnections(broker) === 0);
    t.deepEqual(closedBy(broker), { idle_timeout: 2 });
  }),
);

test(
  'above max_clients a connection is closed at once and never counted as connected',
  withBroker({ shardEntry, config: { 'listener.tcp.external.max_clients': 2 } }, async (broker, t) => {
    const first = await StubClient.greet(broker, connectBytes('one'));
    await StubClient.greet(broker, connectBytes('two'));
    const third = await StubClient.open(broker);
    await third.closed();
    t.is(currentConnections(broker), 2);
    t.deepEqual(closedBy(broker), { max_clients: 1 });
    first.client.drop();
    await until(() => currentConnections(broker) === 1);
    t.is((await StubClient.greet(broker, connectBytes('four'))).greeting.head.slice(0, 2), '10');
  }),
);

test(
  'above max_conn_rate connections are closed',
  withBroker({ shardEntry, config: { 'listener.tcp.external.max_conn_rate': 3 } }, async (broker, t) => {
    const clients = await Promise.all(Array.from({ length: 12 }, () => StubClient.open(broker)));
    await until(() => broker.listenerFigures()[0]!.accepted === 12);
    t.true((closedBy(broker)['max_conn_rate'] ?? 0) >= 6);
    for (const client of clients) client.drop();
  }),
);

test(
  'an address that the rules deny is closed',
  withBroker(
    {
      shardEntry,
      config: {
        'listener.tcp.external.access.1': 'deny 127.0.0.0/8',
        'listener.tcp.open': '127.0.0.1:0',
      },
    },
    async (broker, t) => {
      const denied = await StubClient.open(broker, 'external');
      await denied.closed();
      const [external] = broker.listenerFigures().filter(({ config }) => config.name === 'external');
      t.deepEqual(external!.shutdownCount(), { access_denied: 1 });
      const allowed = await StubClient.open(broker, 'open');
      allowed.send(connectBytes('in'));
      t.is((await allowed.greeting()).peerAddress, '127.0.0.1');
    },
  ),
);

const onLinux = needs(LINUX);

onLinux(
  'no descriptor is left over after many connections',
  withBroker({ shardEntry }, async (broker, t) => {
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const cycle = async (): Promise<void> => {
      const { client } = await StubClient.greet(broker, connectBytes('again'));
      client.drop();
    };
    await cycle();
    await until(() => currentConnections(broker) === 0);
    const before = descriptors();
    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 20 }, cycle));
    await until(() => currentConnections(broker) === 0);
    await until(() => descriptors() <= before, 'the descriptors to be closed');
    t.pass();
  }),
);
