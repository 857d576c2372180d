/** The leaves of an lmdb file as they lie, whether anything points to them or not. On shards and on main. */
import { PAGE_FILE_CHUNK_BYTES } from '../limits.js';
import {
  IS_TREE,
  KIND_MASK,
  LEAF,
  NO_PAGE,
  OVERFLOW,
  PAGE_HEADER_BYTES,
  type PageFile,
  readPageNumber,
  type Snapshot,
  type Tree,
} from './page-file.js';

/** Nothing says where it is. */
const LOST: Tree = { flags: 0, depth: 1, entries: 1, root: NO_PAGE };

/** Calls `onLeaf` for each page that says it is a leaf; the page is valid during the call. */
export function scanLeaves(file: PageFile, onLeaf: (page: Buffer, number: number) => void): void {
  const { pageBytes } = file;
  const chunk = Buffer.allocUnsafeSlow(Math.max(pageBytes, PAGE_FILE_CHUNK_BYTES));
  const perChunk = chunk.length / pageBytes;
  let next = 2;
  while (next < file.pages) {
    const first = next;
    const count = Math.min(perChunk, file.pages - first);
    if (!file.fill(chunk.subarray(0, count * pageBytes), first * pageBytes)) return;
    while (next < first + count) {
      const at = (next - first) * pageBytes;
      next += scanPage(chunk.subarray(at, at + pageBytes), next, onLeaf);
    }
  }
}

/** @returns how many pages are done with it: what lies in a large value is no page */
function scanPage(page: Buffer, number: number, onLeaf: (page: Buffer, number: number) => void): number {
  if (readPageNumber(page, 0) !== number) return 1;
  const kind = page.readUInt16LE(18) & KIND_MASK;
  if (kind === LEAF) onLeaf(page, number);
  return kind === OVERFLOW ? Math.max(1, page.readUInt32LE(20)) : 1;
}

/** @returns the latest states whose root lies in the file, for one in which nothing says where they are */
export function findSnapshots(file: PageFile): Snapshot[] {
  const found: Snapshot[] = [];
  scanLeaves(file, (page, root) => {
    const at = PAGE_HEADER_BYTES + page.readUInt16LE(PAGE_HEADER_BYTES);
    if (at + 6 > page.length || page.readUInt16LE(at + 4) !== IS_TREE) return;
    const transaction = Number(page.readBigUInt64LE(8));
    const tables = { ...LOST, root };
    found.push({ transaction, free: LOST, tables, lastPage: file.pages - 1, isFlushed: false, bootId: 0n });
    found.sort((a, b) => b.transaction - a.transaction).splice(2);
  });
  return found;
}

/** @returns the page size by which most of the first pages have their own number */
export function guessPageBytes(file: PageFile): number {
  let best = 4096;
  let mostRight = 0;
  for (let bytes = 4096; bytes <= 65536; bytes *= 2) {
    let right = 0;
    for (let number = 1; number < 256; number++) {
      const head = file.read(number * bytes, PAGE_HEADER_BYTES);
      if (head !== null && readPageNumber(head, 0) === number) right++;
    }
    if (right > mostRight) {
      mostRight = right;
      best = bytes;
    }
  }
  return best;
}
