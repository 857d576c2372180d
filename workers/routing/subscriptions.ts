/** All subscriptions of a shard's sessions as rows in typed arrays: no object each. On the shard's worker thread. */
import { NARROW_SUBSCRIPTIONS_MAX } from '../../src/limits.js';
import { mixBits } from './byte-hash.js';
import { FIRST_SUBSCRIPTION, type FilterColumns, SOLE, soleOf } from './filter-columns.js';
import { candidate, IdTable } from './id-table.js';
import { makeTable, reach } from './int-arrays.js';

/** Words per subscription, half a cache line. Links are number + 1, 0 at an end. */
export const SUBSCRIPTION_WORDS = 8;
export const SLOT = 0;
export const FILTER = 1;
/** The options byte in the low 6 bits, the variant above them. */
export const VARIANT_AND_OPTIONS = 2;
export const IDENTIFIER = 3;
/** Neighbours among the filter's plain subscriptions; group members are not linked. */
export const NEXT_OF_FILTER = 4;
const PREVIOUS_OF_FILTER = 5;
/** Neighbours among the slot's subscriptions, plain and in groups apart. */
const NEXT_OF_SLOT = 6;
const PREVIOUS_OF_SLOT = 7;

export const OPTIONS_MASK = 0x3f;
const OPTIONS_BITS = 6;

/** A session may hold one subscription per filter and variant: plain, `$local/`, and one for each share group. */
export const VARIANT_PLAIN = 0;
export const VARIANT_LOCAL = 1;
/** Variants from here on are share groups, by their index. */
export const VARIANT_GROUPS = 2;

/** Words per slot. */
const SLOT_WORDS = 4;
const FIRST_PLAIN = 0;
const FIRST_IN_GROUP = 1;
const COUNT = 2;
/** 1: it has had more than NARROW_SUBSCRIPTIONS_MAX, and all that it has are in the table. */
const IS_WIDE = 3;

/**
 * Found by (slot, filter, variant), and listed by filter and by slot, in constant time. About 40 bytes each. Of a slot
 * with few they are found in its list, where they often lie side by side; of the others in a table.
 */
export class Subscriptions extends IdTable {
  /** SUBSCRIPTION_WORDS per subscription. */
  readonly words = makeTable();
  private used = 0;
  /** First free row, chained by SLOT; -1 when there is none. */
  private firstFree = -1;
  private readonly slots = makeTable();
  private count = 0;
  private readonly slotFactor: number;
  private readonly filterFactor: number;
  private readonly variantFactor: number;

  constructor(
    private readonly filters: FilterColumns,
    hashSeed: number,
  ) {
    super();
    this.slotFactor = mixBits(hashSeed ^ 0x1b873593) | 1;
    this.filterFactor = mixBits(hashSeed ^ 0x38b34ae5) | 1;
    this.variantFactor = mixBits(hashSeed ^ 0x4cf5ad43) | 1;
  }

  get size(): number {
    return this.count;
  }

  /** Bytes of rows, slots and segments. */
  get tableBytes(): number {
    return this.words.byteLength + this.slots.byteLength + this.segmentBytes;
  }

  private keyHash(slot: number, filter: number, variant: number): number {
    const sum = Math.imul(slot, this.slotFactor) + Math.imul(filter, this.filterFactor);
    return mixBits((sum + Math.imul(variant, this.variantFactor)) | 0);
  }

  protected override hashOf(id: number): number {
    const at = id * SUBSCRIPTION_WORDS;
    return this.keyHash(this.words[at + SLOT]!, this.words[at + FILTER]!, this.variantOf(id));
  }

  /** @returns the subscription's number, -1 when there is none. */
  find(slot: number, filter: number, variant: number): number {
    const { words, slots } = this;
    if (slots[slot * SLOT_WORDS + IS_WIDE] !== 0) return this.findInTable(slot, filter, variant);
    let next = slots[slot * SLOT_WORDS + (variant < VARIANT_GROUPS ? FIRST_PLAIN : FIRST_IN_GROUP)]!;
    while (next !== 0) {
      const id = next - 1;
      if (words[id * SUBSCRIPTION_WORDS + FILTER] === filter && this.variantOf(id) === variant) return id;
      next = words[id * SUBSCRIPTION_WORDS + NEXT_OF_SLOT]!;
    }
    return -1;
  }

  private findInTable(slot: number, filter: number, variant: number): number {
    const hash = this.keyHash(slot, filter, variant);
    const segment = this.segmentOf(hash);
    const mask = segment.length - 1;
    const words = this.words;
    for (let probe = hash & mask; ; probe = (probe + 1) & mask) {
      const entry = segment[probe]!;
      if (entry === 0) return -1;
      const id = candidate(entry, hash);
      if (id === -1) continue;
      const at = id * SUBSCRIPTION_WORDS;
      if (words[at + SLOT] === slot && words[at + FILTER] === filter && this.variantOf(id) === variant)
        return id;
    }
  }

  /** Adds a subscription that does not exist. @returns its number; numbers are used again. */
  add(slot: number, filter: number, variant: number, options: number, identifier: number): number {
    const id = this.take();
    const at = id * SUBSCRIPTION_WORDS;
    const words = this.words;
    words[at + SLOT] = slot;
    words[at + FILTER] = filter;
    words[at + VARIANT_AND_OPTIONS] = (variant << OPTIONS_BITS) | options;
    words[at + IDENTIFIER] = identifier;
    if (variant < VARIANT_GROUPS) this.linkToFilter(id, filter);
    this.linkToSlot(id, slot, variant);
    if (this.slots[slot * SLOT_WORDS + IS_WIDE] !== 0) this.insert(id, this.keyHash(slot, filter, variant));
    else if (this.countOf(slot) > NARROW_SUBSCRIPTIONS_MAX) this.widen(slot);
    this.count += 1;
    return id;
  }

  private widen(slot: number): void {
    for (let id = this.firstPlain(slot); id !== -1; id = this.nextOfSlot(id))
      this.insert(id, this.hashOf(id));
    for (let id = this.firstInGroup(slot); id !== -1; id = this.nextOfSlot(id))
      this.insert(id, this.hashOf(id));
    this.slots[slot * SLOT_WORDS + IS_WIDE] = 1;
  }

  /** Changes options and identifier of a subscription. */
  update(id: number, options: number, identifier: number): void {
    const at = id * SUBSCRIPTION_WORDS;
    this.words[at + VARIANT_AND_OPTIONS] = (this.variantOf(id) << OPTIONS_BITS) | options;
    this.words[at + IDENTIFIER] = identifier;
    if (this.variantOf(id) < VARIANT_GROUPS) this.noteSole(this.filterOf(id));
  }

  remove(id: number): void {
    const at = id * SUBSCRIPTION_WORDS;
    const words = this.words;
    const slot = words[at + SLOT]!;
    if (this.slots[slot * SLOT_WORDS + IS_WIDE] !== 0) this.delete(id, this.hashOf(id));
    if (this.variantOf(id) < VARIANT_GROUPS) this.unlinkFromFilter(id);
    this.unlinkFromSlot(id, slot);
    if (this.countOf(slot) === 0) this.slots[slot * SLOT_WORDS + IS_WIDE] = 0;
    words[at + SLOT] = this.firstFree;
    this.firstFree = id;
    this.count -= 1;
  }

  /** Whether there is a subscription with this number, and of this slot. */
  isOf(id: number, slot: number): boolean {
    // A free row has a link where its slot was, which may be the same number.
    if (this.words[id * SUBSCRIPTION_WORDS + SLOT] !== slot) return false;
    return this.find(slot, this.filterOf(id), this.variantOf(id)) === id;
  }

  variantOf(id: number): number {
    return this.words[id * SUBSCRIPTION_WORDS + VARIANT_AND_OPTIONS]! >>> OPTIONS_BITS;
  }

  optionsOf(id: number): number {
    return this.words[id * SUBSCRIPTION_WORDS + VARIANT_AND_OPTIONS]! & OPTIONS_MASK;
  }

  identifierOf(id: number): number {
    return this.words[id * SUBSCRIPTION_WORDS + IDENTIFIER]!;
  }

  filterOf(id: number): number {
    return this.words[id * SUBSCRIPTION_WORDS + FILTER]!;
  }

  /** Empties the row of a new slot. */
  openSlot(slot: number): void {
    reach(this.slots, (slot + 1) * SLOT_WORDS);
    this.slots.fill(0, slot * SLOT_WORDS, (slot + 1) * SLOT_WORDS);
  }

  countOf(slot: number): number {
    return this.slots[slot * SLOT_WORDS + COUNT]!;
  }

  /** First of the slot's own subscriptions, -1 when it has none. */
  firstPlain(slot: number): number {
    return this.slots[slot * SLOT_WORDS + FIRST_PLAIN]! - 1;
  }

  /** First of the slot's memberships in share groups, -1 when it has none. */
  firstInGroup(slot: number): number {
    return this.slots[slot * SLOT_WORDS + FIRST_IN_GROUP]! - 1;
  }

  /** The one after `id` in the list of its slot, -1 at the end. */
  nextOfSlot(id: number): number {
    return this.words[id * SUBSCRIPTION_WORDS + NEXT_OF_SLOT]! - 1;
  }

  /** Plain subscriptions to a filter, one by one. */
  countOfFilter(filter: number): number {
    let count = 0;
    let next = this.filters.get(filter, FIRST_SUBSCRIPTION);
    for (; next !== 0; next = this.words[(next - 1) * SUBSCRIPTION_WORDS + NEXT_OF_FILTER]!) count += 1;
    return count;
  }

  private linkToFilter(id: number, filter: number): void {
    const words = this.words;
    const next = this.filters.get(filter, FIRST_SUBSCRIPTION);
    words[id * SUBSCRIPTION_WORDS + NEXT_OF_FILTER] = next;
    words[id * SUBSCRIPTION_WORDS + PREVIOUS_OF_FILTER] = 0;
    if (next !== 0) words[(next - 1) * SUBSCRIPTION_WORDS + PREVIOUS_OF_FILTER] = id + 1;
    this.filters.set(filter, FIRST_SUBSCRIPTION, id + 1);
    this.noteSole(filter);
  }

  // Most filters have one subscription, whose row no route then has to look at.
  private noteSole(filter: number): void {
    const { words } = this;
    const at = (this.filters.get(filter, FIRST_SUBSCRIPTION) - 1) * SUBSCRIPTION_WORDS;
    const isSole = at >= 0 && words[at + NEXT_OF_FILTER] === 0 && words[at + IDENTIFIER] === 0;
    const sole = isSole ? soleOf(words[at + SLOT]!, words[at + VARIANT_AND_OPTIONS]!) : 0;
    this.filters.set(filter, SOLE, sole);
  }

  private unlinkFromFilter(id: number): void {
    const words = this.words;
    const next = words[id * SUBSCRIPTION_WORDS + NEXT_OF_FILTER]!;
    const previous = words[id * SUBSCRIPTION_WORDS + PREVIOUS_OF_FILTER]!;
    if (next !== 0) words[(next - 1) * SUBSCRIPTION_WORDS + PREVIOUS_OF_FILTER] = previous;
    if (previous !== 0) words[(previous - 1) * SUBSCRIPTION_WORDS + NEXT_OF_FILTER] = next;
    else this.filters.set(this.filterOf(id), FIRST_SUBSCRIPTION, next);
    this.noteSole(this.filterOf(id));
  }

  private linkToSlot(id: number, slot: number, variant: number): void {
    const words = this.words;
    const head = slot * SLOT_WORDS + (variant < VARIANT_GROUPS ? FIRST_PLAIN : FIRST_IN_GROUP);
    const next = this.slots[head]!;
    words[id * SUBSCRIPTION_WORDS + NEXT_OF_SLOT] = next;
    words[id * SUBSCRIPTION_WORDS + PREVIOUS_OF_SLOT] = 0;
    if (next !== 0) words[(next - 1) * SUBSCRIPTION_WORDS + PREVIOUS_OF_SLOT] = id + 1;
    this.slots[head] = id + 1;
    this.slots[slot * SLOT_WORDS + COUNT]! += 1;
  }

  private unlinkFromSlot(id: number, slot: number): void {
    const words = this.words;
    const next = words[id * SUBSCRIPTION_WORDS + NEXT_OF_SLOT]!;
    const previous = words[id * SUBSCRIPTION_WORDS + PREVIOUS_OF_SLOT]!;
    if (next !== 0) words[(next - 1) * SUBSCRIPTION_WORDS + PREVIOUS_OF_SLOT] = previous;
    if (previous !== 0) words[(previous - 1) * SUBSCRIPTION_WORDS + NEXT_OF_SLOT] = next;
    else {
      const isPlain = this.variantOf(id) < VARIANT_GROUPS;
      this.slots[slot * SLOT_WORDS + (isPlain ? FIRST_PLAIN : FIRST_IN_GROUP)] = next;
    }
    this.slots[slot * SLOT_WORDS + COUNT]! -= 1;
  }

  private take(): number {
    const free = this.firstFree;
    if (free !== -1) {
      this.firstFree = this.words[free * SUBSCRIPTION_WORDS + SLOT]!;
      return free;
    }
    const id = this.used;
    reach(this.words, (id + 1) * SUBSCRIPTION_WORDS);
    this.used += 1;
    return id;
  }
}
