/**
 * Clients that stop halfway, at every stage between accept and CONNECT, over every transport: each is closed at the
 * deadline of its stage and counted, whoever is connected goes on, and nothing is left.
 */
import test from 'ava';
import { overTls } from '../helpers/carrier.js';
import { CERTS } from '../helpers/certs.js';
import { connect } from '../helpers/packets.js';
import { proxyLine } from '../helpers/proxy-headers.js';
import { addressOn, EDGE_TRANSPORTS, openCarrier, type Transport, trust } from '../helpers/transports.js';
import { BINARY, frame, PING } from '../helpers/websocket-frames.js';
import { until } from '../helpers/with-broker.js';
import { type Attacker, clientHello, tlsRecord, UPGRADE } from './attacker.js';
import { Siege } from './siege.js';

const HALFWAY = 500;
/** Of each kind at a time. */
const FEW = 10;
const HANDSHAKE_SECONDS = 15;
const IDLE_SECONDS = 25;
/** Of the listeners called `hasty`, whose deadlines main watches by a clock that no test can turn. */
const HASTY = '300ms';

let siege: Siege;
let hello: Buffer;

test.before(async () => {
  hello = await clientHello();
  const settings: Record<string, string> = { 'mqtt.client.idle_timeout': `${IDLE_SECONDS}s` };
  for (const transport of ['ssl', 'wss']) {
    settings[`listener.${transport}.external.handshake_timeout`] = `${HANDSHAKE_SECONDS}s`;
    settings[`listener.${transport}.hasty`] = '127.0.0.1:0';
    settings[`listener.${transport}.hasty.certfile`] = CERTS.serverEcdsa.certfile;
    settings[`listener.${transport}.hasty.keyfile`] = CERTS.serverEcdsa.keyfile;
    settings[`listener.${transport}.hasty.handshake_timeout`] = HASTY;
  }
  for (const transport of ['tcp', 'ws']) {
    settings[`listener.${transport}.hasty`] = '127.0.0.1:0';
    settings[`listener.${transport}.hasty.proxy_protocol`] = 'on';
    settings[`listener.${transport}.hasty.proxy_protocol_timeout`] = HASTY;
  }
  siege = await Siege.start(settings);
});

test.after.always('nobody has noticed any of it, and nothing is left', (t) => siege?.end(t));

/** @returns half of a CONNECT of a ClientId of this shard. */
function halfConnect(shard: number): Buffer {
  const whole = connect({ version: 5, clientId: siege.bench.clientId(shard), username: 'x'.repeat(500) });
  return whole.subarray(0, 200);
}

test.serial(`${HALFWAY} TLS handshakes that stop in the middle end at their deadline`, async (t) => {
  const before = siege.counted('ssl', 'handshake_timeout');
  for (let n = 0; n < HALFWAY; n++) (await siege.attack('ssl')).send(hello);
  await until(async () => (await siege.arriving()) === HALFWAY, 'all to arrive');
  await siege.flowsGoOn();
  // Others come in meanwhile.
  for (const transport of EDGE_TRANSPORTS) (await siege.bench.connect({ transport, shard: 1 })).drop();
  await siege.bench.advanceClock(HANDSHAKE_SECONDS + 1);
  await until(() => siege.counted('ssl', 'handshake_timeout') === before + HALFWAY, 'all to be counted');
  t.is(await siege.arriving(), 0);
  await siege.flowsGoOn();
});

/** To which transport, what, the bytes at the bottom. */
const IN_HANDSHAKE: readonly (readonly [string, () => readonly Uint8Array[]])[] = [
  ['a hello, and nothing', () => [hello]],
  [
    'a hello, and the beginning of a record',
    () => [hello, Buffer.of(0x14, 3, 3, 0, 1, 1), Buffer.of(0x17, 3, 3, 0x40, 0)],
  ],
];

for (const [what, make] of IN_HANDSHAKE) {
  test.serial(`ssl and wss: ${what}: handshake_timeout`, async (t) => {
    for (const transport of ['ssl', 'wss'] as const) {
      const before = siege.counted(transport, 'handshake_timeout');
      for (let n = 0; n < FEW; n++) (await siege.attack(transport)).send(...make());
      await until(async () => (await siege.arriving()) === FEW, 'all to arrive');
      await siege.bench.advanceClock(HANDSHAKE_SECONDS - 2);
      t.is(await siege.arriving(), FEW);
      await siege.bench.advanceClock(3);
      await until(() => siege.counted(transport, 'handshake_timeout') === before + FEW, 'all to be counted');
    }
  });
}

test.serial(
  'a first record, a PROXY header and a request that are dripped end at their deadline',
  async (t) => {
    const attacks: readonly (readonly [Transport, string, Uint8Array])[] = [
      ['ssl', 'handshake_timeout', hello],
      ['wss', 'handshake_timeout', hello],
      // It goes on in a further record.
      ['ssl', 'handshake_timeout', tlsRecord(0x16, hello.subarray(5, 15))],
      ['tcp', 'proxy_timeout', proxyLine('203.0.113.7', 815)],
      ['ws', 'proxy_timeout', proxyLine('203.0.113.7', 815)],
    ];
    for (const [transport, reason, bytes] of attacks) {
      const figures = siege.figuresOf(transport, 'hasty');
      const { accepted } = figures;
      const before = figures.shutdownCount()[reason] ?? 0;
      const attacker = await siege.attack(transport, 'hasty');
      let sent = 0;
      const drip = setInterval(() => attacker.send(bytes.subarray(sent, ++sent)), 20);
      await attacker.closed();
      clearInterval(drip);
      t.is(figures.accepted, accepted + 1);
      await until(() => figures.shutdownCount()[reason] === before + 1, `${transport}: ${reason}`);
    }
  },
);

/** What comes behind TLS, and what behind that. */
const BEHIND: readonly (readonly [Transport, string, () => readonly Uint8Array[]])[] = [
  ['ssl', 'nothing', () => []],
  ['ssl', 'a CONNECT of the edge that is not whole', () => [halfConnect(0)]],
  ['ssl', 'a CONNECT of another shard that is not whole', () => [halfConnect(1)]],
  ['ssl', 'the first byte of a CONNECT', () => [Buffer.of(0x10)]],
  ['wss', 'nothing', () => []],
  ['wss', 'half a request', () => [UPGRADE.subarray(0, 100)]],
  ['wss', 'a request but for its last byte', () => [UPGRADE.subarray(0, -1)]],
  ['wss', 'an upgrade, and nothing', () => [UPGRADE]],
  [
    'wss',
    'an upgrade and a frame that is not whole',
    () => [UPGRADE, frame(BINARY, 'x'.repeat(200)).subarray(0, 3)],
  ],
  ['wss', 'an upgrade and a CONNECT that is not whole', () => [UPGRADE, frame(BINARY, halfConnect(1))]],
  ['ws', 'an upgrade, and nothing', () => [UPGRADE]],
  ['ws', 'an upgrade and pings', () => [UPGRADE, ...new Array<Buffer>(50).fill(frame(PING, 'x'))]],
  ['ws', 'an upgrade and empty frames', () => [UPGRADE, ...new Array<Buffer>(50).fill(frame(BINARY))]],
  ['ws', 'an upgrade and a CONNECT that is not whole', () => [UPGRADE, frame(BINARY, halfConnect(1))]],
];

for (const [transport, what, make] of BEHIND) {
  test.serial(`${transport}: ${what}: idle_timeout`, async (t) => {
    const before = siege.counted(transport, 'idle_timeout');
    const closed: Promise<void>[] = [];
    for (let n = 0; n < FEW; n++) {
      if (transport === 'ws') {
        const attacker = await siege.attack(transport);
        attacker.send(...make());
        closed.push(attacker.closed());
        continue;
      }
      const carrier = await overTls(addressOn(siege.broker, transport), trust());
      closed.push(new Promise((resolve) => (carrier.onClosed = resolve)));
      for (const bytes of make()) carrier.write(Buffer.from(bytes));
    }
    await until(async () => (await siege.arriving()) === FEW, 'all to arrive');
    await siege.bench.advanceClock(IDLE_SECONDS - 2);
    t.is(await siege.arriving(), FEW);
    await siege.bench.advanceClock(3);
    await Promise.all(closed);
    await until(() => siege.counted(transport, 'idle_timeout') === before + FEW, 'all to be counted');
  });
}

test.serial(
  'a CONNECT that is dripped through TLS and WebSocket is taken as it is, also by another shard',
  async (t) => {
    for (const transport of EDGE_TRANSPORTS) {
      for (const shard of [0, 1]) {
        const username = 'x'.repeat(2_000);
        const client = await siege.bench.connect({ transport, shard, cut: 'bytes', username });
        await t.notThrowsAsync(client.expectSilence());
        client.drop();
      }
    }
  },
);

test.serial('a client whose upgrade was refused and who stays is closed', async (t) => {
  const before = siege.counted('ws', 'bad_http');
  const attackers: Attacker[] = [];
  for (let n = 0; n < FEW; n++) {
    const attacker = await siege.attack('ws');
    // It neither closes its side nor stops talking.
    attacker.socket.allowHalfOpen = true;
    attacker.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    attackers.push(attacker);
  }
  await until(() => attackers.every(({ received }) => received.includes('Not found.')), 'the answers');
  for (const attacker of attackers) attacker.send(Buffer.alloc(10_000));
  await siege.bench.advanceClock(3);
  await until(() => siege.counted('ws', 'bad_http') === before + FEW, 'all to be counted');
  t.is(await siege.arriving(), 0);
});

test.serial('clients that leave in the middle of every stage are counted as closed at once', async (t) => {
  for (const [transport, , make] of BEHIND) {
    const before = siege.counted(transport, 'closed');
    for (const isReset of [false, true]) {
      const carrier = await openCarrier(siege.broker, transport === 'ws' ? 'ws' : 'ssl');
      for (const bytes of make()) carrier.write(Buffer.from(bytes));
      if (isReset) carrier.reset();
      else carrier.drop();
    }
    t.true(siege.counted(transport, 'closed') >= before);
  }
  await until(async () => (await siege.arriving()) === 0, 'all to be gone');
});
