/**
 * Memory for many short pieces of text that come and go, outside the JavaScript heap. Lives in one retained
 * store.
 */

const PAGE_BITS = 16;
/** The longest topic level has 65,535 bytes. */
const PAGE_BYTES = 1 << PAGE_BITS;
/** Blocks up to this size come in steps of 8 bytes, larger ones in powers of two. */
const FINE_BITS = 7;
const FINE_BYTES_MAX = 1 << FINE_BITS;
const FINE_CLASSES = FINE_BYTES_MAX >> 3;
const CLASSES = FINE_CLASSES + PAGE_BITS - FINE_BITS;

/**
 * Blocks are cut from pages and never move; freed ones wait in a list per size. A string per level would cost 32 bytes
 * and the garbage collector's time for each.
 */
export class TextArena {
  private pages: Uint8Array[] = [];
  /** Bytes cut from the last page. */
  private used = PAGE_BYTES;
  /** By size class: address + 1 of a freed block, which holds that of the next; 0: none. */
  private readonly freed = new Float64Array(CLASSES);

  /** Bytes of all pages. */
  get pageBytes(): number {
    return this.pages.length * PAGE_BYTES;
  }

  /** Stores `bytes[start, end)`, at most 65,535 bytes. @returns its address, which is what a Uint32 can hold. */
  put(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length === 0) return 0;
    const address = this.take(classOf(length));
    const page = this.pages[address >>> PAGE_BITS]!;
    const at = address & (PAGE_BYTES - 1);
    for (let i = 0; i < length; i += 1) page[at + i] = bytes[start + i]!;
    return address;
  }

  /** Gives back what `put` has stored. */
  free(address: number, length: number): void {
    if (length === 0) return;
    const sizeClass = classOf(length);
    this.writeLink(address, this.freed[sizeClass]!);
    this.freed[sizeClass] = address + 1;
  }

  equals(address: number, length: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (length !== end - start) return false;
    if (length === 0) return true;
    const page = this.pages[address >>> PAGE_BITS]!;
    const at = address & (PAGE_BYTES - 1);
    for (let i = 0; i < length; i += 1) {
      if (page[at + i] !== bytes[start + i]) return false;
    }
    return true;
  }

  /** First byte of a stored text, which must not be empty. */
  firstByte(address: number): number {
    return this.pages[address >>> PAGE_BITS]![address & (PAGE_BYTES - 1)]!;
  }

  /** Forgets everything and gives the memory back. */
  clear(): void {
    this.pages = [];
    this.used = PAGE_BYTES;
    this.freed.fill(0);
  }

  private take(sizeClass: number): number {
    const reused = this.freed[sizeClass]!;
    if (reused !== 0) {
      this.freed[sizeClass] = this.readLink(reused - 1);
      return reused - 1;
    }
    const bytes = bytesOf(sizeClass);
    // What is left of the page is lost: at most as much as the block that did not fit.
    if (this.used + bytes > PAGE_BYTES) {
      this.pages.push(new Uint8Array(PAGE_BYTES));
      this.used = 0;
    }
    const address = (this.pages.length - 1) * PAGE_BYTES + this.used;
    this.used += bytes;
    return address;
  }

  private writeLink(address: number, link: number): void {
    const page = this.pages[address >>> PAGE_BITS]!;
    const at = address & (PAGE_BYTES - 1);
    page[at] = link;
    page[at + 1] = link >>> 8;
    page[at + 2] = link >>> 16;
    page[at + 3] = link >>> 24;
  }

  private readLink(address: number): number {
    const page = this.pages[address >>> PAGE_BITS]!;
    const at = address & (PAGE_BYTES - 1);
    return (page[at]! | (page[at + 1]! << 8) | (page[at + 2]! << 16) | (page[at + 3]! << 24)) >>> 0;
  }
}

function classOf(length: number): number {
  if (length <= FINE_BYTES_MAX) return (length - 1) >> 3;
  return FINE_CLASSES + 31 - Math.clz32((length - 1) >> FINE_BITS);
}

function bytesOf(sizeClass: number): number {
  if (sizeClass < FINE_CLASSES) return (sizeClass + 1) << 3;
  return (FINE_BYTES_MAX * 2) << (sizeClass - FINE_CLASSES);
}
