/**
 * First-in-first-out ring of messages with what each needs for its delivery. Lives in one session's queue, in
 * its shard.
 */
import { QUEUE_SLOTS_MIN } from '../../src/limits.js';
import type { Message } from '../../src/protocol/message.js';
import { type Entry, type EntryGroup, NO_ENTRY } from '../store/journal.js';
import type { Identifiers } from './exchange.js';

const NO_MESSAGES: (Message | null)[] = [];
const NO_OPTIONS: number[] = [];

/** One message taken from a queue. A shard has one of these and refills it. */
export class QueuedMessage {
  message: Message | null = null;
  /** The QoS of delivery. */
  qos = 0;
  /** The byte that `push` was given. */
  flags = 0;
  identifiers: Identifiers = null;
  /** The share group that chose this session. */
  group: EntryGroup | null = null;
  /** What the journal knows it by. */
  entry: Entry = NO_ENTRY;
}

/** Power-of-two ring in parallel arrays. Grows by doubling, halves when a quarter full, holds nothing when empty. */
export class MessageRing {
  size = 0;

  private head = 0;
  private mask = -1;
  private messages: (Message | null)[] = NO_MESSAGES;
  /** QoS | flags << 8. */
  private options: number[] = NO_OPTIONS;
  // Most queues never see any of them; the columns come with the first message that needs them.
  private identifiers: Identifiers[] | null = null;
  private groups: (EntryGroup | null)[] | null = null;
  private entries: Entry[] | null = null;

  push(
    message: Message,
    qos: number,
    flags: number,
    identifiers: Identifiers,
    group: EntryGroup | null,
    entry: Entry,
  ): void {
    if (this.size === this.messages.length) this.resize(Math.max(QUEUE_SLOTS_MIN, this.size * 2));
    const slot = (this.head + this.size) & this.mask;
    this.messages[slot] = message;
    this.options[slot] = qos | (flags << 8);
    if (identifiers !== null) {
      this.identifiers ??= new Array<Identifiers>(this.messages.length).fill(null);
      this.identifiers[slot] = identifiers;
    }
    if (group !== null) {
      this.groups ??= new Array<EntryGroup | null>(this.messages.length).fill(null);
      this.groups[slot] = group;
    }
    if (entry !== NO_ENTRY) {
      this.entries ??= new Array<Entry>(this.messages.length).fill(NO_ENTRY);
      this.entries[slot] = entry;
    }
    this.size += 1;
  }

  /** @returns the oldest message, which stays; null when there is none. */
  peek(): Message | null {
    return this.size === 0 ? null : this.messages[this.head]!;
  }

  /** Copies what `peek` shows to `out`. The ring must not be empty. */
  read(out: QueuedMessage): void {
    const slot = this.head;
    const options = this.options[slot]!;
    out.message = this.messages[slot]!;
    out.qos = options & 0xff;
    out.flags = options >>> 8;
    out.identifiers = this.identifiers === null ? null : this.identifiers[slot]!;
    out.group = this.groups === null ? null : this.groups[slot]!;
    out.entry = this.firstEntry;
  }

  /** Entry of what `peek` shows. The ring must not be empty. */
  get firstEntry(): Entry {
    return this.entries === null ? NO_ENTRY : this.entries[this.head]!;
  }

  /** Calls `visit` with every entry that is known here. */
  forEachEntry(visit: (entry: Entry) => void): void {
    if (this.entries === null) return;
    for (const entry of this.entries) if (entry !== NO_ENTRY) visit(entry);
  }

  /** Drops the oldest message. The ring must not be empty. */
  drop(): void {
    const slot = this.head;
    this.messages[slot] = null;
    if (this.identifiers !== null) this.identifiers[slot] = null;
    if (this.groups !== null) this.groups[slot] = null;
    if (this.entries !== null) this.entries[slot] = NO_ENTRY;
    this.head = (slot + 1) & this.mask;
    this.size -= 1;
    if (this.size === 0) this.clear();
    else if (this.size * 4 <= this.messages.length && this.messages.length > QUEUE_SLOTS_MIN) {
      this.resize(this.messages.length / 2);
    }
  }

  clear(): void {
    this.size = 0;
    this.head = 0;
    this.mask = -1;
    this.messages = NO_MESSAGES;
    this.options = NO_OPTIONS;
    this.identifiers = null;
    this.groups = null;
    this.entries = null;
  }

  private resize(slots: number): void {
    this.messages = this.moved(this.messages, slots, null);
    this.options = this.moved(this.options, slots, 0);
    if (this.identifiers !== null) this.identifiers = this.moved(this.identifiers, slots, null);
    if (this.groups !== null) this.groups = this.moved(this.groups, slots, null);
    if (this.entries !== null) this.entries = this.moved(this.entries, slots, NO_ENTRY);
    this.head = 0;
    this.mask = slots - 1;
  }

  private moved<T>(column: readonly T[], slots: number, filler: T): T[] {
    const moved = new Array<T>(slots);
    for (let i = 0; i < this.size; i += 1) moved[i] = column[(this.head + i) & this.mask]!;
    for (let i = this.size; i < slots; i += 1) moved[i] = filler;
    return moved;
  }
}
