/** What a shard knows about each topic filter besides its text. On the shard's worker thread. */
import { makeTable, reach } from './int-arrays.js';

/** Words per filter; all are 0 when a filter is new. */
export const FILTER_WORDS = 5;
/** First of the plain subscriptions to it, + 1. */
export const FIRST_SUBSCRIPTION = 0;
/** Bit per other shard whose interest is durable. */
export const DURABLE_PEERS = 1;
/** The only plain subscription, see `soleOf`; 0 where there are none or several, or it has an identifier. */
export const SOLE = 2;
/** Bit per other shard with plain interest. */
export const PEERS = 3;
/** Flags in the low bits, the number of durable plain subscriptions above them. */
export const STATE = 4;

const SOLE_OPTIONS_BITS = 4;
const SOLE_OPTIONS_MASK = 0x0f;

/** What a route needs of a subscription, in one word. */
export function soleOf(slot: number, options: number): number {
  return ((slot << SOLE_OPTIONS_BITS) | (options & SOLE_OPTIONS_MASK)) + 1;
}

export function slotOfSole(sole: number): number {
  return (sole - 1) >>> SOLE_OPTIONS_BITS;
}

/** Without retain handling, which is no matter of routes. */
export function optionsOfSole(sole: number): number {
  return (sole - 1) & SOLE_OPTIONS_MASK;
}

export const HAS_GROUPS = 1;
/** In the list of changes that peers must be told; keeps the filter's number from being given away. */
export const PENDING = 2;
/** What peers were told last. */
export const TOLD_PLAIN = 4;
export const TOLD_DURABLE = 8;
/** Counted among the filters with a local subscription or local group member. */
export const LOCAL = 16;
/** Some of its groups have members here. */
export const HAS_LOCAL_GROUPS = 32;
/** One durable subscription, added to or taken from STATE. */
export const ONE_DURABLE = 64;

/** One row per number of the filter tree. */
export class FilterColumns {
  /** FILTER_WORDS per filter. */
  readonly words = makeTable();

  /** Makes an empty row for a filter's number if it has none yet. */
  reach(filter: number): void {
    reach(this.words, (filter + 1) * FILTER_WORDS);
  }

  get(filter: number, field: number): number {
    return this.words[filter * FILTER_WORDS + field]!;
  }

  set(filter: number, field: number, value: number): void {
    this.words[filter * FILTER_WORDS + field] = value;
  }

  hasFlag(filter: number, flag: number): boolean {
    return (this.get(filter, STATE) & flag) !== 0;
  }

  setFlag(filter: number, flag: number, on: boolean): void {
    const state = this.get(filter, STATE);
    this.set(filter, STATE, on ? state | flag : state & ~flag);
  }

  addDurable(filter: number, count: 1 | -1): void {
    this.words[filter * FILTER_WORDS + STATE]! += count * ONE_DURABLE;
  }

  isPlain(filter: number): boolean {
    return this.get(filter, FIRST_SUBSCRIPTION) !== 0;
  }

  isDurable(filter: number): boolean {
    return this.get(filter, STATE) >= ONE_DURABLE;
  }
}
