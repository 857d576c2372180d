/**
 * What Node.js itself cannot do with file descriptors: duplicate and close them, which is how a socket that main has
 * accepted becomes a shard's own, and set the sizes of a socket's buffers. Main thread.
 */
import type { Server, Socket } from 'node:net';
import koffi from 'koffi';

/** A descriptor of which nobody else knows; -1 when the process or the system has none left. */
export type Descriptor = number;

/** F_DUPFD_CLOEXEC: child processes must not inherit clients' connections, as they would from a plain dup. */
const DUPLICATE_CLOSE_ON_EXEC = process.platform === 'darwin' ? 67 : 1030;

/** Level and names of a socket's options, which differ between systems. */
const SOCKET_LEVEL = process.platform === 'darwin' ? 0xffff : 1;
const SEND_BUFFER = process.platform === 'darwin' ? 0x1001 : 7;
const RECEIVE_BUFFER = process.platform === 'darwin' ? 0x1002 : 8;
const TCP_LEVEL = 6;
const TCP_NODELAY = 1;
const INT_BYTES = 4;

interface LibC {
  readonly fcntl: (fd: Descriptor, command: number, type: 'int', argument: number) => number;
  readonly close: (fd: Descriptor) => number;
  readonly recv: (fd: Descriptor, buffer: Buffer, bytes: number, flags: number) => number;
  readonly setsockopt: (
    fd: Descriptor,
    level: number,
    name: number,
    value: readonly [number],
    valueBytes: number,
  ) => number;
}

/** Bound at first use, so that importing the package fails on no platform. */
let bound: LibC | null = null;

function libc(): LibC {
  if (bound !== null) return bound;
  // The symbols of the C library are those of the running process, whatever that library is called here.
  const library = koffi.load(null);
  bound = {
    // Declared variadic because it is: on Apple's ARM machines such arguments travel on the stack.
    fcntl: library.func('int fcntl(int fd, int command, ...)'),
    close: library.func('int close(int fd)'),
    recv: library.func('long recv(int fd, void *buffer, size_t bytes, int flags)'),
    setsockopt: library.func('int setsockopt(int fd, int level, int name, const int *value, uint32_t bytes)'),
  };
  return bound;
}

/** @returns a duplicate of the descriptor, to be closed by its new owner, or -1. */
export function duplicateDescriptor(fd: Descriptor): Descriptor {
  return fd < 0 ? -1 : libc().fcntl(fd, DUPLICATE_CLOSE_ON_EXEC, 'int', 0);
}

/**
 * Reads what a socket that does not block has now. @returns bytes read into `buffer`; 0 or less: nothing, or its end,
 * or an error: whoever reads next hears of both
 */
export function receiveNow(fd: Descriptor, buffer: Buffer): number {
  return libc().recv(fd, buffer, buffer.length, 0);
}

/** Closes a descriptor that `duplicateDescriptor` gave and that no one has adopted. */
export function closeDescriptor(fd: Descriptor): void {
  libc().close(fd);
}

/** Sizes of the kernel's buffers of a socket, in bytes; 0 leaves the system's. A size it does not like is ignored. */
export interface BufferSizes {
  readonly sndbufBytes: number;
  readonly recbufBytes: number;
}

export function setBufferSizes(fd: Descriptor, { sndbufBytes, recbufBytes }: BufferSizes): void {
  setBufferSize(fd, SEND_BUFFER, sndbufBytes);
  setBufferSize(fd, RECEIVE_BUFFER, recbufBytes);
}

/** From now on what is written leaves at once. */
export function setNoDelay(fd: Descriptor): void {
  libc().setsockopt(fd, TCP_LEVEL, TCP_NODELAY, [1], INT_BYTES);
}

function setBufferSize(fd: Descriptor, name: number, bytes: number): void {
  if (bytes > 0) libc().setsockopt(fd, SOCKET_LEVEL, name, [bytes], INT_BYTES);
}

/** @returns -1 once the socket or server is closed. Node.js has no public way to ask. */
export function descriptorOf(socket: Socket | Server): Descriptor {
  const { _handle: handle } = socket as unknown as { _handle: { fd?: number } | null };
  return handle?.fd ?? -1;
}
