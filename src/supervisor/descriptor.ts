/**
 * Duplicates and closes file descriptors, which Node.js itself cannot do: this is how a socket that main has
 * accepted becomes a shard's own. Main thread.
 */
import type { Socket } from 'node:net';
import koffi from 'koffi';

/** A descriptor of which nobody else knows; -1 when the process or the system has none left. */
export type Descriptor = number;

/** F_DUPFD_CLOEXEC: child processes must not inherit clients' connections, as they would from a plain dup. */
const DUPLICATE_CLOSE_ON_EXEC = process.platform === 'darwin' ? 67 : 1030;

interface LibC {
  readonly fcntl: (fd: Descriptor, command: number, type: 'int', argument: number) => number;
  readonly close: (fd: Descriptor) => number;
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
  };
  return bound;
}

/** @returns a duplicate of the socket's descriptor, to be closed by its new owner, or -1. */
export function duplicateDescriptor(socket: Socket): Descriptor {
  const fd = descriptorOf(socket);
  return fd < 0 ? -1 : libc().fcntl(fd, DUPLICATE_CLOSE_ON_EXEC, 'int', 0);
}

/** Closes a descriptor that `duplicateDescriptor` gave and that no one has adopted. */
export function closeDescriptor(fd: Descriptor): void {
  libc().close(fd);
}

/** @returns -1 once the socket is destroyed. Node.js has no public way to ask. */
function descriptorOf(socket: Socket): Descriptor {
  const { _handle: handle } = socket as unknown as { _handle: { fd?: number } | null };
  return handle?.fd ?? -1;
}
