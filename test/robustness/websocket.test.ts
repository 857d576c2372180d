/**
 * What is no HTTP, no upgrade or no WebSocket frame, on a broker that others use over TCP and over WebSocket: each ends
 * its own connection, is counted under its reason, and the others do not notice.
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import net from 'node:net';
import test from 'ava';
import type { RunningBroker } from '../../src/broker.js';
import { overWebSocket } from '../helpers/carrier.js';
import { clientIdOn } from '../helpers/client-ids.js';
import { connect, publish, subscribe } from '../helpers/packets.js';
import { RawClient } from '../helpers/raw-client.js';
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  closePayload,
  frame,
  PING,
  PONG,
  type ServerFrame,
  serverFrames,
  TEXT,
  upgradeRequest,
} from '../helpers/websocket-frames.js';
import type { Version } from '../helpers/wire.js';
import {
  RecordingLogger,
  startTestBroker,
  tempDirectory,
  until,
  withBroker,
} from '../helpers/with-broker.js';
import { SeamBench } from '../seams/bench.js';
import { SeamRemote } from '../seams/remote.js';
import { Flow } from './flow.js';
import { TurnWatch } from './turn-watch.js';

const directory = tempDirectory();
const logger = new RecordingLogger();
let broker: RunningBroker;
let bench: SeamBench;
let web: WebBench;
let flows: Flow[] = [];
let watch: TurnWatch;

/** As `SeamBench` for TCP: clients over WebSocket, on the shard asked for. */
class WebBench extends SeamBench {
  private readonly opened: RawClient[] = [];

  override async open(version: Version): Promise<RawClient> {
    const client = new RawClient(await overWebSocket(address()), version);
    this.opened.push(client);
    return client;
  }

  override clientId(shard: number): string {
    return clientIdOn(broker, shard, `web${super.clientId(shard)}`);
  }

  override drop(): void {
    for (const client of this.opened) client.drop();
    super.drop();
  }
}

test.before(async () => {
  const config = { 'listener.ws.external': '127.0.0.1:0', 'mqtt.max_packet_size': '1MB' };
  broker = await startTestBroker({ logger, config }, directory);
  bench = new SeamBench(broker, new SeamRemote(), logger);
  web = new WebBench(broker, new SeamRemote(), logger);
  flows = [
    await Flow.start(bench, { from: 0, to: 1, qos: 1 }),
    await Flow.start(web, { from: 0, to: 1, qos: 2 }),
    await Flow.start(web, { from: 1, to: 0, qos: 1, version: 4 }),
  ];
  watch = new TurnWatch(broker);
});

test.after.always('none of it was noticed by others, nor held a shard for long', async (t) => {
  try {
    for (const flow of flows) {
      await flow.goesOn();
      t.deepEqual(await flow.stop(), []);
    }
    // Those of the flows.
    await until(() => figures().current === 4, 'the others to be counted as closed');
  } finally {
    await watch.stop(t);
    bench.drop();
    web.drop();
    await broker.stop();
    rmSync(directory, { recursive: true, force: true });
  }
});

const listener = () => broker.listeners.find(({ protocol }) => protocol === 'ws')!;
const address = () => ({ host: listener().host, port: listener().port });
const figures = () => broker.listenerFigures().find(({ config }) => config.type === 'ws')!;
const counted = (reason: string): number => figures().shutdownCount()[reason] ?? 0;

const HANDSHAKE = upgradeRequest();

/** A client that sends whatever it likes; it reads until the end. */
class Raw {
  readonly chunks: Buffer[] = [];
  isClosed = false;

  private constructor(readonly socket: net.Socket) {
    socket.on('data', (bytes) => this.chunks.push(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  static async open(to = address()): Promise<Raw> {
    const socket = net.connect({ ...to, noDelay: true });
    await once(socket, 'connect');
    return new Raw(socket);
  }

  /** A client whose handshake was answered. */
  static async upgraded(): Promise<Raw> {
    const raw = await Raw.open();
    raw.socket.write(HANDSHAKE);
    await until(() => raw.text.includes('\r\n\r\n'), 'the answer');
    if (!raw.text.startsWith('HTTP/1.1 101 ')) throw new Error(raw.text);
    return raw;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  /** What came behind the handshake. */
  get frames(): ServerFrame[] {
    const bytes = Buffer.concat(this.chunks);
    return serverFrames(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4));
  }

  async closed(): Promise<void> {
    await until(() => this.isClosed, 'the close');
  }
}

const requests: readonly [string, string, RegExp, string][] = [
  ['another path', HANDSHAKE.replace('/mqtt', '/other'), /^HTTP\/1.1 404 .*Not found\.$/s, 'bad_http'],
  ['no upgrade', 'GET /mqtt HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1.1 400 .*Bad Request$/s, 'bad_http'],
  ['a POST', HANDSHAKE.replace('GET', 'POST'), /^HTTP\/1.1 400 /, 'bad_http'],
  ['another version', HANDSHAKE.replace(': 13', ': 7'), /^HTTP\/1.1 426 .*Version: 13/s, 'bad_http'],
  [
    'another subprotocol',
    HANDSHAKE.replace(': mqtt', ': chat'),
    /^HTTP\/1.1 400 .*Bad WebSocket Protocol$/s,
    'bad_websocket_protocol',
  ],
  [
    '101 headers',
    HANDSHAKE.replace('Host', `${'A: b\r\n'.repeat(95)}Host`),
    /^HTTP\/1.1 431 /,
    'http_head_too_large',
  ],
  ['what is no HTTP', 'HELO there\r\n\r\n', /^HTTP\/1.1 400 /, 'bad_http'],
  // Main sees that at once, and answers nobody.
  ['CONNECT without WebSocket', '\u0010\u0010\0\u0004MQTT\r\n\r\n', /^$/, 'bad_http'],
  ['a request within a request', `GET / HTTP/1.1\n\n${HANDSHAKE}`, /^HTTP\/1.1 4/, 'bad_http'],
];

for (const [what, bytes, answer, reason] of requests) {
  test.serial(`${what}: an answer, the close, and ${reason}`, async (t) => {
    const before = counted(reason);
    for (const isDripped of [false, true]) {
      const raw = await Raw.open();
      if (isDripped) for (const byte of Buffer.from(bytes, 'latin1')) raw.socket.write(Buffer.of(byte));
      else raw.socket.write(bytes, 'latin1');
      await raw.closed();
      t.regex(raw.text, answer);
    }
    await until(() => counted(reason) === before + 2, 'both to be counted');
  });
}

test.serial(
  'a head that never ends is closed at its limit, and one that stays half at its deadline',
  async (t) => {
    const { accepted } = figures();
    const endless = await Raw.open();
    for (let n = 0; n < 40 && !endless.isClosed; n++) {
      endless.socket.write(`X-Header-${n}: ${'x'.repeat(1_000)}\r\n`);
      await new Promise(setImmediate);
    }
    await endless.closed();
    t.false(endless.text.includes(' 101 '));
    const half = await Raw.open();
    half.socket.write(HANDSHAKE.slice(0, -2));
    half.socket.end();
    await half.closed();
    await until(() => figures().current === 4, 'both to be counted as closed');
    t.is(figures().accepted, accepted + 2);
  },
);

const LARGE = 17n << 20n;
const CONNECT = connect({ version: 5, clientId: 'web' });
const violations: readonly [string, Buffer, number, string][] = [
  ['an unmasked frame', frame(BINARY, CONNECT, { mask: null }), 1_002, 'websocket_error'],
  ['a reserved bit', frame(BINARY, CONNECT, { rsv: 4 }), 1_002, 'websocket_error'],
  ['an unknown opcode', frame(5, CONNECT), 1_002, 'websocket_error'],
  ['a continuation of nothing', frame(CONTINUATION, CONNECT), 1_002, 'websocket_error'],
  ['a fragmented ping', frame(PING, 'x', { fin: false }), 1_002, 'websocket_error'],
  ['a length of 2^63', frame(BINARY, '', { lengthBytes: 8, length: 1n << 63n }), 1_002, 'websocket_error'],
  ['text', frame(TEXT, 'CONNECT'), 1_003, 'websocket_text'],
  ['a frame of 17 MB', frame(BINARY, '', { length: LARGE }), 1_009, 'websocket_frame_too_large'],
  ['a frame of 2^62 bytes', frame(BINARY, '', { length: 1n << 62n }), 1_009, 'websocket_frame_too_large'],
];

for (const [what, bytes, code, reason] of violations) {
  test.serial(`${what}: a close frame with ${code}, before and after CONNECT`, async (t) => {
    const before = counted(reason);
    for (const isConnected of [false, true]) {
      const raw = await Raw.upgraded();
      if (isConnected) {
        raw.socket.write(frame(BINARY, connect({ version: 5, clientId: `web ${what}` })));
        await until(() => raw.frames.length === 1, 'CONNACK');
      }
      raw.socket.write(bytes);
      await raw.closed();
      const last = raw.frames.at(-1)!;
      t.deepEqual([last.opcode, last.payload.readUInt16BE(0)], [CLOSE, code]);
      raw.socket.destroy();
    }
    await until(() => counted(reason) === before + 2, 'both to be counted');
  });
}

test.serial('a packet above the limit ends its client, in whatever frames it comes', async (t) => {
  const big = Buffer.from(publish(5, { topic: 'big', payload: 'x'.repeat(1 << 20) }));
  for (const size of [big.length, 50_000]) {
    const raw = await Raw.upgraded();
    raw.socket.write(frame(BINARY, connect({ version: 5, clientId: 'big' })));
    for (let at = 0; at < big.length; at += size)
      raw.socket.write(frame(BINARY, big.subarray(at, at + size)));
    await raw.closed();
    // CONNACK, DISCONNECT with Packet too large, and then the close frame.
    const { frames } = raw;
    const packets = Buffer.concat(frames.slice(0, -1).map(({ payload }) => payload));
    t.is(packets.subarray(-4).toString('hex'), 'e0029500');
    t.is(frames.at(-1)!.opcode, CLOSE);
  }
});

test.serial(
  'a connection that breaks within a header, a payload or a packet publishes its will once',
  async (t) => {
    const watcher = await bench.connect(0, 5);
    await watcher.subscribe('will/#');
    const cuts = [1, 3, 9, 40];
    for (const cut of cuts) {
      const raw = await Raw.upgraded();
      const will = { topic: `will/${cut}`, payload: `cut ${cut}` };
      raw.socket.write(frame(BINARY, connect({ version: 5, clientId: `cut${cut}`, will })));
      await until(() => raw.frames.length === 1, 'CONNACK');
      raw.socket.write(frame(BINARY, publish(5, { topic: 'a', payload: 'x'.repeat(100) })).subarray(0, cut));
      raw.socket.resetAndDestroy();
      await watcher.expectPublish(`cut ${cut}`);
    }
    await watcher.expectSilence();
    t.pass();
  },
);

test.serial('a flood of pings that nobody reads the answers of takes no memory', async (t) => {
  const raw = await Raw.upgraded();
  raw.socket.write(frame(BINARY, connect({ version: 5, clientId: 'pings' })));
  await until(() => raw.frames.length === 1, 'CONNACK');
  raw.socket.pause();
  const most = watch.mostWaitingBytes;
  const pings = Buffer.concat(Array.from({ length: 500 }, () => frame(PING, 'x'.repeat(125))));
  // 6.5 MB, more than the kernel's buffers take in both directions together once they are full.
  for (let n = 0; n < 100; n++) raw.socket.write(pings);
  for (const flow of flows) await flow.goesOn();
  raw.socket.resume();
  raw.socket.write(frame(PING, 'last'));
  await until(() => raw.frames.at(-1)?.payload.toString() === 'last', 'the last answer');
  t.true(raw.frames.slice(1).every(({ opcode }) => opcode === PONG));
  t.true(watch.mostWaitingBytes <= most + (1 << 20));
  raw.socket.destroy();
});

test.serial(
  'what comes before a close frame in the same bytes counts: no will after DISCONNECT',
  async (t) => {
    const watcher = await bench.connect(1, 5);
    await watcher.subscribe('said/#');
    const raw = await Raw.upgraded();
    const packets = [
      connect({ version: 5, clientId: 'said', will: { topic: 'said/will', payload: 'will' } }),
      ...Array.from({ length: 200 }, (_, n) => publish(5, { topic: 'said/it', payload: `${n}` })),
      Buffer.of(0xe0, 0),
    ];
    raw.socket.write(
      Buffer.concat([...packets.map((packet) => frame(BINARY, packet)), frame(CLOSE, closePayload(1_000))]),
    );
    await raw.closed();
    for (let n = 0; n < 200; n++) await watcher.expectPublish(`${n}`);
    await watcher.expectSilence();
    t.pass();
  },
);

test(
  'whoever is silent after the upgrade, or within its request, is closed in time',
  withBroker(
    { config: { 'listener.ws.external': '127.0.0.1:0', 'mqtt.client.idle_timeout': '300ms' } },
    async (own, t) => {
      const { host, port } = own.listeners.find(({ protocol }) => protocol === 'ws')!;
      const silent = await Raw.open({ host, port });
      silent.socket.write(HANDSHAKE);
      const half = await Raw.open({ host, port });
      half.socket.write(HANDSHAKE.slice(0, -2));
      await Promise.all([silent.closed(), half.closed()]);
      t.regex(silent.text, / 101 /);
      t.is(half.text, '');
      const web = own.listenerFigures().find(({ config }) => config.type === 'ws')!;
      await until(() => web.current === 0, 'both to be counted as closed');
      t.is(web.shutdownCount()['idle_timeout'], 2);
    },
  ),
);

test.serial('SUBSCRIBE in a frame of its own after each byte of CONNECT is served', async (t) => {
  const raw = await Raw.upgraded();
  for (const byte of connect({ version: 4, clientId: 'bytes' }))
    raw.socket.write(frame(BINARY, Buffer.of(byte)));
  raw.socket.write(frame(BINARY, subscribe(4, 1, [['a', 0]])));
  // In one frame or in two.
  const received = () => Buffer.concat(raw.frames.map(({ payload }) => payload)).toString('hex');
  await until(() => received() === '200200009003000100', 'CONNACK and SUBACK');
  t.pass();
  raw.socket.destroy();
});
