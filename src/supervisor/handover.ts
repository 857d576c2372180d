/** Chooses the shard of a connection whose opening is read, and makes the socket that shard's own. Main thread. */
import type { SlotMap } from '../actor/slots.js';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import { LISTENER_LOG_INTERVAL_MS } from '../limits.js';
import { newClientId } from '../protocol/assigned-client-id.js';
import { asClientId, asConnectionNumber, type ClientId } from '../protocol/ids.js';
import { duplicateDescriptor, setBufferSizes } from './descriptor.js';
import { leastLoaded } from './least-loaded.js';
import type { Arrived, Held } from './opening-reader.js';
import type { ShardHandle } from './shard-handle.js';

/** Finds the ClientId in a whole CONNECT; null when it is malformed. */
export type PeekClientId = (
  bytes: Buffer,
  start: number,
  end: number,
) => { readonly clientId: string | null; readonly mayAssign: boolean };

interface PeekedClient {
  readonly clientId: ClientId | null;
  readonly isAssigned: boolean;
}

/** Its CONNECT is behind TLS or WebSocket, or no good: any shard will do. */
const UNKNOWN_CLIENT: PeekedClient = { clientId: null, isAssigned: false };

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

  /** Is the `HandOver` of the opening reader: see there. */
  take(arrived: Arrived, held: Held, head: Buffer, openingBytes: number): void {
    const { listener } = arrived;
    const fd = duplicateDescriptor(held.fd);
    // The shard's is the only descriptor from here on: nothing of what the client sends may be read by main.
    held.close();
    if (fd < 0) {
      listener.closed('descriptors_exhausted');
      this.#warnExhausted();
      return;
    }
    const { type } = listener.config;
    // Sockets of other types have got theirs from the listener's.
    if (type === 'unix') setBufferSizes(fd, listener.config);
    const number = asConnectionNumber(++this.#lastNumber);
    const isConnect = openingBytes > 0 && (type === 'tcp' || type === 'unix');
    const { clientId, isAssigned } = isConnect ? this.#readClientId(head, openingBytes) : UNKNOWN_CLIENT;
    const shard =
      clientId === null ? leastLoaded(this.#shards, this.#lastNumber) : this.#slots.shardOf(clientId);
    const { acceptedAtMs, peerAddress, peerPort } = arrived;
    this.#shards[shard]!.give({
      handover: {
        number,
        fd,
        head: head.toString('latin1'),
        listener: listener.id,
        peerAddress,
        peerPort,
        assignedClientId: isAssigned ? clientId : null,
        certificateUsername: usernameOf(arrived),
      },
      listener,
      acceptedAtMs,
      readAtMs: this.#clock.monotonicMs(),
    });
  }

  #readClientId(packet: Buffer, packetBytes: number): PeekedClient {
    const { clientId, mayAssign } = this.#peek(packet, 0, packetBytes);
    if (mayAssign) return { clientId: newClientId(), isAssigned: true };
    return clientId === null ? UNKNOWN_CLIENT : { clientId: asClientId(clientId), isAssigned: false };
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

/** Where TLS ends at the shard, the certificate that it sees decides, not what a proxy says. */
function usernameOf({ listener, certificateName }: Arrived): string | null {
  const { type, certificateUsername } = listener.config;
  return certificateUsername === 'cn' && type !== 'ssl' && type !== 'wss' ? certificateName : null;
}
