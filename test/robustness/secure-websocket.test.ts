/** HTTP within TLS, of which main sees nothing: the shard's own bounds on what comes instead of an upgrade. */
import { once } from 'node:events';
import tls from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import type { RunningBroker } from '../../src/broker.js';
import { HTTP_HEAD_BYTES_MAX } from '../../src/limits.js';
import { connect } from '../helpers/packets.js';
import { addressOn, everyListener, trust } from '../helpers/transports.js';
import { BINARY, frame, upgradeRequest } from '../helpers/websocket-frames.js';
import { onEveryShard, tempDirectory, until, withBroker } from '../helpers/with-broker.js';

const HANDSHAKE = upgradeRequest();

class Raw {
  text = '';
  isClosed = false;

  constructor(readonly socket: tls.TLSSocket) {
    socket.on('data', (bytes: Buffer) => {
      this.text += bytes.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  async closed(): Promise<void> {
    await until(() => this.isClosed, 'the close');
  }
}

async function opened(broker: RunningBroker): Promise<Raw> {
  const address = addressOn(broker, 'wss');
  const socket = tls.connect({ servername: 'localhost', ...trust(), ...address });
  await once(socket, 'secureConnect');
  return new Raw(socket);
}

/** Waits until nobody is there any more, and nothing is kept of them. */
async function ended(t: ExecutionContext, broker: RunningBroker, counts: Record<string, number>) {
  const figures = broker.listenerFigures().find(({ config }) => config.type === 'wss')!;
  await until(() => figures.current === 0, 'all to be counted as closed');
  t.deepEqual(figures.shutdownCount(), counts);
  await until(async () => {
    const shards = await onEveryShard(broker, (shard) => broker.request(shard, 'shard.figures', null));
    return shards.every(({ waitingBytes }) => waitingBytes === 0);
  }, 'nothing to wait any more');
}

const settings = (idleTimeout = '30s') => ({
  ...everyListener(tempDirectory()),
  'mqtt.client.idle_timeout': idleTimeout,
});

test(
  'a request that comes byte by byte is served, frames behind it too',
  withBroker({ config: settings() }, async (broker, t) => {
    const raw = await opened(broker);
    const packet = frame(BINARY, connect({ version: 4, clientId: 'dripped' }));
    for (const byte of Buffer.concat([Buffer.from(HANDSHAKE), packet])) raw.socket.write(Buffer.of(byte));
    await until(() => raw.text.endsWith('\r\n\r\n\u0082\u0004\u0020\u0002\0\0'), 'CONNACK');
    raw.socket.end();
    await raw.closed();
    await ended(t, broker, { closed: 1 });
  }),
);

test(
  'a request that is no upgrade is answered, one that is too large as well, and one that stays half is closed in time',
  withBroker({ config: settings('1s') }, async (broker, t) => {
    const wrong = await opened(broker);
    wrong.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const garbage = await opened(broker);
    garbage.socket.write(Buffer.from('\u0010\u0010\0\u0004MQTT\r\n\r\n', 'latin1'));
    const large = await opened(broker);
    large.socket.write(HANDSHAKE.slice(0, -2));
    for (let sent = 0; sent <= HTTP_HEAD_BYTES_MAX; sent += 1_000)
      large.socket.write(`X: ${'x'.repeat(1_000)}\r\n`);
    const half = await opened(broker);
    half.socket.write(HANDSHAKE.slice(0, -2));
    const silent = await opened(broker);
    for (const raw of [wrong, garbage, large, half, silent]) await raw.closed();
    t.regex(wrong.text, /^HTTP\/1.1 404 .*Not found\.$/s);
    t.regex(garbage.text, /^HTTP\/1.1 400 /);
    t.regex(large.text, /^HTTP\/1.1 431 /);
    t.is(half.text + silent.text, '');
    await ended(t, broker, { bad_http: 2, http_head_too_large: 1, idle_timeout: 2 });
  }),
);

test(
  'a connection cut within its request or its frames ends by itself',
  withBroker({ config: settings() }, async (broker, t) => {
    const request = await opened(broker);
    request.socket.write(HANDSHAKE.slice(0, 40));
    request.socket.end();
    const frames = await opened(broker);
    frames.socket.write(HANDSHAKE);
    frames.socket.write(frame(BINARY, connect({ version: 4, clientId: 'cut' })).subarray(0, 9));
    await until(() => frames.text.includes(' 101 '), 'the upgrade');
    frames.socket.end();
    await Promise.all([request.closed(), frames.closed()]);
    await ended(t, broker, { closed: 2 });
  }),
);
