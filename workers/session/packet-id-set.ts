/**
 * Packet ids of one client's messages with QoS 2 that wait for PUBREL: what has one of them has been published already.
 * Lives in the shard that owns the session.
 */
import { PACKET_ID_SLOTS_KEPT_MAX, PACKET_ID_SLOTS_MIN } from '../../src/limits.js';
import { type Entry, NO_ENTRY } from '../store/journal.js';

const NO_NUMBERS = new Int32Array(0);

/**
 * Open addressing at most half full; a slot is two numbers, the id (0: free) and since when. An id's home is its low
 * bits: the sequences that clients use never collide then. A client that picks its ids to collide makes each step cost
 * some thousand comparisons, of its own packets only.
 */
export class PacketIdSet {
  size = 0;
  /** What the journal knew the id by that `delete` or `sweep` has removed last. */
  removedEntry: Entry = NO_ENTRY;

  private slots = 0;
  private numbers: Int32Array = NO_NUMBERS;
  /** By slot; only for sessions that are kept. */
  private entries: Entry[] | null = null;

  has(id: number): boolean {
    return this.find(id) >= 0;
  }

  /** @returns false when the id is there already; its time stays. */
  add(id: number, nowMs: number, entry: Entry = NO_ENTRY): boolean {
    if (this.find(id) >= 0) return false;
    if (this.size * 2 >= this.slots) this.resize(Math.max(PACKET_ID_SLOTS_MIN, this.slots * 2));
    if (entry !== NO_ENTRY) this.entries ??= new Array<Entry>(this.slots).fill(NO_ENTRY);
    this.insert(id, nowMs | 0, entry);
    this.size += 1;
    return true;
  }

  /** @returns false when the id is not there. */
  delete(id: number): boolean {
    const slot = this.find(id);
    if (slot < 0) return false;
    this.remove(slot);
    if (this.size === 0 && this.slots > PACKET_ID_SLOTS_KEPT_MAX) this.trim();
    return true;
  }

  /** Removes every id added `timeoutMs` ago or earlier, in no order. Ages of up to 49 days are told apart. */
  sweep(nowMs: number, timeoutMs: number, removed: (id: number) => void): void {
    for (let slot = 0; slot < this.slots; ) {
      const id = this.numbers[slot * 2]!;
      const ageMs = ((nowMs | 0) - this.numbers[slot * 2 + 1]!) >>> 0;
      if (id === 0 || ageMs < timeoutMs) {
        slot += 1;
        continue;
      }
      // Removal fills the slot from further on, so it is looked at again. What comes round from the beginning of the
      // table has been looked at and is kept.
      this.remove(slot);
      removed(id);
    }
  }

  clear(): void {
    this.size = 0;
    this.trim();
  }

  /** Gives an empty set's memory back. */
  trim(): void {
    if (this.size > 0) return;
    this.slots = 0;
    this.numbers = NO_NUMBERS;
    this.entries = null;
  }

  /** Calls `visit` with every entry that is known here. */
  forEachEntry(visit: (entry: Entry) => void): void {
    if (this.entries === null) return;
    for (const entry of this.entries) if (entry !== NO_ENTRY) visit(entry);
  }

  *[Symbol.iterator](): IterableIterator<number> {
    for (let slot = 0; slot < this.slots; slot += 1) {
      const id = this.numbers[slot * 2]!;
      if (id !== 0) yield id;
    }
  }

  private find(id: number): number {
    if (this.size === 0) return -1;
    const mask = this.slots - 1;
    for (let slot = id & mask; ; slot = (slot + 1) & mask) {
      const found = this.numbers[slot * 2];
      if (found === id) return slot;
      if (found === 0) return -1;
    }
  }

  private insert(id: number, sinceMs: number, entry: Entry): void {
    const mask = this.slots - 1;
    let slot = id & mask;
    while (this.numbers[slot * 2] !== 0) slot = (slot + 1) & mask;
    this.numbers[slot * 2] = id;
    this.numbers[slot * 2 + 1] = sinceMs;
    if (this.entries !== null) this.entries[slot] = entry;
  }

  /** Empties a slot and moves up whatever had to pass it on the way from its home. */
  private remove(hole: number): void {
    const mask = this.slots - 1;
    this.removedEntry = this.entries === null ? NO_ENTRY : this.entries[hole]!;
    for (let slot = (hole + 1) & mask; ; slot = (slot + 1) & mask) {
      const id = this.numbers[slot * 2]!;
      if (id === 0) break;
      const isPastHole = ((slot - (id & mask)) & mask) >= ((slot - hole) & mask);
      if (!isPastHole) continue;
      this.numbers[hole * 2] = id;
      this.numbers[hole * 2 + 1] = this.numbers[slot * 2 + 1]!;
      if (this.entries !== null) this.entries[hole] = this.entries[slot]!;
      hole = slot;
    }
    this.numbers[hole * 2] = 0;
    if (this.entries !== null) this.entries[hole] = NO_ENTRY;
    this.size -= 1;
  }

  private resize(slots: number): void {
    const old = this.numbers;
    const entries = this.entries;
    if (entries !== null) this.entries = new Array<Entry>(slots).fill(NO_ENTRY);
    this.slots = slots;
    this.numbers = new Int32Array(slots * 2);
    for (let i = 0; i < old.length; i += 2) {
      if (old[i] !== 0) this.insert(old[i]!, old[i + 1]!, entries === null ? NO_ENTRY : entries[i / 2]!);
    }
  }
}
