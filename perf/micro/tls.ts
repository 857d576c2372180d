/**
 * What TLS costs the thread that does it: `node dist/perf/micro/tls.js`. CPU per handshake by kind of key, and per
 * message of 64 bytes there and back, next to a bare socket. The clients have a thread of their own.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectPlain, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { SystemClock } from '../../src/base/clock.js';
import { loadConfig } from '../../src/config/load.js';
import { descriptorOf, duplicateDescriptor } from '../../src/supervisor/descriptor.js';
import { loadTlsMaterial } from '../../src/supervisor/tls-material.js';
import type { Core } from '../../workers/core.js';
import { Handshakes } from '../../workers/edge/handshakes.js';
import { TlsEndpoint } from '../../workers/edge/tls-endpoint.js';
import { type Link, NO_HANDLER } from '../../workers/transport/link.js';
import { SocketLink } from '../../workers/transport/socket-link.js';
import { Turn } from '../../workers/turn.js';
import { threadCpuMs } from '../lib/cpu.js';

const CERTS = new URL('../../../test/certs/', import.meta.url);
const HANDSHAKES = 1_500;
const HANDSHAKES_AT_ONCE = 50;
const CONNECTIONS = 32;
const MESSAGES = 200_000;
const MESSAGE_BYTES = 64;

/** What the clients' thread is to do. */
interface Task {
  readonly port: number;
  readonly what: 'full' | 'resumed' | 'tls' | 'tcp';
}

const pem = (name: string): string => fileURLToPath(new URL(`${name}.pem`, CERTS));

async function serve(key: 'server-rsa' | 'server-ecdsa' | null): Promise<{ port: number; close(): void }> {
  const take = key === null ? (fd: number) => echo(new SocketLink(fd)) : await tlsTaker(key);
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.once('data', (head) => {
      const fd = duplicateDescriptor(descriptorOf(socket));
      socket.destroy();
      const link = take(fd, head as Buffer);
      if (link !== undefined) link.write(head as Buffer, 0, head.length);
    });
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as { port: number }).port, close: () => server.close() };
}

async function tlsTaker(key: string): Promise<(fd: number, head: Buffer) => undefined> {
  const values = {
    'listener.ssl.perf': '127.0.0.1:0',
    'listener.ssl.perf.certfile': pem(key),
    'listener.ssl.perf.keyfile': pem(`${key}.key`),
  };
  const result = loadConfig({ values });
  if (!result.ok) throw new Error(result.issues[0]?.line);
  const listener = result.config.listeners.find(({ name }) => name === 'perf')!;
  const { material } = await loadTlsMaterial(0, listener, Date.now());
  const turn = new Turn(new SystemClock());
  const ticketKeys = new Uint8Array(48);
  const endpoint = new TlsEndpoint(
    { turn } as Core,
    listener,
    { ...material!, options: { ...material!.options, ticketKeys } },
    new Handshakes(turn),
  );
  return (fd, head) => {
    endpoint.open(fd, head, (outcome) => {
      if (outcome.ok) echo(outcome.link);
    });
  };
}

function echo(link: Link): Link {
  link.handler = {
    ...NO_HANDLER,
    onBytes: (bytes, start, end) => {
      link.write(bytes, start, end);
    },
  };
  return link;
}

/** @returns CPU milliseconds of this thread while the clients did their task. */
async function measure(task: Task): Promise<number> {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: task });
  await once(worker, 'message');
  const before = threadCpuMs(2);
  worker.postMessage('go');
  await once(worker, 'message');
  const usedMs = threadCpuMs(2) - before;
  await worker.terminate();
  return usedMs;
}

async function main(): Promise<void> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  for (const key of ['server-rsa', 'server-ecdsa'] as const) {
    const server = await serve(key);
    await measure({ port: server.port, what: 'full' });
    for (const what of ['full', 'resumed'] as const) {
      const usedMs = await measure({ port: server.port, what });
      say(`${key} ${what.padEnd(8)} ${((usedMs / HANDSHAKES) * 1000).toFixed(0)} us of CPU per handshake`);
    }
    server.close();
  }
  for (const what of ['tcp', 'tls'] as const) {
    const server = await serve(what === 'tcp' ? null : 'server-ecdsa');
    await measure({ port: server.port, what });
    const usedMs = await measure({ port: server.port, what });
    say(
      `${what} ${((usedMs / MESSAGES) * 1000).toFixed(2)} us of CPU per message of ${MESSAGE_BYTES} bytes, in and out`,
    );
    server.close();
  }
  process.exit();
}

async function runClients({ port, what }: Task): Promise<void> {
  const begun = once(parentPort!, 'message');
  if (what === 'full' || what === 'resumed') {
    const session = what === 'full' ? undefined : await firstSession(port);
    parentPort!.postMessage('ready');
    await begun;
    await Promise.all(Array.from({ length: HANDSHAKES_AT_ONCE }, () => shakeHands(port, session)));
  } else {
    const sockets = await Promise.all(
      Array.from({ length: CONNECTIONS }, () => opened(port, what === 'tls')),
    );
    parentPort!.postMessage('ready');
    await begun;
    await Promise.all(sockets.map(pingPong));
  }
  parentPort!.postMessage('done');
}

async function shakeHands(port: number, session: Buffer | undefined): Promise<void> {
  for (let i = 0; i < HANDSHAKES / HANDSHAKES_AT_ONCE; i++) {
    const options = { port, rejectUnauthorized: false, ...(session === undefined ? {} : { session }) };
    const socket = connectTls(options);
    await once(socket, 'secureConnect');
    socket.destroy();
  }
}

async function firstSession(port: number): Promise<Buffer> {
  const socket = connectTls({ port, rejectUnauthorized: false });
  const [session] = await once(socket, 'session');
  socket.destroy();
  return session as Buffer;
}

async function opened(port: number, isTls: boolean): Promise<Socket> {
  const socket = isTls
    ? connectTls({ port, rejectUnauthorized: false, ca: readFileSync(pem('ca')) })
    : connectPlain(port);
  await once(socket, isTls ? 'secureConnect' : 'connect');
  socket.setNoDelay(true);
  socket.write(Buffer.alloc(MESSAGE_BYTES));
  await once(socket, 'data');
  return socket;
}

/** One message at a time per connection, so that the other side finds one per read. */
function pingPong(socket: Socket): Promise<void> {
  const message = Buffer.alloc(MESSAGE_BYTES, 1);
  let left = MESSAGES / CONNECTIONS;
  return new Promise((resolve) => {
    socket.on('data', () => {
      if (--left === 0) resolve();
      else socket.write(message);
    });
    socket.write(message);
  });
}

if (isMainThread) await main();
else await runClients(workerData as Task);
