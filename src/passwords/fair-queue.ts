/**
 * A bounded queue in which one busy address does not hold up the others: waiting entries lie in lanes by the hash of
 * their address, and the lanes are served in turn. Owned by whoever makes it; main thread.
 */
import { randomBytes } from 'node:crypto';
import { HASH_LANES } from '../limits.js';

export interface Queued {
  /** Who waits, such as the address of a client. */
  readonly from: string;
  readonly bytes: number;
}

export class FairQueue<Entry extends Queued> {
  readonly #lanes: Entry[][] = Array.from({ length: HASH_LANES }, () => []);
  /** Nobody outside can tell who shares a lane with whom. */
  readonly #seed = randomBytes(4).readUInt32LE();
  #next = 0;
  #length = 0;
  #bytes = 0;

  constructor(
    private readonly lengthMax: number,
    private readonly bytesMax: number,
    private readonly onDropped: (entry: Entry) => void,
  ) {}

  get length(): number {
    return this.#length;
  }

  /** Where there is no room for all, the last of the longest lane are dropped, perhaps this one. */
  push(entry: Entry): void {
    this.#lanes[this.#laneOf(entry.from)]!.push(entry);
    this.#length += 1;
    this.#bytes += entry.bytes;
    while (this.#length > this.lengthMax || this.#bytes > this.bytesMax) this.#drop();
  }

  /** The one whose turn it is. */
  shift(): Entry | null {
    if (this.#length === 0) return null;
    while (this.#lanes[this.#next]!.length === 0) this.#next = (this.#next + 1) % HASH_LANES;
    const entry = this.#lanes[this.#next]!.shift()!;
    this.#next = (this.#next + 1) % HASH_LANES;
    return this.#taken(entry);
  }

  #drop(): void {
    const longest = this.#lanes.reduce((a, b) => (b.length > a.length ? b : a));
    this.onDropped(this.#taken(longest.pop()!));
  }

  #taken(entry: Entry): Entry {
    this.#length -= 1;
    this.#bytes -= entry.bytes;
    return entry;
  }

  /** FNV-1a. */
  #laneOf(from: string): number {
    let hash = this.#seed;
    for (let i = 0; i < from.length; i++) hash = Math.imul(hash ^ from.charCodeAt(i), 0x0100_0193);
    return (hash >>> 8) % HASH_LANES;
  }
}
