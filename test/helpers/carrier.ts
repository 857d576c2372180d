/**
 * What carries the bytes of a test's client: a socket, TLS on it, WebSocket on either. Each lies open down to the kernel's
 * socket, so that a test can break it off at any height and in the middle of anything.
 */
import { once } from 'node:events';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { WebSocket } from 'ws';

/** Of a TCP or of a Unix domain socket. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string };

export interface Carrier {
  onBytes: (bytes: Buffer) => void;
  /** Called once; no bytes come after it. */
  onClosed: () => void;
  /** What is written to it lies beneath the outermost layer: the stream itself, or what carries WebSocket frames. */
  readonly beneath: Duplex;
  /** The kernel's. */
  readonly socket: net.Socket;
  write(bytes: Buffer): void;
  pause(): void;
  resume(): void;
  /** Says good-bye in the way of its outermost layer, and closes. */
  end(): void;
  /**
   * Closes without a word of any layer above TCP. The layers notice by themselves: Node.js 20 ends with a
   * segmentation fault when a TLS socket is destroyed right after the socket beneath it.
   */
  drop(): void;
  /** As `drop`, and tells the kernel to reset the connection, where that is TCP. */
  reset(): void;
}

/** Packets cut at every byte: a write, or a WebSocket frame, for each. */
export type Cut = 'whole' | 'bytes';

export async function overSocket(address: Address, cut: Cut = 'whole'): Promise<Carrier> {
  const socket = await connected(address);
  return new StreamCarrier(socket, socket, cut);
}

export async function overTls(
  address: Address,
  options: tls.ConnectionOptions,
  cut: Cut = 'whole',
): Promise<Carrier> {
  const socket = await connected(address);
  return new StreamCarrier(await secured(socket, options), socket, cut);
}

export interface WebSocketOptions {
  /** Over TLS with these. */
  readonly tls?: tls.ConnectionOptions;
  readonly path?: string;
  readonly protocols?: string[];
  readonly origin?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly compress?: boolean;
  readonly cut?: Cut;
}

/** @throws Error with the broker's HTTP status when it does not upgrade */
export async function overWebSocket(
  address: Address,
  options: WebSocketOptions = {},
): Promise<WebSocketCarrier> {
  const {
    path = '/mqtt',
    protocols = ['mqtt'],
    origin,
    headers = {},
    compress = false,
    cut = 'whole',
  } = options;
  const socket = await connected(address);
  const beneath = options.tls === undefined ? socket : await secured(socket, options.tls);
  // Always `ws:`: whether it is encrypted is decided by the stream it is given.
  const webSocket = new WebSocket(`ws://localhost${path}`, protocols, {
    createConnection: () => beneath,
    perMessageDeflate: compress,
    headers,
    ...(origin === undefined ? {} : { origin }),
  });
  await once(webSocket, 'open');
  return new WebSocketCarrier(webSocket, beneath, socket, cut);
}

async function connected(address: Address): Promise<net.Socket> {
  const socket = net.connect({ ...address, noDelay: true });
  await once(socket, 'connect');
  socket.on('error', ignore);
  return socket;
}

async function secured(socket: net.Socket, options: tls.ConnectionOptions): Promise<tls.TLSSocket> {
  const secure = tls.connect({ servername: 'localhost', ...options, socket });
  await once(secure, 'secureConnect');
  secure.on('error', ignore);
  return secure;
}

/** A connection that is broken off fails somewhere; that it closes is all that counts. */
function ignore(): void {}

/** A Unix domain socket knows no reset. */
function resetSocket(socket: net.Socket): void {
  if (socket.remoteFamily === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

function pieces(bytes: Buffer, cut: Cut): Buffer[] {
  return cut === 'whole' ? [bytes] : Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
}

class StreamCarrier implements Carrier {
  onBytes: (bytes: Buffer) => void = ignore;
  onClosed: () => void = ignore;

  constructor(
    readonly beneath: Duplex,
    readonly socket: net.Socket,
    private readonly cut: Cut,
  ) {
    beneath.on('data', (bytes: Buffer) => this.onBytes(bytes));
    beneath.once('close', () => this.onClosed());
  }

  write(bytes: Buffer): void {
    for (const piece of pieces(bytes, this.cut)) this.beneath.write(piece);
  }

  pause(): void {
    this.beneath.pause();
  }

  resume(): void {
    this.beneath.resume();
  }

  end(): void {
    this.beneath.end();
  }

  drop(): void {
    this.socket.destroy();
  }

  reset(): void {
    resetSocket(this.socket);
  }
}

export class WebSocketCarrier implements Carrier {
  onBytes: (bytes: Buffer) => void = ignore;
  onClosed: () => void = ignore;
  /** The code with which the broker closed; 1006 without a close frame, 0 while it is open. */
  closeCode = 0;

  constructor(
    readonly webSocket: WebSocket,
    readonly beneath: Duplex,
    readonly socket: net.Socket,
    private readonly cut: Cut,
  ) {
    webSocket.on('error', ignore);
    webSocket.on('message', (bytes: Buffer, isBinary) => {
      if (!isBinary) throw new Error('the broker sent a text frame');
      this.onBytes(bytes);
    });
    webSocket.once('close', (code) => {
      this.closeCode = code;
      this.onClosed();
    });
  }

  write(bytes: Buffer): void {
    for (const piece of pieces(bytes, this.cut)) this.webSocket.send(piece, ignore);
  }

  pause(): void {
    this.webSocket.pause();
  }

  resume(): void {
    this.webSocket.resume();
  }

  end(): void {
    this.webSocket.close(1000);
  }

  drop(): void {
    this.socket.destroy();
  }

  reset(): void {
    resetSocket(this.socket);
  }
}
