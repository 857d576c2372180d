/**
 * Messages on their way to sessions that outlive their connections, and how far each has come, as records that are
 * written once and become unnecessary. Runs on the shard's thread.
 */
import type { Message } from '../../src/protocol/message.js';
import type { Change, Row } from '../../src/storage/tables.js';
import type { Identifiers } from '../session/exchange.js';
import type { CommitSource, Commits } from './commits.js';
import { RestoredEntries } from './restored-entries.js';
import type { Store } from './store.js';

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
  readonly isOn: boolean;

  /** Whatever changes here is told to `commits`. */
  constructor(store: Store, _commits: Pick<Commits, 'touch'>) {
    this.isOn = store.isKeeping;
  }

  /**
   * Reads what there was, row by row in the order of their keys, before anything else is called here. Yields after
   * each step, so that the caller can take breaks.
   */
  *load(rows: Iterable<Row>): Generator<void, RestoredEntries> {
    for (const _ of rows) yield;
    return new RestoredEntries();
  }

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

  /** To be called several times a second: has old records rewritten of which little is needed. */
  sweep(): void {}
}
