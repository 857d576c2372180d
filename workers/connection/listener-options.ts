/** What a shard needs to know of the listener a connection came in on. */
import type { ListenerConfig } from '../../src/config/listener-types.js';

export interface ListenerOptions {
  readonly nodelay: boolean;
  /** Put before every topic of the client, and taken off again; empty: none. */
  readonly mountpoint: Buffer;
  readonly sendTimeoutMs: number;
  readonly rateLimit: ListenerConfig['rateLimit'];
}

export function listenerOptions(listener: ListenerConfig): ListenerOptions {
  return {
    nodelay: listener.nodelay,
    mountpoint: Buffer.from(listener.mountpoint, 'utf8'),
    sendTimeoutMs: listener.sendTimeoutMs,
    rateLimit: listener.rateLimit,
  };
}
