/**
 * Messages on their way to sessions that outlive their connections, and how far each has come, as records that are
 * written once and become unnecessary. Runs on the shard's thread.
 */
import type { Message } from '../../src/protocol/message.js';
import type { Change } from '../../src/storage/tables.js';
import type { Identifiers } from '../session/exchange.js';
import type { CommitSource } from './commits.js';

/** One message of one session, or one packet identifier, as the journal knows it: record and place in it. */
export type Entry = number;
/** It is not kept. */
export const NO_ENTRY: Entry = 0;

/** The share group that chose the session. */
export interface EntryGroup {
  readonly filter: string;
  readonly name: string;
}

export class Journal implements CommitSource {
  /** False: nothing is kept, and nothing here may be called. */
  readonly isOn: boolean = false;

  /**
   * A session has taken a message. `session`: its number; `packetId` 0: it waits in the queue, otherwise it is in
   * flight with it.
   */
  entered(
    _session: number,
    _message: Message,
    _qos: number,
    _flags: number,
    _packetId: number,
    _identifiers: Identifiers,
    _group: EntryGroup | null,
  ): Entry {
    return NO_ENTRY;
  }

  /** It has left the queue, and is in flight now. */
  sent(_entry: Entry, _packetId: number): void {}

  /** PUBREC has come: the message is no longer needed, its packet identifier is. */
  released(_entry: Entry): void {}

  /** It is over: acknowledged, completed, dropped, expired. */
  done(_entry: Entry): void {}

  /** Its session is removed with the same commit. */
  forget(_entry: Entry): void {}

  /** A message with QoS 2 has come from the client, and awaits PUBREL; `done` ends it. */
  inbound(_session: number, _packetId: number): Entry {
    return NO_ENTRY;
  }

  collect(_changes: Change[]): void {}

  committed(): void {}
}
