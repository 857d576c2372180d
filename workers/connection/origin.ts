/** Where a connection came from, and who is told of its end. Runs on the shard's thread. */
import type { ListenerId } from '../../src/actor/shard-protocol.js';
import type { ClientId } from '../../src/protocol/ids.js';
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
  /** Called once, when the connection is over and its link closed. */
  closed(reason: string): void;
}
