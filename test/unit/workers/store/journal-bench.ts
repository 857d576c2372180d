/** A journal with a store, committed when a test says so, and what comes out of it when it is read again. */
import { createMessage, type Message } from '../../../../src/protocol/message.js';
import type { Change } from '../../../../src/storage/tables.js';
import { type EntryGroup, Journal } from '../../../../workers/store/journal.js';
import type { RestoredEntries, RestoreTarget } from '../../../../workers/store/restored-entries.js';
import { RowStore } from './row-store.js';

export interface RestoredEntry {
  readonly kind: 'inFlight' | 'queued' | 'inbound';
  readonly entry: number;
  readonly packetId: number;
  /** Of exchange.ts; 0 where it is not in flight. */
  readonly state: number;
  /** 0 where only the state tells. */
  readonly qos: number;
  readonly message: Message | null;
  readonly flags: number;
  readonly identifiers: readonly number[] | null;
  readonly group: EntryGroup | null;
}

const NOTHING = { packetId: 0, state: 0, qos: 0, message: null, flags: 0, identifiers: null, group: null };

/** Notes what it is given. */
export class Restored implements RestoreTarget {
  readonly all: RestoredEntry[] = [];

  restoreInFlight(
    packetId: number,
    state: number,
    message: Message | null,
    flags: number,
    identifiers: readonly number[] | null,
    group: EntryGroup | null,
    entry: number,
  ): boolean {
    this.all.push({
      ...NOTHING,
      kind: 'inFlight',
      packetId,
      state,
      message,
      flags,
      identifiers,
      group,
      entry,
    });
    return true;
  }

  restoreQueued(
    message: Message,
    qos: number,
    flags: number,
    identifiers: readonly number[] | null,
    group: EntryGroup | null,
    entry: number,
  ): void {
    this.all.push({ ...NOTHING, kind: 'queued', message, qos, flags, identifiers, group, entry });
  }

  restoreInbound(packetId: number, entry: number): boolean {
    this.all.push({ ...NOTHING, kind: 'inbound', packetId, entry });
    return true;
  }
}

export class JournalBench {
  readonly store = new RowStore();
  journal: Journal;
  touched = 0;
  nowMs = 0;

  /** `isPrompt`: whatever may be written later is written with the next commit. */

  constructor(private readonly isPrompt = true) {
    this.journal = this.open();
  }

  /** A commit begins. */
  collect(changes: Change[]): void {
    if (this.isPrompt) this.journal.tellLate();
    this.journal.collect(changes);
  }

  /** One commit that succeeds. */
  commit(): void {
    const changes: Change[] = [];
    this.collect(changes);
    this.store.commit(changes, () => this.journal.committed());
  }

  /** Sweeps and commits until that changes nothing. */
  settle(): void {
    for (let i = 0; i < 40; i++) {
      this.journal.sweep();
      this.commit();
    }
  }

  /** As after a crash: what is not in the store is gone. */
  reopen(): RestoredEntries {
    this.journal = this.open();
    const loading = this.journal.load(this.store.rows('journal'));
    for (;;) {
      const { done, value } = loading.next();
      if (done === true) return value;
    }
  }

  /** @returns what a session gets that has the number */
  restored(entries: RestoredEntries, session: number): RestoredEntry[] {
    const target = new Restored();
    entries.restore(session, target);
    return target.all;
  }

  private open(): Journal {
    const bench = this;
    return new Journal(this.store, {
      touch: () => this.touched++,
      get nowMs() {
        return bench.nowMs;
      },
    });
  }
}

export function messageOf(text: string, qos = 1): Message {
  return createMessage({
    topic: 'a/topic',
    payload: Buffer.from(text),
    qos,
    retain: false,
    receivedAtMs: 1_700_000_000_000,
  });
}
