/**
 * Hands a lot of rows to lmdb's own writer thread as one transaction. Runs on the thread that has opened the
 * environment; what it hands over is written by a thread of the libuv pool.
 *
 * It goes below lmdb's `put` and `batch`, to what they are made of, for what they do not give:
 * - when a transaction is committed, its sync not being over. Theirs resolve after the sync, so that on a disk with
 *   slow syncs nothing could be promised sooner.
 * - one transaction for certain, that is whole before it begins: theirs may begin while rows are still added, and a
 *   thread that dies meanwhile leaves its writer waiting for ever, and the lock taken.
 * - failing quietly: theirs write a stack to standard error each time, and leave rejections behind.
 * - no promise, no object and no encoder per row.
 *
 * It rests on what no version of lmdb promises: the exact one is pinned in package.json, any other is refused here, and
 * tests compare it with lmdb's own `put` (test/unit/storage/writes.property.test.ts).
 */
import { readFileSync } from 'node:fs';
import * as lmdb from 'lmdb';
import { WRITE_LOT_BYTES } from '../limits.js';

/** Of lmdb's native environment, what is used here. */
export interface NativeEnvironment {
  readonly address: number;
  /**
   * Calls back when the transaction is committed, unless the end is here by then, and at last with its result: 0, or an
   * error. Only the last time there is a `this`; the status tells less, since 1 is the one time's and the error EPERM.
   */
  startWriting(address: number, callback: (this: unknown, status: number) => void): void;
  /** Gives back the lock that a writer holds. */
  resumeWriting(): void;
}

interface NativeAddon {
  /** Where the memory of a buffer begins. */
  getAddress(buffer: ArrayBufferLike): number;
}

/** The version of lmdb whose source this was written after. */
const VERSION = '3.5.6';

/** @throws Error when `version`, by default that of lmdb as it is there, is another one */
export function checkVersion(version = versionOfLmdb()): void {
  if (version === VERSION) return;
  throw new Error(`lmdb ${version} is installed, and only ${VERSION} can be used: install shardmq anew`);
}

function versionOfLmdb(): string {
  const file = new URL('./package.json', import.meta.resolve('lmdb'));
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

const { getAddress } = (lmdb as unknown as { nativeAddon: NativeAddon }).nativeAddon;

// An instruction: u32 what, u32 table, u32 bytes of the key, key; then, from the next word of 8 bytes that leaves at
// least 4 bytes of zeros behind the key, whose last half is the u32 size of the value, a double with its address.
const PUT = 15;
const REMOVE = 13;
const KEY_AT = 12;
const NUMBERS_PER_WORD = 2;
/** Of an instruction, beside its key: head, zeros, address of the value. */
const INSTRUCTION_BYTES = KEY_AT + 16 + 8;
/** lmdb marks each instruction that it has looked at. */
const IS_DONE = 0x1000000;
/** The end of a lot, where lmdb says what has become of it; lmdb also writes into the word before the first one. */
const END_BYTES = 16;
const WORD_BYTES = 8;

/** Where the first instruction says what it is. */
const FIRST = NUMBERS_PER_WORD;
/** What becomes of a lot. */
export interface LotEnd {
  /** Its transaction is committed, and its sync begins. Called once, or never. */
  committed(): void;
  /** Called once, at last. `status`: 0, a number of the system's errors, or one of lmdb's own, which are negative. */
  over(status: number): void;
}

/** Instructions for one transaction. Used again for another one when that is over. */
export class WriteLot {
  private bytes = new Uint8Array(0);
  private numbers = new Uint32Array(0);
  private doubles = new Float64Array(0);
  private address = 0;
  private at = 0;
  /** What lmdb reads values from: nothing else holds them meanwhile. */
  private readonly values: Uint8Array[] = [];

  /** Begins a lot whose keys have so many bytes together. */
  begin(rows: number, keyBytes: number): void {
    const bytes = END_BYTES + WORD_BYTES + rows * INSTRUCTION_BYTES + keyBytes;
    const isFar = this.bytes.length > WRITE_LOT_BYTES && bytes <= WRITE_LOT_BYTES;
    if (bytes > this.bytes.length || isFar) this.allocate(Math.max(bytes, WRITE_LOT_BYTES));
    this.at = WORD_BYTES;
  }

  /** `value` null: the row is removed. Neither buffer may be changed before the transaction is over. */
  add(table: number, key: Uint8Array, value: Uint8Array | null): void {
    const { bytes, numbers, at } = this;
    const number = at >> 2;
    const keyEnd = at + KEY_AT + key.length;
    const next = (keyEnd + 16) & ~(WORD_BYTES - 1);
    numbers[number] = value === null ? REMOVE : PUT;
    numbers[number + 1] = table;
    numbers[number + 2] = key.length;
    bytes.set(key, at + KEY_AT);
    bytes.fill(0, keyEnd, next);
    this.at = next;
    if (value === null) return;
    numbers[(next >> 2) - 1] = value.length;
    this.doubles[next >> 3] = value.length === 0 ? 0 : getAddress(value.buffer) + value.byteOffset;
    this.values.push(value);
    this.at = next + WORD_BYTES;
  }

  /** Writes what was added. */
  start(environment: NativeEnvironment, end: LotEnd): void {
    const { numbers } = this;
    const last = (this.at >> 3) * NUMBERS_PER_WORD;
    numbers.fill(0, last, last + NUMBERS_PER_WORD);
    environment.startWriting(this.address + WORD_BYTES, function (status) {
      if (this === undefined) {
        end.committed();
        return;
      }
      // A writer whose transaction cannot even begin goes without giving the lock back: the next one would wait for it
      // for ever, and with it the thread that closes the environment.
      if (status !== 0 && (numbers[FIRST]! & IS_DONE) === 0) environment.resumeWriting();
      end.over(status);
    });
  }

  /** The transaction is over. */
  clear(): void {
    this.values.length = 0;
  }

  private allocate(bytes: number): void {
    const buffer = new ArrayBuffer((bytes + WORD_BYTES - 1) & ~(WORD_BYTES - 1));
    this.bytes = new Uint8Array(buffer);
    this.numbers = new Uint32Array(buffer);
    this.doubles = new Float64Array(buffer);
    this.address = getAddress(buffer);
  }
}
