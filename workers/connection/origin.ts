/** Where a connection came from, and who is told of its end. Runs on the shard's thread. */
import type { ListenerId } from '../../src/actor/shard-protocol.js';
import type { ClientId, ConnectionNumber } from '../../src/protocol/ids.js';
import type { ListenerOptions } from './listener-options.js';

export interface Origin {
  readonly listener: ListenerId;
  readonly options: ListenerOptions;
  /** The client's own address, also behind a proxy. */
  readonly peerAddress: string;
  readonly peerPort: number;
  /** Where the client gave none and may have none. */
  readonly assignedClientId: ClientId | null;
  /** Taken from the client's certificate, in place of what CONNECT says; null: CONNECT decides. */
  readonly certificateUsername: string | null;
  /** What its end is told under. */
  readonly number: ConnectionNumber;
  readonly ends: Ends;
}

/** Who is told, once, when a connection is over and its link closed: main, or the relay it came through. */
export interface Ends {
  closed(number: ConnectionNumber, reason: string): void;
}
