/**
 * The link over a TCP or Unix socket whose descriptor main has handed over. All sockets of a shard read into one
 * buffer, which is safe because every byte is consumed or copied before the callback returns. Runs on the shard's
 * thread.
 */
import { Socket, type SocketConstructorOpts } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { withWords } from '../../src/base/bytes.js';
import { READ_BUFFER_BYTES } from '../../src/limits.js';
import { type Link, type LinkHandler, NO_HANDLER } from './link.js';

const EMPTY = Buffer.alloc(0);

const readBuffer = withWords(Buffer.allocUnsafeSlow(READ_BUFFER_BYTES));

/** Carries the way back from the socket's events to its link, so that no event needs a closure. */
class LinkedSocket extends Socket {
  link: SocketLink | null = null;
}

function onRead(this: unknown, bytes: number): boolean {
  const link = (this as LinkedSocket).link;
  return link === null ? true : link.onRead(bytes);
}

function onError(this: LinkedSocket, error: NodeJS.ErrnoException): void {
  this.link?.onError(error.code?.toLowerCase() ?? 'socket_error');
}

function onClose(this: LinkedSocket): void {
  this.link?.onClose();
}

/** What libuv makes of a socket; these answer with 0, or an error. */
interface TcpHandle {
  open(fd: number): number;
  getsockname(name: object): number;
  close(): void;
}

const TCP_SOCKET = 0;

/**
 * Makes one for a descriptor that is known to be a socket: `new Socket({ fd })` asks the kernel four times what it is.
 * Node.js does not give the class away, but a socket that is about to connect has one. Null where that is not so.
 */
const newTcpHandle = findTcpHandle();

function findTcpHandle(): (() => TcpHandle) | null {
  const probe = new Socket();
  probe.on('error', () => {});
  probe.connect({ host: '127.0.0.1', port: 1 });
  const { _handle: handle } = probe as unknown as { _handle: TcpHandle | null };
  // Before it begins.
  probe.destroy();
  for (const method of ['open', 'getsockname', 'close'] as const) {
    if (typeof handle?.[method] !== 'function') return null;
  }
  const Handle = handle!.constructor as new (type: number) => TcpHandle;
  return () => new Handle(TCP_SOCKET);
}

/** @returns what makes `fd` a socket's own. @throws Error when it is no open socket */
function sourceOf(fd: number): { readonly handle: TcpHandle } | { readonly fd: number } {
  if (newTcpHandle === null) return { fd };
  const handle = newTcpHandle();
  const error = handle.open(fd) || handle.getsockname({});
  if (error === 0) return { handle };
  // Of a descriptor that is open it is the owner now.
  handle.close();
  throw new Error(getSystemErrorName(error));
}

export class SocketLink implements Link {
  handler: LinkHandler = NO_HANDLER;
  readonly headroomBytes = 0;
  private readonly socket: LinkedSocket;
  private reason = 'closed';
  private paused = false;
  private closed = false;
  private flushed: ((error?: Error | null) => void) | null = null;

  /**
   * Adopts `fd`: from here on the socket closes it.
   * @throws Error when the descriptor is no open TCP socket.
   */
  constructor(fd: number) {
    const onread = { buffer: readBuffer, callback: onRead };
    // Node's types know `onread` for sockets that connect, not for those that adopt.
    const options = {
      ...sourceOf(fd),
      readable: true,
      writable: true,
      allowHalfOpen: false,
      onread,
    };
    this.socket = new LinkedSocket(options as SocketConstructorOpts);
    this.socket.link = this;
    this.socket.on('error', onError);
    this.socket.on('close', onClose);
  }

  onRead(bytes: number): boolean {
    this.handler.onBytes(readBuffer, 0, bytes);
    return !this.paused;
  }

  // Made when it is first needed: most sockets take all they are given.
  private whenFlushed(): (error?: Error | null) => void {
    this.flushed ??= (error) => {
      if (!this.closed && error == null) this.handler.onDrain();
    };
    return this.flushed;
  }

  onError(code: string): void {
    this.reason = code;
  }

  onClose(): void {
    if (this.closed) return;
    this.closed = true;
    this.handler.onLinkClosed(this.reason);
  }

  write(chunk: Uint8Array, start: number, end: number): boolean {
    this.socket.write(end - start === chunk.length ? chunk : chunk.subarray(start, end));
    return this.isTaken();
  }

  writeAll(chunks: readonly Uint8Array[]): boolean {
    this.socket.cork();
    for (let i = 0; i < chunks.length; i++) this.socket.write(chunks[i]!);
    this.socket.uncork();
    return this.isTaken();
  }

  // Node hands writes to the kernel at once; nothing left in its queue means that the chunk is free again. Otherwise an
  // empty write behind it tells when it is: 'drain' would come after every write, or after none.
  private isTaken(): boolean {
    if (this.socket.writableLength === 0) return true;
    this.socket.write(EMPTY, this.whenFlushed());
    return false;
  }

  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.socket.resume();
  }

  end(): void {
    this.socket.end();
    // Whatever the client still sends is read and thrown away, so that the kernel delivers our last bytes
    // instead of resetting the connection.
    this.resume();
  }

  // The kernel sends what it has been given, and spares us telling it twice.
  leave(): void {
    this.socket.destroy();
  }

  destroy(): void {
    this.socket.destroy();
  }
}
