/**
 * Whether an lmdb environment is whole, found out by plain reads before lmdb maps it: it trusts its file, and a
 * truncated or bent one ends the whole process in native code. On shards and on main.
 */
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PAGE_FILE_CHUNK_BYTES, PAGE_FILE_WARM_BYTES_MAX, PAGE_FILE_WHOLE_BYTES_MAX } from '../limits.js';
import { DATA_FILE, LOCK_FILE } from './open-check.js';
import {
  Damage,
  IS_TREE,
  NO_PAGE,
  type OnBytesRead,
  PAGE_HEADER_BYTES,
  PageFile,
  readFlushedMeta,
  readMeta,
  readPageNumber,
  readTree,
  type Snapshot,
  TREE_BYTES,
  type Tree,
} from './page-file.js';
import { compareNumbers, type LeafNode, TreeWalk, type Visitor } from './tree-walk.js';

/**
 * Reads the environment in `directory`; nothing there is whole as well.
 * @returns what is wrong with it, as the end of a sentence; null: nothing
 * @throws Error when it cannot be read for another reason than damage
 */
export function findDamage(directory: string, onRead: OnBytesRead = () => {}): string | null {
  try {
    if (!isThere(directory)) return null;
    const file = new PageFile(join(directory, DATA_FILE), 2, onRead);
    try {
      checkFile(file);
    } finally {
      file.close();
    }
    return null;
  } catch (error) {
    if (error instanceof Damage) return error.message;
    throw error;
  }
}

// A directory in which there is nothing yet is none.
function isThere(directory: string): boolean {
  const stat = lstatSync(directory, { throwIfNoEntry: false });
  if (stat === undefined) return false;
  if (!stat.isDirectory()) throw new Damage('is no directory');
  const [data, lock] = [DATA_FILE, LOCK_FILE].map((name) => {
    const kind = lstatSync(join(directory, name), { throwIfNoEntry: false });
    if (kind !== undefined && !kind.isFile()) throw new Damage(`has a ${name} that is no file`);
    return kind;
  });
  // lmdb makes both at the same time.
  if (data === undefined && lock !== undefined) throw new Damage(`has no ${DATA_FILE}`);
  return data !== undefined;
}

/** @throws Damage */
function checkFile(file: PageFile): void {
  if (file.bytes === 0) throw new Damage('is empty');
  const snapshot = chosenSnapshot(file);
  if (snapshot.lastPage >= file.pages) throw new Damage('is shorter than what was written');
  warm(file);
  const walk = new TreeWalk(file, snapshot.transaction, true);
  const tables: { name: string; tree: Tree }[] = [];
  checkFlags('of tables', snapshot.tables, 0);
  walk.walk(
    'of tables',
    snapshot.tables,
    visitor((node) => tables.push(tableOf(node))),
  );
  for (const { name, tree } of tables) {
    checkFlags(name, tree, 0);
    walk.walk(name, tree, visitor(null));
  }
  const free = new FreeList(file, walk, snapshot);
  walk.walk(
    'of free pages',
    snapshot.free,
    visitor((node) => free.add(node)),
    compareNumbers,
  );
  free.check();
}

/** @returns the state that lmdb would go on with. @throws Damage */
export function chosenSnapshot(file: PageFile): Snapshot {
  const first = readMeta(file, 0, 0);
  const second = readMeta(file, file.pageBytes, 1);
  const flushed = readFlushedMeta(file);
  checkTurns(file, first, second);
  const latest = chosen(first, second);
  return flushed === null ? latest : chosen(latest, flushed);
}

/**
 * The meta pages are written in turn: whichever of them has a wrong number, lmdb would go back to an older state.
 * @throws Damage
 */
function checkTurns(file: PageFile, first: Snapshot, second: Snapshot): void {
  const latest = first.transaction >= second.transaction ? first : second;
  const isInTurn = first.transaction % 2 === 0 && (second.transaction % 2 === 1 || second.transaction === 0);
  // After the machine has gone down one of them may be much older.
  const isRecent = latest.isFlushed || latest.bootId === bootId();
  const apart = Math.abs(first.transaction - second.transaction);
  // lmdb writes one state into both of them when it has gone back to it.
  const isSame = first.tables.root === second.tables.root && first.free.root === second.free.root;
  const isEarly = [first, second].some((each) => writtenIn(file, each) > each.transaction);
  const isLate = writtenIn(file, latest) < latest.transaction;
  if (!isInTurn || (isRecent && apart > 1) || (!isSame && (isEarly || isLate)))
    throw new Damage('has a wrong transaction in a meta page');
}

/** All states that can be read, latest first. */
export function readableSnapshots(file: PageFile): Snapshot[] {
  const found = new Map<number, Snapshot>();
  const readers = [
    () => readMeta(file, 0, 0),
    () => readMeta(file, file.pageBytes, 1),
    () => readFlushedMeta(file),
  ];
  for (const read of readers) {
    try {
      const snapshot = read();
      if (snapshot === null) continue;
      const transaction = writtenIn(file, snapshot);
      if (!found.has(transaction)) found.set(transaction, { ...snapshot, transaction });
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
    }
  }
  return [...found.values()].sort((a, b) => b.transaction - a.transaction);
}

/** @returns the transaction in which the root was written: each one writes it, and that in the meta page may be bent */
function writtenIn(file: PageFile, { tables, transaction }: Snapshot): number {
  const head = file.read(tables.root * file.pageBytes, PAGE_HEADER_BYTES);
  const isRoot = head !== null && readPageNumber(head, 0) === tables.root;
  const written = isRoot ? Number(head.readBigUInt64LE(8)) : transaction;
  return Number.isSafeInteger(written) ? written : transaction;
}

// As lmdb does: after the machine has gone down, what was not flushed counts for nothing.
function chosen(a: Snapshot, b: Snapshot): Snapshot {
  const [latest, other] = a.transaction >= b.transaction ? [a, b] : [b, a];
  if (b.transaction === 0) return a;
  return latest.isFlushed || latest.bootId === bootId() ? latest : other;
}

let knownBootId: bigint | null = null;

/** @returns what lmdb takes of the number of this start of the machine: its first group of digits */
function bootId(): bigint {
  if (knownBootId === null) {
    knownBootId = 0n;
    try {
      const text = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
      knownBootId = BigInt(`0x${/^[0-9a-f]+/i.exec(text)?.[0] ?? '0'}`);
    } catch {
      // Not Linux: the state that was flushed is the one that counts.
    }
  }
  return knownBootId;
}

/** @returns a table's name and tree. @throws Damage */
export function tableOf(node: LeafNode): { name: string; tree: Tree } {
  const { page, keyAt, keyBytes } = node;
  // lmdb-js ends names with a zero.
  const name = page.toString('latin1', keyAt, keyAt + keyBytes - 1);
  const isRight =
    node.flags === IS_TREE && node.valueBytes === TREE_BYTES && page[keyAt + keyBytes - 1] === 0;
  if (!isRight) throw new Damage(`table ${JSON.stringify(name.slice(0, 40))} is none`);
  return { name, tree: readTree(page, node.valueAt) };
}

function checkFlags(name: string, tree: Tree, flags: number): void {
  if (tree.flags !== flags) throw new Damage(`table ${name} is of another kind`);
}

function visitor(row: ((node: LeafNode) => void) | null): Visitor {
  return { lost: () => {}, row };
}

/** The pages that may be used again: one that is in use would be written over. */
export class FreeList {
  private readonly runs: number[] = [];

  constructor(
    private readonly file: PageFile,
    private readonly walk: TreeWalk,
    private readonly snapshot: Snapshot,
  ) {}

  /**
   * Takes a list of the free list: u64 count, then page numbers; a negative number says how many pages begin at the
   * one that follows, 0 nothing.
   * @throws Damage
   */
  add(node: LeafNode): void {
    const list = valueIn(this.file, node);
    if (node.keyBytes !== 8 || list === null || list.length < 8 || list.length % 8 !== 0) this.fail();
    const count = readPageNumber(list, 0);
    if (count < 0 || count * 8 + 8 > list.length) this.fail();
    for (let i = 1; i <= count; i++) {
      const entry = Number(list.readBigInt64LE(8 * i));
      if (entry === 0) continue;
      if (entry > 0) this.runs.push(entry, 1);
      else if (i === count) this.fail();
      else this.runs.push(readPageNumber(list, 8 * ++i), -entry);
    }
  }

  /** To be called once. @throws Damage when a page is in use, or is none */
  check(): void {
    const { runs, walk, snapshot } = this;
    for (let i = 0; i < runs.length; i += 2) {
      const first = runs[i]!;
      const count = runs[i + 1]!;
      // Also one that is in the list twice: lmdb would refuse each commit.
      if (first + count > snapshot.lastPage + 1 || !walk.take(first, count)) this.fail();
    }
  }

  /** A bit per page that is free. */
  bits(): Uint8Array {
    const bits = new Uint8Array((this.file.pages >> 3) + 1);
    for (let i = 0; i < this.runs.length; i += 2) {
      const end = Math.min(this.runs[i]! + this.runs[i + 1]!, this.file.pages);
      for (let page = Math.max(0, this.runs[i]!); page < end; page++) bits[page >> 3]! |= 1 << (page & 7);
    }
    return bits;
  }

  private fail(): never {
    throw new Damage('table of free pages is damaged: it says what cannot be');
  }
}

/** @returns a row's value; null: it is not in the file */
export function valueIn(file: PageFile, node: LeafNode): Buffer | null {
  const { page, valueAt, valueBytes, valuePage } = node;
  if (valuePage === NO_PAGE) return page.subarray(valueAt, valueAt + valueBytes);
  return file.read(valuePage * file.pageBytes + PAGE_HEADER_BYTES, valueBytes);
}

/** Pages are visited by key, so they are first read as they lie: from then on they are in the kernel's cache. */
function warm(file: PageFile): void {
  const bytes = Math.min(file.bytes, PAGE_FILE_WARM_BYTES_MAX);
  if (bytes <= PAGE_FILE_WHOLE_BYTES_MAX) return;
  const chunk = Buffer.allocUnsafeSlow(PAGE_FILE_CHUNK_BYTES);
  for (let at = 0; at + chunk.length <= bytes; at += chunk.length) file.fill(chunk, at);
}
