/**
 * Connections that Node.js has accepted and made no socket of yet. Most have brought their opening with them, so main
 * can hand them over without a socket, which costs more than all else it does for them. Rests on what Node.js does
 * not document (`_handle`, `onconnection`): where anything is not as expected, the connection goes the documented
 * way. Main thread.
 */
import type { Server } from 'node:net';

/** Its owner closes it, or leaves it to Node.js. */
export interface RawConnection {
  readonly fd: number;
  close(): void;
  /** Not where it came through a Unix socket. */
  getpeername?(name: PeerName): number;
}

/** Filled in by `getpeername`. */
export interface PeerName {
  address?: string;
  port?: number;
}

type OnConnection = (this: unknown, status: number, connection: unknown) => void;

/**
 * From now on `take` is asked first about each connection. @param take says whether the connection is its own; if not,
 * Node.js makes a socket of it, at once, and emits `connection`. @param server one that listens
 */
export function offerRaw(server: Server, take: (connection: RawConnection) => boolean): void {
  const { _handle: handle } = server as unknown as { _handle: { onconnection?: OnConnection } | null };
  const makeSocket = handle?.onconnection;
  if (handle === null || typeof makeSocket !== 'function') return;
  handle.onconnection = function (this: unknown, status: number, connection: unknown): void {
    if (status !== 0 || !isRaw(connection) || !take(connection)) makeSocket.call(this, status, connection);
  };
}

function isRaw(connection: unknown): connection is RawConnection {
  const { fd, close } = Object(connection) as Partial<RawConnection>;
  return typeof fd === 'number' && fd >= 0 && typeof close === 'function';
}
