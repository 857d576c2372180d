/** One listener as main sees it: its settings, who is connected through it, and why others are not. Main thread. */
import type { ListenerId } from '../actor/shard-protocol.js';
import type { ListenerConfig } from '../config/listener-types.js';
import { SHUTDOWN_REASONS_MAX } from '../limits.js';
import type { OpeningError } from './opening.js';

/** Reasons that main itself has for ending a connection; shards add theirs. */
export type MainCloseReason =
  /** The listener's rules do not let this address in. */
  | 'access_denied'
  /** Its address, or a network it belongs to, is banned. */
  | 'banned'
  /** The listener has its `max_clients`. */
  | 'max_clients'
  /** More connections per second than `max_conn_rate`. */
  | 'max_conn_rate'
  /** It comes from an address whose PROXY headers are not believed. */
  | 'proxy_untrusted'
  /** No PROXY header, or a wrong one. */
  | 'proxy_error'
  /** No whole PROXY header within the listener's `proxy_protocol_timeout`. */
  | 'proxy_timeout'
  /** No whole CONNECT, or HTTP request, within `mqtt.client.idle_timeout`. */
  | 'idle_timeout'
  /** No first message of TLS within the listener's `handshake_timeout`. */
  | 'handshake_timeout'
  | OpeningError
  /** The client went before its opening was whole. */
  | 'closed'
  /** Too many connections whose opening is not whole: the oldest had to go. */
  | 'connect_overflow'
  /** No file descriptor left. */
  | 'descriptors_exhausted'
  /** Its shard was restarting and did not come back in time. */
  | 'shard_unavailable'
  /** Its shard, or main, was too busy for new connections for `overload.wait`. */
  | 'overloaded'
  /** Its shard has ended. */
  | 'shard_crashed'
  | 'broker_stopped';

/** A connection counts from accept until it is closed, by main before the hand-over or by its shard after it. */
export class ListenerFigures {
  readonly id: ListenerId;
  readonly config: ListenerConfig;
  /** Connections at this moment, half-read ones included. */
  current = 0;
  /** Connections accepted since start, refused ones included. */
  accepted = 0;
  readonly #closedBy = new Map<string, number>();

  constructor(id: ListenerId, config: ListenerConfig) {
    this.id = id;
    this.config = config;
  }

  /** A connection that counted has ended. */
  closed(reason: string): void {
    this.current--;
    this.refused(reason);
  }

  /** A connection that never counted was turned away. */
  refused(reason: MainCloseReason | string): void {
    const known = this.#closedBy.get(reason);
    const key = known === undefined && this.#closedBy.size >= SHUTDOWN_REASONS_MAX ? 'other' : reason;
    this.#closedBy.set(key, (known ?? this.#closedBy.get(key) ?? 0) + 1);
  }

  /** @returns ended and refused connections by reason, as EMQ's `shutdown_count` */
  shutdownCount(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#closedBy);
  }
}
