/** What is in one row of the journal, while it is made or read; a KeptRecord keeps it. Runs on the shard's thread. */
import { NO_MESSAGE } from '../../src/storage/journal-format.js';

/** In the place of a message's number: the entry is over, or was never written. */
export const OVER = 0xffff;

/** Numbers of 16 bits. */
export type Cells = Uint16Array | number[];
export const NO_CELLS: Cells = [];

/** A typed array has 200 bytes of its own, which is much for a record with one message. */
const PLAIN_CELLS_MAX = 24;
const CELL_BITS = 16;

/**
 * Cells: by slot the how manieth message the entry has, NO_MESSAGE or OVER; by message the entries that need it; by
 * message its size. A slot is the entry's place, or where most places are empty the how manieth entry it is.
 */
export class RowIndex {
  entries = 0;
  readonly slots: number;
  /** By slot: its place, rising; null: they are the same. */
  readonly places: Cells | null;
  readonly cells: Cells;
  /** Sizes are in units of two to the power of this many bytes. */
  readonly sizeShift: number;

  /** For `entries` of so many places. `sizes`: the bytes of each message. */
  constructor(
    places: number,
    entries: number,
    readonly messages: number,
    sizes: Uint32Array,
  ) {
    const isSparse = entries * 2 < places;
    const slots = isSparse ? entries : places;
    this.slots = slots;
    this.places = isSparse ? cellsOf(entries) : null;
    this.cells = cellsOf(slots + 2 * messages);
    this.cells.fill(OVER, 0, slots);
    let largest = 0;
    for (let i = 0; i < messages; i++) largest = Math.max(largest, sizes[i]!);
    this.sizeShift = Math.max(0, 32 - Math.clz32(largest) - CELL_BITS);
    for (let i = 0; i < messages; i++) this.cells[slots + messages + i] = sizes[i]! >>> this.sizeShift;
  }

  /** An entry; places rise. `message`: the how manieth, or NO_MESSAGE. */
  put(place: number, message: number): void {
    const slot = this.places === null ? place : this.entries;
    if (this.places !== null) this.places[slot] = place;
    this.cells[slot] = message;
    if (message !== NO_MESSAGE) this.cells[this.slots + message]!++;
    this.entries++;
  }
}

function cellsOf(count: number): Cells {
  return count <= PLAIN_CELLS_MAX ? new Array<number>(count).fill(0) : new Uint16Array(count);
}
