/**
 * Room in the file of an environment that is there for certain when lmdb writes: a disk, a quota or a file size that is
 * used up is found out here, before lmdb does, and so is a disk that became read-only while nothing was written. Where
 * lmdb finds it out itself, it writes a line to standard error each time, and a text about it into memory that may be
 * too small for it (3.5.6, mdb_page_flush): now and then that ends the process. Runs on the thread that has opened the
 * environment; file work of the libuv pool.
 *
 * The file is made longer by zeros at its end, which lmdb writes over. The kernel appends them, so they cannot come to
 * lie on anything; that some of them lie behind the last page means nothing to lmdb, nor to who reads its pages.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type Clock, SystemClock } from '../base/clock.js';
import { STORE_ROOM_AHEAD_BYTES, STORE_TRUST_MS } from '../limits.js';

const PAGE_BYTES = 4_096;
/** Pages that a row may cost beside its value: its leaf, one that is split off, one above. */
const PAGES_PER_ROW = 3;
/** And a transaction: the roots of tables, the list of free pages. */
const PAGES_PER_WRITE = 32;
const ZEROS = Buffer.alloc(256 << 10);

/** In pages, beside its key and value. */
const NODE_BYTES = 16;
/** Pages are half empty when they have been split, and so are those above them. */
const BYTES_PER_NEW_BYTE = 3;

/**
 * `rowBytes`: of keys and values. `usedBytes`: of all pages in use, each of which is copied once at most, however many
 * rows come to lie on it.
 * @returns by how much a transaction may make the file longer: seldom as much, and hardly ever more
 */
export function roomFor(rows: number, rowBytes: number, usedBytes: number): number {
  const eachApart = rows * PAGES_PER_ROW * PAGE_BYTES;
  const together = usedBytes + BYTES_PER_NEW_BYTE * (rowBytes + rows * NODE_BYTES);
  return PAGES_PER_WRITE * PAGE_BYTES + rowBytes + Math.min(eachApart, together);
}

export class FileRoom {
  /** The file is so long, or longer. */
  private bytes = 0;
  /** lmdb has used no more by now. */
  private usedMax = Number.POSITIVE_INFINITY;
  /** When it could be written for certain. */
  private writableMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly path: string,
    private readonly clock: Pick<Clock, 'monotonicMs'> = new SystemClock(),
  ) {}

  /** The file could be written right now. */
  wasWritable(): void {
    this.writableMs = this.clock.monotonicMs();
  }

  /** @returns whether there is room for so much, as far as is known; then it is taken */
  take(needBytes: number): boolean {
    if (!this.fits(needBytes) || this.clock.monotonicMs() - this.writableMs > STORE_TRUST_MS) return false;
    this.usedMax += needBytes;
    return true;
  }

  /** As `take`, now that it is known how much is used or taken. */
  takeBehind(usedBytes: number, needBytes: number): boolean {
    this.usedMax = usedBytes;
    return this.take(needBytes);
  }

  /** Takes room that has to be made. Not to be called again before. @returns why there is none; null: it is taken */
  async make(needBytes: number): Promise<Error | null> {
    try {
      await this.grow(this.usedMax + needBytes);
    } catch (error) {
      return error as Error;
    }
    this.usedMax += needBytes;
    return null;
  }

  private fits(needBytes: number): boolean {
    return this.usedMax + needBytes <= this.bytes;
  }

  // A bit longer than asked for, if that can be.
  private async grow(leastBytes: number): Promise<void> {
    const file = await open(this.path, constants.O_WRONLY | constants.O_APPEND);
    try {
      this.bytes = (await file.stat()).size;
      if (this.bytes < leastBytes) await this.append(file, leastBytes);
    } finally {
      await file.close();
    }
    this.wasWritable();
  }

  private async append(file: FileHandle, leastBytes: number): Promise<void> {
    const toBytes = evenBytes(leastBytes + STORE_ROOM_AHEAD_BYTES);
    try {
      while (this.bytes < toBytes) {
        const { bytesWritten } = await file.write(ZEROS, 0, Math.min(toBytes - this.bytes, ZEROS.length));
        this.bytes += bytesWritten;
      }
    } catch (error) {
      // The last bytes of a disk may be enough.
      if (this.bytes < leastBytes) throw error;
    }
  }
}

function evenBytes(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}
