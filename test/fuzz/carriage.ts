/** How a hostile client's bytes come to the broker: what is wrong may be the packets, or what is put around them. */
import net from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import fc from 'fast-check';
import { BINARY, frame } from '../helpers/websocket-frames.js';
import { UPGRADE } from '../robustness/attacker.js';
import type { Stream } from './streams.js';

/** What happens to one of the pieces that a client writes at the bottom. */
export interface Twist {
  /** Which piece, modulo how many there are. */
  readonly piece: number;
  readonly at: number;
  readonly what: 'nothing' | 'changed' | 'cut' | 'inserted' | 'twice';
  readonly bytes: Uint8Array;
}

export const UNTWISTED: Twist = { piece: 0, at: 0, what: 'nothing', bytes: new Uint8Array() };

export const twist: fc.Arbitrary<Twist> = fc.record({
  piece: fc.nat(12),
  at: fc.nat(),
  what: fc.constantFrom('nothing', 'changed', 'changed', 'cut', 'inserted', 'twice'),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
});

function twisted(piece: Buffer, { at, what, bytes }: Twist): Buffer {
  const cut = at % (piece.length + 1);
  const [before, behind] = [piece.subarray(0, cut), piece.subarray(cut)];
  switch (what) {
    case 'nothing':
      return piece;
    case 'changed':
      return Buffer.concat([before, bytes, behind.subarray(bytes.length)]);
    case 'cut':
      return before;
    case 'inserted':
      return Buffer.concat([before, bytes, behind]);
    case 'twice':
      return Buffer.concat([piece, piece]);
  }
}

/** A socket on which one of the pieces written is twisted. */
class TwistedSocket extends Duplex {
  private written = 0;

  constructor(
    readonly socket: net.Socket,
    private readonly twist: Twist,
  ) {
    super();
    socket.on('data', (bytes) => this.push(bytes));
    socket.on('end', () => this.push(null));
    socket.on('close', () => this.destroy());
  }

  override _read(): void {}

  override _write(piece: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.socket.write(this.written++ === this.twist.piece ? twisted(piece, this.twist) : piece);
    done();
  }

  override _final(done: () => void): void {
    this.socket.end();
    done();
  }

  override _destroy(_error: Error | null, done: () => void): void {
    this.socket.destroy();
    done();
  }
}

/** What TLS that was twisted may wait for, in milliseconds, before the client gives up. */
const PATIENCE_MS = 200;

/** Sends a stream and ends; answers are read and forgotten. @returns the socket at the bottom */
export type Carriage = (port: number, chunks: Stream, twist: Twist) => net.Socket;

function open(port: number): net.Socket {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  return socket;
}

function sendTwisted(port: number, pieces: readonly Buffer[], twist: Twist): net.Socket {
  const socket = open(port);
  const bottom = new TwistedSocket(socket, { ...twist, piece: twist.piece % Math.max(1, pieces.length) });
  bottom.resume();
  bottom.on('error', () => undefined);
  for (const piece of pieces) bottom.write(piece);
  bottom.end();
  return socket;
}

function sendThroughTls(port: number, pieces: readonly Buffer[], twist: Twist): net.Socket {
  const socket = open(port);
  const secure = tls.connect({
    socket: new TwistedSocket(socket, twist),
    rejectUnauthorized: false,
    // Both of them: their records are not alike.
    maxVersion: twist.at % 2 === 0 ? 'TLSv1.2' : 'TLSv1.3',
  });
  secure.on('error', () => undefined);
  secure.resume();
  for (const piece of pieces) secure.write(piece);
  secure.end();
  // Both sides may wait for something that was twisted away; then it is this one that goes.
  const timer = setTimeout(() => socket.end(), PATIENCE_MS);
  socket.once('close', () => clearTimeout(timer));
  return socket;
}

const buffers = (chunks: Stream): Buffer[] => chunks.map((chunk) => Buffer.from(chunk));
const upgraded = (chunks: Stream): Buffer[] => [UPGRADE, ...chunks.map((chunk) => frame(BINARY, chunk))];

export const CARRIAGES: Readonly<Record<'tcp' | 'ssl' | 'ws' | 'wss', Carriage>> = {
  tcp: (port, chunks, twist) => sendTwisted(port, buffers(chunks), twist),
  ws: (port, chunks, twist) => sendTwisted(port, upgraded(chunks), twist),
  ssl: (port, chunks, twist) => sendThroughTls(port, buffers(chunks), twist),
  wss: (port, chunks, twist) => sendThroughTls(port, upgraded(chunks), twist),
};
