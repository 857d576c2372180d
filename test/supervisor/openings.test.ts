/** What main reads before it hands a connection over, on live listeners: against stub shards. */
import test from 'ava';
import type { RunningBroker } from '../../src/broker.js';
import { clientIdOn } from '../helpers/client-ids.js';
import { ipv4Addresses, proxyBinary, proxyLine, sslField } from '../helpers/proxy-headers.js';
import { until, withBroker } from '../helpers/with-broker.js';
import { LISTENERS, OPENING_TYPES, type OpeningType, openingOf } from './opening-bytes.js';
import { connectBytes, STUB_SHARD, StubClient } from './stub-client.js';

const shardEntry = STUB_SHARD;

function figuresOf(broker: RunningBroker, name: string) {
  return broker.listenerFigures().find(({ config }) => config.name === name)!;
}

/** Listeners of all types behind a proxy. */
const PROXIED = {
  ...LISTENERS,
  ...Object.fromEntries(OPENING_TYPES.map((type) => [`listener.${type}.${type}.proxy_protocol`, 'on'])),
};

for (const type of OPENING_TYPES) {
  test(
    `${type}: the opening arrives as it was sent, with what came behind it, whole or byte by byte`,
    withBroker({ shardEntry, config: LISTENERS }, async (broker, t) => {
      const opening = openingOf(type);
      const sent = Buffer.concat([opening, Buffer.from('more\n')]);
      const { client, greeting } = await StubClient.greet(broker, sent, type);
      t.is(greeting.head, sent.toString('hex'));
      t.is(greeting.peerPort, client.socket.localPort ?? 0);
      client.drop();
      const dripping = await StubClient.open(broker, type);
      for (const byte of opening) {
        dripping.send(Uint8Array.of(byte));
        await new Promise(setImmediate);
      }
      t.is((await dripping.greeting()).head, opening.toString('hex'));
      dripping.send(Buffer.from('behind\n'));
      t.is(await dripping.line(), 'behind');
      dripping.drop();
    }),
  );

  test(
    `${type}: behind a proxy the client's address is the one of the header, versions 1 and 2`,
    withBroker({ shardEntry, config: PROXIED }, async (broker, t) => {
      const opening = openingOf(type);
      const binary = proxyBinary({ family: 0x11, addresses: ipv4Addresses([203, 0, 113, 9], 4_711) });
      for (const [header, peerAddress, peerPort] of [
        [proxyLine('203.0.113.7', 815), '203.0.113.7', 815],
        [proxyLine('2001:db8:0:0::7', 815), '2001:db8::7', 815],
        [binary, '203.0.113.9', 4_711],
      ] as const) {
        const { client, greeting } = await StubClient.greet(broker, Buffer.concat([header, opening]), type);
        t.like(greeting, { peerAddress, peerPort, head: opening.toString('hex') });
        client.drop();
      }
      const local = proxyBinary({ command: 0x20, family: 0, addresses: Buffer.alloc(0) });
      const own = await StubClient.greet(broker, Buffer.concat([local, opening]), type);
      t.like(own.greeting, { peerAddress: '127.0.0.1', peerPort: own.client.socket.localPort });
    }),
  );
}

test(
  'connections whose owner main cannot know go to the shard with the fewest',
  withBroker({ shardEntry, config: { ...LISTENERS, 'node.shards': 3 } }, async (broker, t) => {
    const greet = (type: OpeningType) => StubClient.greet(broker, openingOf(type), type);
    const first: Awaited<ReturnType<typeof greet>>[] = [];
    for (const type of ['ws', 'ssl', 'ws', 'ssl', 'ws', 'ssl'] as const) first.push(await greet(type));
    const perShard = [0, 1, 2].map((shard) => first.filter(({ greeting }) => greeting.shard === shard));
    t.deepEqual(
      perShard.map(({ length }) => length),
      [2, 2, 2],
    );
    for (const { client } of perShard[1]!) client.drop();
    const current = (): number => figuresOf(broker, 'ws').current + figuresOf(broker, 'ssl').current;
    await until(() => current() === 4);
    t.deepEqual([(await greet('ws')).greeting.shard, (await greet('ssl')).greeting.shard], [1, 1]);
  }),
);

test(
  'connections that come all at once are spread as well: those on their way count',
  withBroker({ shardEntry, config: LISTENERS }, async (broker, t) => {
    const all = Array.from({ length: 40 }, () => StubClient.greet(broker, openingOf('ws'), 'ws'));
    const shards = (await Promise.all(all)).map(({ greeting }) => greeting.shard);
    t.is(shards.filter((shard) => shard === 0).length, 20);
  }),
);

test(
  "the username of a client whose TLS ends in the proxy is its certificate's name",
  withBroker(
    { shardEntry, config: { ...PROXIED, 'listener.tcp.tcp.peer_cert_as_username': 'cn' } },
    async (broker, t) => {
      const header = proxyBinary({
        family: 0x11,
        addresses: ipv4Addresses([203, 0, 113, 9], 1),
        fields: sslField(Buffer.from('meter-7')),
      });
      const named = await StubClient.greet(broker, Buffer.concat([header, connectBytes('a')]), 'tcp');
      t.is(named.greeting.certificateUsername, 'meter-7');
      const plain = Buffer.concat([proxyLine('203.0.113.7', 815), connectBytes('b')]);
      t.is((await StubClient.greet(broker, plain, 'tcp')).greeting.certificateUsername, null);
      const unasked = Buffer.concat([header, openingOf('ws')]);
      t.is((await StubClient.greet(broker, unasked, 'ws')).greeting.certificateUsername, null);
    },
  ),
);

test(
  'wrong beginnings end the connection and are counted, each for its reason',
  withBroker({ shardEntry, config: LISTENERS }, async (broker, t) => {
    const cases: readonly [OpeningType, Buffer, string][] = [
      ['ssl', connectBytes('plain'), 'tls_error'],
      ['ssl', Buffer.from([0x16, 3, 3, 0xff, 0xff]), 'tls_error'],
      ['ws', connectBytes('plain'), 'bad_http'],
      ['ws', Buffer.from([0x16, 3, 1]), 'bad_http'],
      ['ws', Buffer.from(`GET / HTTP/1.1\r\nCookie: ${'x'.repeat(20_000)}\r\n\r\n`), 'http_head_too_large'],
    ];
    for (const [type, bytes, reason] of cases) {
      const before = figuresOf(broker, type).shutdownCount()[reason] ?? 0;
      const client = await StubClient.open(broker, type);
      client.send(bytes);
      await client.closed();
      await until(() => figuresOf(broker, type).shutdownCount()[reason] === before + 1, reason);
      t.is(figuresOf(broker, type).current, 0);
    }
  }),
);

test(
  'a wrong PROXY header, a proxy that is not trusted and a client that is not let in end the connection',
  withBroker(
    {
      shardEntry,
      config: {
        ...PROXIED,
        'listener.tcp.tcp.access.1': 'deny 203.0.113.0/24',
        'listener.ws.ws.trusted_proxies': '10.0.0.0/8, ::1',
        'listener.ssl.ssl.trusted_proxies': '127.0.0.0/8',
      },
    },
    async (broker, t) => {
      const denied = await StubClient.open(broker, 'tcp');
      denied.send(Buffer.concat([proxyLine('203.0.113.7', 815), connectBytes('denied')]));
      const headless = await StubClient.open(broker, 'tcp');
      headless.send(connectBytes('headless'));
      const untrusted = await StubClient.open(broker, 'ws');
      await Promise.all([denied.closed(), headless.closed(), untrusted.closed()]);
      await until(() => figuresOf(broker, 'tcp').current === 0);
      t.deepEqual(figuresOf(broker, 'tcp').shutdownCount(), { access_denied: 1, proxy_error: 1 });
      t.deepEqual(figuresOf(broker, 'ws').shutdownCount(), { proxy_untrusted: 1 });
      const trusted = Buffer.concat([proxyLine('203.0.113.7', 815), openingOf('ssl')]);
      t.is((await StubClient.greet(broker, trusted, 'ssl')).greeting.peerAddress, '203.0.113.7');
    },
  ),
);

test(
  'what drips slower than its time allows is closed at its deadline, and others do not notice',
  withBroker(
    {
      shardEntry,
      config: {
        ...LISTENERS,
        'listener.tcp.proxied': '127.0.0.1:0',
        'listener.tcp.proxied.proxy_protocol': 'on',
        'listener.tcp.proxied.proxy_protocol_timeout': '400ms',
        'listener.ssl.ssl.handshake_timeout': '400ms',
        'mqtt.client.idle_timeout': '800ms',
      },
    },
    async (broker, t) => {
      const cases: readonly [string, Buffer, string][] = [
        ['proxied', proxyLine('203.0.113.7', 815), 'proxy_timeout'],
        ['ssl', openingOf('ssl'), 'handshake_timeout'],
        ['ws', openingOf('ws'), 'idle_timeout'],
        ['tcp', openingOf('tcp', 'x'.repeat(60)), 'idle_timeout'],
      ];
      const { client: bystander } = await StubClient.greet(
        broker,
        connectBytes(clientIdOn(broker, 0)),
        'tcp',
      );
      const drips = cases.flatMap((each) => Array.from({ length: 20 }, () => each));
      const ended = Promise.all(drips.map(([name, bytes]) => drip(broker, name, bytes)));
      let rounds = 0;
      let isOver = false;
      void ended.then(() => {
        isOver = true;
      });
      while (!isOver) {
        bystander.send(Buffer.from(`round ${rounds}\n`));
        t.is(await bystander.line(), `round ${rounds++}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await ended;
      for (const [name, , reason] of cases) {
        await until(() => figuresOf(broker, name).shutdownCount()[reason] === 20, `${name}: ${reason}`);
      }
      bystander.drop();
    },
  ),
);

/** Sends a byte every now and then, but never the last. Resolves when the broker has closed the connection. */
async function drip(broker: RunningBroker, listener: string, bytes: Buffer): Promise<void> {
  const client = await StubClient.open(broker, listener);
  let at = 0;
  const timer = setInterval(() => {
    if (at < bytes.length - 1) client.send(bytes.subarray(at, ++at));
  }, 25);
  await client.closed();
  clearInterval(timer);
}
