/** A connection that keeps to no protocol: it sends any bytes at the bottom, reads what comes, and notices its end. */
import { once } from 'node:events';
import net from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import type { Address } from '../helpers/carrier.js';
import { upgradeRequest } from '../helpers/websocket-frames.js';
import { until } from '../helpers/with-broker.js';

export class Attacker {
  isClosed = false;
  private readonly chunks: Buffer[] = [];

  private constructor(readonly socket: net.Socket) {
    socket.on('data', (bytes) => this.chunks.push(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  static async open(address: Address): Promise<Attacker> {
    const socket = net.connect({ ...address, noDelay: true });
    await once(socket, 'connect');
    return new Attacker(socket);
  }

  /** All that the broker has said. */
  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }

  send(...chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.socket.write(chunk);
  }

  /** Byte by byte, each in a packet of its own as far as the kernel goes along; ends with the connection. */
  async drip(bytes: Iterable<number>): Promise<void> {
    for (const byte of bytes) {
      if (this.isClosed) return;
      this.socket.write(Uint8Array.of(byte));
      await new Promise(setImmediate);
    }
  }

  async closed(): Promise<void> {
    await until(() => this.isClosed, 'the broker to close');
  }

  drop(): void {
    this.socket.destroy();
  }
}

/** @returns what a client of TLS says first: a record with a ClientHello. */
export async function clientHello(options: tls.ConnectionOptions = {}): Promise<Buffer> {
  const socket = new Duplex({ read() {}, write() {} });
  const hello = new Promise<Buffer>((resolve) => {
    socket._write = (bytes: Buffer) => resolve(bytes);
  });
  tls.connect({ servername: 'localhost', ...options, socket }).on('error', () => {});
  return hello;
}

/** A TLS record, right unless its content is not. */
export function tlsRecord(type: number, content: Uint8Array, length = content.length): Buffer {
  return Buffer.concat([Buffer.of(type, 3, 1, length >> 8, length & 0xff), content]);
}

/** What makes WebSocket of a connection. */
export const UPGRADE = Buffer.from(upgradeRequest());
