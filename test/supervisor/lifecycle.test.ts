/** Starting and stopping a broker, with real shards where it does not say otherwise. */
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { BrokerError } from '../../src/base/errors.js';
import { startBroker } from '../../src/index.js';
import { clientIdOn } from '../helpers/client-ids.js';
import { subscribe } from '../helpers/packets.js';
import { RawClient } from '../helpers/raw-client.js';
import { addressOf, startTestBroker, tempDirectory, until, withBroker } from '../helpers/with-broker.js';
import { connectBytes, STUB_SHARD, StubClient } from './stub-client.js';

test('the broker starts, says where it listens, takes a client, and stops', async (t) => {
  const broker = await startBroker({
    config: {
      'node.data_dir': tempDirectory(),
      'node.shards': 2,
      'listener.tcp.external': '127.0.0.1:0',
      'listener.tcp.internal': 'off',
      'listener.ws.external': 'off',
      'listener.api.mgmt': 'off',
    },
  });
  const [listener] = broker.listeners;
  t.like(listener, { name: 'external', protocol: 'tcp', host: '127.0.0.1' });
  t.true(listener!.port > 0);
  t.is(broker.shards, 2);
  const client = await RawClient.open(listener!, 4);
  t.is((await client.connect({ clientId: clientIdOn(broker, 1) })).code, 0);
  await Promise.all([broker.stop(), broker.stop()]);
  await broker.stop();
  const again = createServer().listen(listener!.port, listener!.host);
  await once(again, 'listening');
  again.close();
});

test.serial(
  'a port in use is an error that names the listener and how to change it; nothing is left running',
  async (t) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const options = {
      config: { 'listener.tcp.a': '127.0.0.1:0', 'listener.tcp.external': `127.0.0.1:${port}` },
    };
    const error = await t.throwsAsync(startTestBroker(options, tempDirectory()), { instanceOf: BrokerError });
    t.is(error.code, 'LISTENER_FAILED');
    t.is(
      error.message,
      `listener.tcp.external 127.0.0.1:${port}: address already in use; change it with --set listener.tcp.external=PORT`,
    );
    taken.close();
    await once(taken, 'close');
    const isLeft = (): boolean => process.getActiveResourcesInfo().some((name) => name.startsWith('TCP'));
    await until(() => !isLeft(), 'every socket to be gone');
  },
);

test('a wrong setting is an error that lists the issues', async (t) => {
  const config = { 'mqtt.max_packet_size': 'huge', 'no.such.key': '1' };
  const error = await t.throwsAsync(startTestBroker({ config }, tempDirectory()), {
    instanceOf: BrokerError,
  });
  t.is(error.code, 'CONFIG_INVALID');
  t.is(error.issues.length, 2);
});

test('the broker adds no signal or exception handlers to the process', async (t) => {
  const events = ['SIGINT', 'SIGTERM', 'SIGHUP', 'uncaughtException', 'unhandledRejection', 'exit'];
  const count = (): number[] => events.map((event) => process.listenerCount(event));
  const before = count();
  const broker = await startTestBroker({}, tempDirectory());
  t.deepEqual(count(), before);
  await broker.stop();
  t.deepEqual(count(), before);
});

test('a data directory keeps its number of shards and its owners until the configuration says otherwise', async (t) => {
  const directory = tempDirectory();
  const first = await startTestBroker({ config: { 'node.shards': 3 } }, directory);
  const owners = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => first.shardOf(id));
  await first.stop();
  const second = await startTestBroker({ config: { 'node.shards': 0 } }, directory);
  t.is(second.shards, 3);
  t.deepEqual(
    ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => second.shardOf(id)),
    owners,
  );
  await second.stop();
  const third = await startTestBroker({ config: { 'node.shards': 1 } }, directory);
  t.is(third.shards, 1);
  await third.stop();
  const file = join(directory, 'node.json');
  t.is(statSync(file).mode & 0o777, 0o600);
  t.is(JSON.parse(readFileSync(file, 'utf8')).shards, 1);
});

test('a damaged node file is an error that names it', async (t) => {
  const directory = tempDirectory();
  writeFileSync(join(directory, 'node.json'), '{"formatVersion": 1, "slotKey": "short"}');
  const error = await t.throwsAsync(startTestBroker({}, directory), { instanceOf: BrokerError });
  t.is(error.code, 'DATA_DIR_FAILED');
  t.regex(error.message, /node\.json is damaged \(slotKey/);
});

test('shards that do not stop in time are ended', async (t) => {
  const options = {
    shardEntry: STUB_SHARD,
    config: { 'node.name': 'ignoresStop@x', 'shutdown.timeout': '100ms' },
  };
  const broker = await startTestBroker(options, tempDirectory());
  const { client } = await StubClient.greet(broker, connectBytes('connected'));
  const halfRead = await StubClient.open(broker);
  halfRead.send(Uint8Array.of(0x10));
  await broker.stop();
  await Promise.all([client.closed(), halfRead.closed()]);
  t.is(broker.listenerFigures()[0]!.current, 0);
});

test(
  'each $SYS message reaches clients on every shard',
  withBroker({ config: { 'mqtt.broker.sys_interval': '1s' } }, async (broker, t) => {
    for (const shard of [0, 1]) {
      const client = await RawClient.open(addressOf(broker), 4);
      await client.connect({ clientId: clientIdOn(broker, shard) });
      client.send(subscribe(4, 1, [['$SYS/brokers/+/version', 0]]));
      // What comes each second may come before SUBACK.
      const seen = new Set<string | undefined>();
      while (!seen.has('suback') || !seen.has('publish')) {
        const found = await client.next();
        seen.add(found?.type);
        if (found?.type === 'publish') t.is(found.topic, `$SYS/brokers/${broker.name}/version`);
        else t.is(found?.type, 'suback');
      }
      client.drop();
    }
  }),
);
