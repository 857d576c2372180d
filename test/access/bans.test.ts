/** Who is banned stays out, and who is in when a ban comes goes out. */
import test from 'ava';
import { overWebSocket } from '../helpers/carrier.js';
import { connect } from '../helpers/packets.js';
import { proxyLine } from '../helpers/proxy-headers.js';
import { RawClient } from '../helpers/raw-client.js';
import { addressOf, startTestBroker, tempDirectory, until } from '../helpers/with-broker.js';
import { guarded } from './guarded.js';

for (const version of [3, 4, 5] as const) {
  test.serial(
    `MQTT level ${version}: banned ClientIds and user names are refused, and ended when they are in`,
    guarded({}, async (g, t) => {
      const { bans } = g.broker;
      const clients = [
        await g.connect({ version }),
        await g.connect({ version, at: 1, username: 'mallory' }),
      ];
      const other = await g.connect({ version, at: 1, username: 'alice' });
      const { clientId } = clients[0]!;
      await bans.add({ kind: 'clientid', value: clientId });
      await bans.add({ kind: 'username', value: 'mallory', reason: 'spam' });
      for (const client of clients) await client.expectEnd(0x98);
      await other.expectSilence();
      const refused = version === 5 ? 0x8a : 5;
      for (const options of [{ clientId }, { clientId: 'new', username: 'mallory' }]) {
        const client = await g.open(version);
        client.send(connect({ version, ...options }));
        await client.expectRefusal(refused);
      }
      await until(() => g.ended['banned'] === 4, 'all of them to be counted');
      t.true(await bans.remove({ kind: 'clientid', value: clientId }));
      await g.connect({ version, clientId });
      t.deepEqual(
        bans.list().map(({ value }) => value),
        ['mallory'],
      );
    }),
  );
}

test.serial(
  'a banned address is turned away at the door, and its clients are ended',
  guarded({}, async (g, t) => {
    const client = await g.connect();
    await g.broker.bans.add({ kind: 'address', value: '127.0.0.0/8' });
    await client.expectEnd(0x98);
    const next = await g.open();
    await next.expectClosed();
    await until(() => g.ended['banned'] === 2);
    await g.broker.bans.remove({ kind: 'address', value: '127.1.2.3/8' });
    await g.connect();
    t.pass();
  }),
);

test.serial(
  'behind a proxy the address counts that it tells, and not its own',
  guarded({ config: { 'listener.tcp.external.proxy_protocol': 'on' } }, async (g, t) => {
    await g.broker.bans.add({ kind: 'address', value: '203.0.113.7' });
    const via = async (address: string) => {
      const client = await g.open();
      client.send(proxyLine(address, 4711), connect({ version: 5, clientId: g.clientId() }));
      return client;
    };
    await (await via('203.0.113.7')).expectClosed();
    t.is(g.ended['banned'], 1);
    const client = await via('203.0.113.8');
    t.is((await client.expect('connack')).code, 0);
    await g.broker.bans.add({ kind: 'address', value: '203.0.113.8' });
    await client.expectEnd(0x98);
    await g.broker.bans.add({ kind: 'address', value: '127.0.0.1' });
    t.is((await (await via('203.0.113.9')).expect('connack')).code, 0);
  }),
);

test.serial(
  'behind a proxy that tells the address in a header, the client hears of its ban, on whichever shard it is',
  guarded(
    {
      config: {
        'listener.ws.proxied': '127.0.0.1:0',
        'listener.ws.proxied.proxy_address_header': 'X-Forwarded-For',
        'listener.ws.proxied.trusted_proxies': '127.0.0.0/8',
      },
    },
    async (g, t) => {
      const via = async (address: string, at: number): Promise<RawClient> => {
        const headers = { 'X-Forwarded-For': address };
        const client = new RawClient(await overWebSocket(addressOf(g.broker, 'proxied'), { headers }), 5);
        client.send(connect({ version: 5, clientId: g.clientId(at) }));
        return client;
      };
      const clients = [await via('203.0.113.7', 0), await via('203.0.113.7', 1), await via('203.0.113.8', 1)];
      for (const client of clients) t.is((await client.expect('connack')).code, 0);
      await g.broker.bans.add({ kind: 'address', value: '203.0.113.7' });
      for (const client of clients.slice(0, 2)) await client.expectEnd(0x98);
      await clients[2]!.expectSilence();
      for (const at of [0, 1]) await (await via('203.0.113.7', at)).expectRefusal(0x8a);
      clients[2]!.drop();
    },
  ),
);

test.serial(
  'a ban ends by itself',
  guarded({}, async (g, t) => {
    const clientId = g.clientId();
    await g.broker.bans.add({ kind: 'clientid', value: clientId, durationMs: 60_000 });
    const client = await g.open();
    t.is((await client.connect({ clientId })).code, 0x8a);
    await g.advanceClock(61_000);
    await g.connect({ clientId });
  }),
);

test.serial('bans outlive the broker', async (t) => {
  const directory = tempDirectory();
  const first = await startTestBroker({}, directory);
  await first.bans.add({ kind: 'username', value: 'mallory', reason: 'spam' });
  await first.stop();
  const second = await startTestBroker({}, directory);
  t.deepEqual(
    second.bans.list().map(({ kind, value, reason }) => [kind, value, reason]),
    [['username', 'mallory', 'spam']],
  );
  await second.stop();
});

test.serial(
  'a ClientId that connects too often is banned for a while, and others are not',
  guarded(
    {
      config: {
        'mqtt.flapping.max_connects': 3,
        'mqtt.flapping.window': '10s',
        'mqtt.flapping.ban_time': '1m',
      },
    },
    async (g, t) => {
      const clientId = g.clientId();
      for (let i = 0; i < 3; i++) await g.connect({ clientId });
      await g.advanceClock(11_000);
      for (let i = 0; i < 3; i++) await g.connect({ clientId });
      const last = await g.open();
      t.is((await last.connect({ clientId })).code, 0x8a);
      await until(() => g.broker.bans.list().length === 1);
      t.deepEqual(
        g.broker.bans.list().map(({ kind, value, reason }) => [kind, value, reason]),
        [['clientid', clientId, 'flapping']],
      );
      await g.connect();
      await g.advanceClock(30_000);
      t.is((await (await g.open()).connect({ clientId })).code, 0x8a);
      await g.advanceClock(31_000);
      await g.connect({ clientId });
    },
  ),
);

test.serial(
  'connects that were refused do not count as flapping',
  guarded({ config: { 'mqtt.flapping.max_connects': 2, 'mqtt.allow_anonymous': 'false' } }, async (g, t) => {
    const clientId = g.clientId();
    for (let i = 0; i < 5; i++) t.is((await (await g.open()).connect({ clientId })).code, 0x87);
    t.deepEqual(g.broker.bans.list(), []);
  }),
);
