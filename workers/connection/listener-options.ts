/** What a shard needs to know of the listener a connection came in on. */
import type { ListenerConfig } from '../../src/config/listener-types.js';
import type { PublishView } from '../../src/protocol/mqtt/publish-view.js';

export interface ListenerOptions {
  /** In the configuration, such as `listener.tcp.external`. */
  readonly key: string;
  /** Put before every topic of the client, and taken off again; empty: none. */
  readonly mountpoint: Buffer;
  readonly sendTimeoutMs: number;
  readonly rateLimit: ListenerConfig['rateLimit'];
}

export function listenerOptions(listener: ListenerConfig): ListenerOptions {
  return {
    key: `listener.${listener.type}.${listener.name}`,
    mountpoint: Buffer.from(listener.mountpoint, 'utf8'),
    sendTimeoutMs: listener.sendTimeoutMs,
    rateLimit: listener.rateLimit,
  };
}

/** @returns where the topic begins for clients behind `mountpoint`. */
export function mountedStart(mountpoint: Buffer, view: PublishView): number {
  const { topicBytes, topicStart, topicEnd } = view;
  if (mountpoint.length === 0 || topicEnd - topicStart <= mountpoint.length) return topicStart;
  for (let i = 0; i < mountpoint.length; i++) {
    if (topicBytes[topicStart + i] !== mountpoint[i]) return topicStart;
  }
  return topicStart + mountpoint.length;
}
