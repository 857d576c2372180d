/**
 * What the journal held when the shard began, session by session. Used once, on the shard's thread, before the shard is
 * ready.
 */
import type { Message } from '../../src/protocol/message.js';
import type { Identifiers } from '../session/exchange.js';
import type { Entry, EntryGroup } from './journal.js';

/** Takes what the journal had about one session. */
export interface RestoreTarget {
  /**
   * In the order of sending anew: released ones first. `state` is one of exchange.ts; `message` is null where it is
   * RELEASED.
   */
  restoreInFlight(
    packetId: number,
    state: number,
    message: Message | null,
    flags: number,
    identifiers: Identifiers,
    group: EntryGroup | null,
    entry: Entry,
  ): void;
  /** In the order of entering. */
  restoreQueued(
    message: Message,
    qos: number,
    flags: number,
    identifiers: Identifiers,
    group: EntryGroup | null,
    entry: Entry,
  ): void;
  /** A message with QoS 2 of the client itself that awaits PUBREL. */
  restoreInbound(packetId: number, entry: Entry): void;
}

export class RestoredEntries {
  /** Rows that could not be read; they are removed with the next commit. */
  readonly damagedRows: number = 0;
  /** A later version of the broker has written some rows: the shard must not start. */
  readonly isNewer: boolean = false;

  /** Numbers of all sessions that have entries here, rising. */
  sessions(): Iterable<number> {
    return [];
  }

  /** Gives `target` the entries of one session, which are no longer here then: in flight, queued, inbound. */
  restore(_session: number, _target: RestoreTarget): void {}

  /** Whatever is still here belongs to sessions that are gone: it is over. */
  forgetRest(): void {}
}
