/** Chooses the shard of a connection whose CONNECT is read, and makes the socket that shard's own. Main thread. */
import type { SlotMap } from '../actor/slots.js';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import { LISTENER_LOG_INTERVAL_MS } from '../limits.js';
import { newClientId } from '../protocol/assigned-client-id.js';
import { asClientId, asConnectionNumber, type ClientId } from '../protocol/ids.js';
import type { Arrival } from './connect-reader.js';
import { duplicateDescriptor } from './descriptor.js';
import type { ShardHandle } from './shard-handle.js';

/** Finds the ClientId in a whole CONNECT; null when it is malformed. */
export type PeekClientId = (
  bytes: Buffer,
  start: number,
  end: number,
) => { readonly clientId: string | null; readonly mayAssign: boolean };

export class Handover {
  readonly #shards: readonly ShardHandle[];
  readonly #slots: SlotMap;
  readonly #peek: PeekClientId;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #lastNumber = 0;
  #lastWarningMs = Number.NEGATIVE_INFINITY;

  constructor(
    shards: readonly ShardHandle[],
    slots: SlotMap,
    peek: PeekClientId,
    clock: Clock,
    logger: Logger,
  ) {
    this.#shards = shards;
    this.#slots = slots;
    this.#peek = peek;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Is the `HandOver` of the CONNECT reader: see there. */
  take(arrival: Arrival, head: Buffer, packetBytes: number): void {
    const { socket, listener } = arrival;
    const fd = duplicateDescriptor(socket);
    // The shard's is the only descriptor from here on: nothing of what the client sends may be read by main.
    socket.destroy();
    if (fd < 0) {
      listener.closed('descriptors_exhausted');
      this.#warnExhausted();
      return;
    }
    let clientId: ClientId | null = null;
    let assignedClientId: ClientId | null = null;
    if (packetBytes > 0) {
      const peeked = this.#peek(head, 0, packetBytes);
      if (peeked.mayAssign) clientId = assignedClientId = newClientId();
      else if (peeked.clientId !== null) clientId = asClientId(peeked.clientId);
    }
    const number = asConnectionNumber(++this.#lastNumber);
    const shard = this.#shards[clientId === null ? this.#anyShard() : this.#slots.shardOf(clientId)]!;
    const { acceptedAtMs, peerAddress, peerPort } = arrival;
    shard.give({
      handover: {
        number,
        fd,
        head: ownBytes(head),
        listener: listener.id,
        peerAddress,
        peerPort,
        assignedClientId,
        certificateUsername: null,
      },
      listener,
      acceptedAtMs,
      readAtMs: this.#clock.monotonicMs(),
    });
  }

  /** For connections that will only be told what is wrong with them: in rotation, past shards that are down. */
  #anyShard(): number {
    const count = this.#shards.length;
    for (let i = 0; i < count; i++) {
      const index = (this.#lastNumber + i) % count;
      if (this.#shards[index]!.state === 'ready') return index;
    }
    return this.#lastNumber % count;
  }

  #warnExhausted(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#lastWarningMs + LISTENER_LOG_INTERVAL_MS) return;
    this.#lastWarningMs = nowMs;
    this.#logger.error(
      'no file descriptor left: connections are closed right after accept; raise `ulimit -n`',
    );
  }
}

/** Posting a view copies all of the memory behind it, so a view of something larger is cut out first. */
function ownBytes(head: Buffer): Uint8Array {
  return head.buffer.byteLength === head.length ? head : Uint8Array.prototype.slice.call(head);
}
