/**
 * An lmdb file as pages: its layout, and reading it by plain reads, so that a damaged one is an answer and not the end
 * of the process. On shards and on main, before the environment is opened.
 *
 * Page: u64 number, u64 transaction, u16 unused, u16 kind, then for trees u16 end of the offsets and u16 begin of the
 * nodes, both counted from the header's end, for large values u32 number of pages. Offsets, free room, nodes.
 * Node: u32 size of the value or u48 page number, u16 flags, u16 size of the key, key, value.
 * In this machine's byte order; the broker runs on little-endian ones only.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { PAGE_FILE_PROGRESS_BYTES, PAGE_FILE_WHOLE_BYTES_MAX } from '../limits.js';

export const PAGE_HEADER_BYTES = 24;
export const NODE_HEADER_BYTES = 8;
export const BRANCH = 1;
export const LEAF = 2;
export const OVERFLOW = 4;
const META = 8;
/** Kinds that a page may have besides; they mean nothing on disk. */
export const KIND_MASK = 0xff;
/** The value lies in pages of its own. */
export const IS_BIG = 1;
/** The value is the root of another tree. */
export const IS_TREE = 2;
/** An empty tree. */
export const NO_PAGE = -1;
export const TREE_BYTES = 48;

const MAGIC = 0xbeefc0de;
const FORMAT = 2;
const META_BYTES = 168;
/** Of the environment: integer keys in the free list, and how it was opened. */
const META_FLAGS_KNOWN = 0x5c08;
/** The meta page was written before its transaction was on the disk. */
const NOT_FLUSHED = 0x1000;
const PAGE_BYTES_MIN = 512;
const PAGE_BYTES_MAX = 0x1_0000;
const MAP_BYTES_MAX = 2 ** 47;

export interface Tree {
  readonly flags: number;
  readonly depth: number;
  readonly entries: number;
  /** NO_PAGE: it is empty. */
  readonly root: number;
}

/** The state after one transaction. */
export interface Snapshot {
  readonly transaction: number;
  readonly free: Tree;
  /** The tree with the roots of the tables. */
  readonly tables: Tree;
  readonly lastPage: number;
  readonly isFlushed: boolean;
  readonly bootId: bigint;
}

/** Says what is wrong with a file. Its message is the end of a sentence. */
export class Damage extends Error {}

/** Told how many bytes of how many have been read. */
export type OnBytesRead = (bytes: number, ofBytes: number) => void;

export class PageFile {
  readonly bytes: number;
  /** Whole pages of it. */
  pages = 0;
  pageBytes = 0;
  private readonly fd: number;
  private readonly whole: Buffer | null;
  private readonly ofLevel: Buffer[] = [];
  private readBytes = 0;
  private toldBytes = 0;

  /**
   * @param rounds how often all of it will be read, for `onRead`
   * @throws Damage when it is no file; Error when it cannot be read
   */
  constructor(
    path: string,
    private readonly rounds: number,
    private readonly onRead: OnBytesRead,
  ) {
    this.fd = openSync(path, 'r');
    try {
      const stat = fstatSync(this.fd);
      if (!stat.isFile()) throw new Damage('is no file');
      this.bytes = stat.size;
      this.whole = stat.size <= PAGE_FILE_WHOLE_BYTES_MAX ? readFileSync(this.fd) : null;
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
  }

  close(): void {
    closeSync(this.fd);
  }

  usePageBytes(bytes: number): void {
    this.pageBytes = bytes;
    this.pages = Math.floor(this.bytes / bytes);
  }

  /** @returns a page, valid until the next one of the same `level` is read; null: it is not in the file */
  page(number: number, level: number): Buffer | null {
    if (number < 0 || number >= this.pages) return null;
    const { pageBytes, whole } = this;
    if (whole !== null) return whole.subarray(number * pageBytes, (number + 1) * pageBytes);
    this.ofLevel[level] ??= Buffer.allocUnsafeSlow(pageBytes);
    const page = this.ofLevel[level];
    return this.fill(page, number * pageBytes) ? page : null;
  }

  /** @returns a copy of bytes of the file; null: it is shorter */
  read(at: number, bytes: number): Buffer | null {
    if (at < 0 || bytes < 0 || at + bytes > this.bytes) return null;
    const copy = Buffer.allocUnsafeSlow(bytes);
    return this.fill(copy, at) ? copy : null;
  }

  /** @returns whether `target` could be filled */
  fill(target: Buffer, at: number): boolean {
    const { whole } = this;
    if (whole !== null) {
      if (at + target.length > whole.length) return false;
      whole.copy(target, 0, at);
      return true;
    }
    let filled = 0;
    while (filled < target.length) {
      const count = readSync(this.fd, target, filled, target.length - filled, at + filled);
      if (count === 0) return false;
      filled += count;
    }
    this.readBytes += filled;
    if (this.readBytes - this.toldBytes >= PAGE_FILE_PROGRESS_BYTES) this.tell();
    return true;
  }

  private tell(): void {
    this.toldBytes = this.readBytes;
    const ofBytes = this.rounds * this.bytes;
    this.onRead(Math.min(this.readBytes, ofBytes), ofBytes);
  }
}

/** @returns a u64, where it is too large a number that no page has; NO_PAGE where that is what it says */
export function readPageNumber(from: Buffer, at: number): number {
  const high = from.readUInt32LE(at + 4);
  const low = from.readUInt32LE(at);
  if (high === 0xffff_ffff && low === 0xffff_ffff) return NO_PAGE;
  // One bit less than all is no empty tree: lmdb would look for that page.
  return high > 0xffff ? 2 ** 48 : high * 2 ** 32 + low;
}

/** @returns the description of a tree, which lies in a meta page or in the node of a table */
export function readTree(from: Buffer, at: number): Tree {
  return {
    flags: from.readUInt16LE(at + 4),
    depth: from.readUInt16LE(at + 6),
    entries: Number(from.readBigUInt64LE(at + 32)),
    root: readPageNumber(from, at + 40),
  };
}

/**
 * Reads one of the two meta pages.
 * @throws Damage
 */
export function readMeta(file: PageFile, at: number, number: number): Snapshot {
  const meta = file.read(at, META_BYTES);
  if (meta === null) throw new Damage('is too short');
  const what = `meta page ${number}`;
  if (meta.readUInt32BE(24) === MAGIC) throw new Damage('was written on a machine with another byte order');
  if (meta.readUInt32LE(24) !== MAGIC) throw new Damage(`${what} is not one of lmdb`);
  if (readPageNumber(meta, 0) !== number || meta.readUInt16LE(18) !== META) {
    throw new Damage(`${what} has a wrong header`);
  }
  if (meta.readUInt32LE(28) !== FORMAT) throw new Damage(`${what} has an unknown format`);
  const pageBytes = meta.readUInt32LE(48);
  const isPower = (pageBytes & (pageBytes - 1)) === 0;
  if (!isPower || pageBytes < PAGE_BYTES_MIN || pageBytes > PAGE_BYTES_MAX) {
    throw new Damage(`${what} has a wrong page size`);
  }
  if (file.pageBytes === 0) file.usePageBytes(pageBytes);
  if (file.pageBytes !== pageBytes) throw new Damage(`${what} has another page size`);
  return readSnapshot(file, meta, what);
}

/**
 * Reads what is written at the end of a flush, into the second half of the first page.
 * @returns null: nothing yet
 * @throws Damage
 */
export function readFlushedMeta(file: PageFile): Snapshot | null {
  const meta = file.read(file.pageBytes >> 1, META_BYTES);
  if (meta === null) throw new Damage('is too short');
  if (meta.readBigUInt64LE(152) === 0n) return null;
  return readSnapshot(file, meta, 'flushed meta page');
}

function readSnapshot(file: PageFile, meta: Buffer, what: string): Snapshot {
  const free = readTree(meta, 48);
  const lastPage = readPageNumber(meta, 144);
  const mapBytes = Number(meta.readBigUInt64LE(40));
  if ((free.flags & ~META_FLAGS_KNOWN) !== 0 || (free.flags & 8) === 0) {
    throw new Damage(`${what} has wrong flags`);
  }
  if (lastPage < 1 || mapBytes > MAP_BYTES_MAX || meta.readUInt32LE(48) !== file.pageBytes) {
    throw new Damage(`${what} has wrong sizes`);
  }
  const transaction = Number(meta.readBigUInt64LE(152));
  if (transaction > Number.MAX_SAFE_INTEGER) throw new Damage(`${what} has a wrong transaction`);
  return {
    transaction,
    free,
    tables: readTree(meta, 96),
    lastPage,
    isFlushed: (free.flags & NOT_FLUSHED) === 0,
    bootId: meta.readBigInt64LE(160),
  };
}
