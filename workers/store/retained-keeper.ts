/**
 * What is kept of retained messages: remembers by topic what has changed, and says it in rows when a commit begins.
 * Runs on the thread of the shard that owns the topics.
 *
 * A removal has a row as well, for as long as it is remembered: a write that was under way when the broker ended, and
 * comes then, must not bring the topic back.
 */
import { topicSlot } from '../../src/actor/slots.js';
import type { Message } from '../../src/protocol/message.js';
import { retainedKey } from '../../src/storage/keys.js';
import { encodeRemoval, encodeRetained } from '../../src/storage/retained-record.js';
import type { Change } from '../../src/storage/tables.js';
import type { RetainedWatcher } from '../retained/retained-store.js';
import type { ByteHash } from '../routing/byte-hash.js';
import type { CommitSource, Commits } from './commits.js';

/** What is to be in a row: a message, the time of a removal; null: nothing. */
interface PendingRow {
  now: Message | number | null;
  /** There is a row in the store. */
  readonly isStored: boolean;
}

export class RetainedKeeper implements CommitSource, RetainedWatcher {
  /** By topic, a character for each byte. */
  private readonly rows = new Map<string, PendingRow>();

  constructor(
    private readonly hash: ByteHash,
    private readonly commits: Pick<Commits, 'touch'>,
  ) {}

  /** The row of a topic is to be this; `hadRow`: as far as the caller knows there was one. */
  changed(topic: Uint8Array, length: number, now: Message | number | null, hadRow: boolean): void {
    const name = Buffer.from(topic.buffer, topic.byteOffset, length).toString('latin1');
    const pending = this.rows.get(name);
    const isStored = pending === undefined ? hadRow : pending.isStored;
    if (now === null && !isStored) {
      this.rows.delete(name);
      return;
    }
    if (pending !== undefined) pending.now = now;
    else this.rows.set(name, { now, isStored });
    this.commits.touch();
  }

  collect(changes: Change[]): void {
    for (const [name, { now }] of this.rows) changes.push(this.change(Buffer.from(name, 'latin1'), now));
    this.rows.clear();
  }

  committed(): void {}

  private change(topic: Buffer, now: Message | number | null): Change {
    const slot = topicSlot(this.hash.hash(topic, 0, topic.length));
    if (now === null) return { table: 'retained', key: retainedKey(slot, topic), value: null };
    const row = typeof now === 'number' ? encodeRemoval(slot, topic, now) : encodeRetained(slot, now);
    return { table: 'retained', ...row };
  }
}
