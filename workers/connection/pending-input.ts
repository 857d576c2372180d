/**
 * Bytes of one connection that could not be used when they came: the beginning of a packet that is not whole, or whole
 * packets that have to wait for a later turn. Exists only while there are any. Runs on the shard's thread.
 */
import { INPUT_SLACK_BYTES } from '../../src/limits.js';
import { type MemoryBudget, WAITING_INPUT } from '../memory-budget.js';

export class PendingInput {
  /** `bytes[start, end)` waits. */
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  /** Bytes of the packet that waits first; 0 while its header is not whole. */
  packetBytes: number;

  constructor(
    private readonly memory: MemoryBudget,
    packetBytes: number,
  ) {
    this.packetBytes = packetBytes;
  }

  get size(): number {
    return this.end - this.start;
  }

  /** Bytes that the first packet lacks. Until its length is known its header comes byte by byte: four times at most. */
  get missing(): number {
    return this.packetBytes === 0 ? 1 : this.packetBytes - this.size;
  }

  /** Keeps a copy of `from[start, end)`. */
  keep(from: Buffer, start: number, end: number): void {
    const added = end - start;
    const { size } = this;
    this.memory.add(WAITING_INPUT, added);
    if (this.bytes.length - this.end < added) {
      // Doubling, so that a packet dripped by the byte costs its length and not its square, but never more than
      // twice what has really come: an announced length allocates nothing.
      const room = Math.max(size + added, Math.min(this.packetBytes, size * 2 + INPUT_SLACK_BYTES));
      const grown = Buffer.allocUnsafeSlow(room);
      this.bytes.copy(grown, 0, this.start, this.end);
      this.bytes = grown;
      this.start = 0;
      this.end = size;
    }
    from.copy(this.bytes, this.end, start, end);
    this.end += added;
  }

  /** What lies before `at` has been used. @returns whether nothing is left. */
  consume(at: number): boolean {
    this.memory.add(WAITING_INPUT, this.start - at);
    this.start = at;
    return at === this.end;
  }

  /** Nobody will use it any more. */
  drop(): void {
    this.memory.add(WAITING_INPUT, -this.size);
    this.start = this.end;
  }
}
