import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { NO_HANDLER } from '../../../workers/transport/link.js';
import { CERTS } from '../../helpers/certs.js';
import { TlsStage } from '../../helpers/tls-stage.js';
import { until } from '../../helpers/with-broker.js';

/** A ClientHello as Node's client sends it. */
async function clientHello(): Promise<Buffer> {
  const sink = new Duplex({ read: () => undefined, write: (_bytes, _encoding, next) => next() });
  const written = new Promise<Buffer>((resolve) => {
    sink._write = (bytes: Buffer, _encoding, next) => {
      resolve(Buffer.from(bytes));
      next();
    };
  });
  const client = connect({ socket: sink, rejectUnauthorized: false });
  client.on('error', () => undefined);
  const hello = await written;
  client.destroy();
  return hello;
}

const sockets = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

async function nothingLeft(t: ExecutionContext, stage: TlsStage): Promise<void> {
  await stage.close();
  await until(() => sockets() === 0, 'every socket to be gone');
  t.is(stage.queue.count, 0);
}

test.serial('what is not TLS ends that connection only', async (t) => {
  const stage = await TlsStage.open(t);
  const hello = await clientHello();
  const record = (body: Buffer): Buffer => Buffer.concat([Buffer.from([22, 3, 1, 0, body.length]), body]);
  const streams: Record<string, Buffer> = {
    'a record of noise': record(Buffer.alloc(200, 0xa5)),
    'an alert': Buffer.from([21, 3, 1, 0, 2, 2, 40]),
    'a good hello with noise behind it': Buffer.concat([hello, Buffer.alloc(300, 0x5a)]),
    'a good hello twice': Buffer.concat([hello, hello]),
    'a good hello with a record that is too long behind it': Buffer.concat([
      hello,
      Buffer.from([22, 3, 3, 0xff, 0xff]),
      Buffer.alloc(0xffff),
    ]),
  };
  const good = await stage.client();
  const link = await stage.link();
  for (const [index, [what, bytes]] of Object.entries(streams).entries()) {
    const client = await stage.plainClient();
    client.write(bytes);
    t.is(await stage.reason(index + 1), 'tls_error', what);
  }
  link.write(Buffer.from('still here'), 0, 10);
  t.is(String((await once(good, 'data'))[0]), 'still here');
  await nothingLeft(t, stage);
});

test.serial('a client that goes away in the middle of a handshake is closed', async (t) => {
  const stage = await TlsStage.open(t);
  const hello = await clientHello();
  const ways: ((socket: Socket) => void)[] = [
    (socket) => socket.end(),
    (socket) => socket.destroy(),
    (socket) => socket.resetAndDestroy(),
  ];
  for (const [index, leave] of ways.entries()) {
    const client = await stage.plainClient();
    client.write(hello);
    await until(() => stage.opened.length > index, 'the hand-over');
    leave(client);
    t.is(await stage.reason(index), 'closed');
  }
  await nothingLeft(t, stage);
});

for (const [when, turns] of [
  ['before it has begun', 0],
  ['as it begins', 1],
  ['one turn later', 2],
  ['when it is under way', 20],
] as const) {
  test.serial(`an attempt is aborted ${when}: its socket is gone, and nobody hears of it`, async (t) => {
    const stage = await TlsStage.open(t);
    const hello = await clientHello();
    // One that stops in the middle, and one that goes on.
    const silent = await stage.plainClient();
    silent.resume().write(hello);
    stage.startClient().on('error', () => undefined);
    stage.onOpened = async ({ attempt }) => {
      for (let i = 0; i < turns; i++) await nextTurn();
      attempt.abort();
      attempt.abort();
    };
    await once(silent, 'close');
    await until(() => stage.opened.length === 2, 'both hand-overs');
    await until(() => stage.queue.count === 0, 'an empty line');
    for (let i = 0; i < 20; i++) await nextTurn();
    const [first] = stage.opened;
    t.is(first!.outcome, null);
    // A handshake that was done before the abort stays done.
    t.not(stage.opened[1]!.outcome?.ok, false);
    await nothingLeft(t, stage);
  });
}

test.serial('aborts at every moment of many handshakes leave no socket behind', async (t) => {
  const stage = await TlsStage.open(t, { options: { ...CERTS.serverEcdsa } });
  let count = 0;
  stage.onOpened = async ({ attempt }) => {
    const turns = count++ % 12;
    for (let i = 0; i < turns; i++) await nextTurn();
    attempt.abort();
  };
  const clients = Array.from({ length: 120 }, () => stage.startClient());
  for (const client of clients) client.on('error', () => undefined);
  await until(() => stage.opened.length === clients.length, 'all hand-overs');
  await nothingLeft(t, stage);
});

test.serial('renegotiation is refused', async (t) => {
  const stage = await TlsStage.open(t, { options: { tls_versions: 'tlsv1.2' } });
  const client = await stage.client();
  await stage.link();
  client.renegotiate({ rejectUnauthorized: false }, () => t.fail());
  const [error] = await once(client, 'error');
  t.regex(error.message, /no renegotiation/);
  await nothingLeft(t, stage);
});

test.serial('noise in the middle of an encrypted stream ends it as a TLS error', async (t) => {
  const stage = await TlsStage.open(t);
  const streams = [
    Buffer.alloc(100, 0x5a),
    Buffer.concat([Buffer.from([23, 3, 3, 0, 64]), Buffer.alloc(64, 1)]),
    Buffer.from([23, 3, 3, 0xff, 0xff]),
  ];
  for (const [index, noise] of streams.entries()) {
    const socket = await stage.plainClient();
    const client = await stage.client({ socket });
    client.on('error', () => undefined);
    const link = await stage.link(index);
    const ended = new Promise<string>((resolve) => {
      link.handler = { ...NO_HANDLER, onLinkClosed: resolve };
    });
    socket.write(noise);
    t.is(await ended, 'tls_error');
  }
  await nothingLeft(t, stage);
});

test.serial(
  'whatever becomes of bytes on their way, the connection ends or goes on, and nothing else happens',
  async (t) => {
    const stage = await TlsStage.open(t, { options: { verify: 'verify_peer', cacertfile: CERTS.ca } });
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2_000),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        async (at, flip, cut) => {
          const index = stage.opened.length;
          const socket = await stage.plainClient();
          const client = connect({ socket: damaged(socket, at, flip, cut), rejectUnauthorized: false });
          client.on('error', () => undefined);
          client.write(Buffer.alloc(1_000));
          // A record whose length was changed is waited for.
          const waited = setTimeout(() => socket.destroy(), 50);
          await new Promise((resolve) => socket.once('close', resolve));
          clearTimeout(waited);
          if (stage.opened.length > index) await stage.outcome(index);
        },
      ),
      { numRuns: 100 },
    );
    await nothingLeft(t, stage);
  },
);

/** What is written to it reaches the socket with one byte changed, or nothing from there on. */
function damaged(socket: Socket, at: number, flip: number, cut: boolean): Duplex {
  let written = 0;
  const stream = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, next) => {
      const bytes = Buffer.from(chunk);
      const hit = at - written;
      written += bytes.length;
      if (hit >= 0 && hit < bytes.length) bytes[hit]! ^= flip;
      if (cut && hit < bytes.length) socket.end(bytes.subarray(0, Math.max(0, hit)));
      else if (socket.writable) socket.write(bytes);
      next();
    },
  });
  socket.on('data', (bytes: Buffer) => stream.push(bytes));
  socket.on('end', () => stream.push(null));
  return stream;
}

test.serial('a descriptor that is no socket is an error at once', async (t) => {
  const stage = await TlsStage.open(t);
  const file = openSync(CERTS.ca, 'r');
  t.throws(() => stage.endpoint.open(file, Buffer.alloc(0), () => undefined));
  closeSync(file);
  t.throws(() => stage.endpoint.open(60_000, Buffer.alloc(0), () => undefined));
  await nothingLeft(t, stage);
});
