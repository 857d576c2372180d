/**
 * The numbers that the generator's threads and its main thread share. One SharedArrayBuffer; every number has one
 * writer, except those in `control`, which change by atomic operations.
 */
import { HISTOGRAM_BUCKETS } from './histogram.js';

/** What all threads are doing; only the main thread moves it on. */
export const PHASE = { connect: 0, load: 1, drain: 2, stop: 3 } as const;

/** Indexes into `control`. */
export const CONTROL = { phase: 0, ready: 1, closed: 2 } as const;

/** Indexes into a thread's `stats`. */
export const STAT = {
  deliveries: 0,
  duplicates: 1,
  misordered: 2,
  connects: 3,
  cpuMs: 4,
  /** How often all newcomers have come, and the milliseconds this took altogether. */
  rounds: 5,
  roundsMs: 6,
  /** Messages of QoS 1 and 2 that the broker has taken over. */
  acknowledged: 7,
} as const;

/** Sequence numbers remembered per publisher where several subscribers share its messages; above any window. */
const SEEN_RING = 1 << 16;

const CONTROL_BYTES = 64;
const STATS = 8;

/** What a thread needs to know to open the same counters. */
export interface CountersShape {
  readonly buffer: SharedArrayBuffer;
  readonly threads: number;
  readonly publishers: number;
}

/** One thread's part. */
export interface ThreadCounters {
  readonly stats: Float64Array;
  /** Deliveries of each publisher's messages that arrived on this thread. */
  readonly received: Float64Array;
  /** Latencies of deliveries, or of acknowledgements while receivers are away, in buckets of histogram.ts. */
  readonly latencies: Float64Array;
}

/** The views of one thread onto the shared numbers. */
export class Counters {
  readonly control: Int32Array;
  /** Messages that each publisher has sent; written by its thread. */
  readonly sent: Float64Array;
  readonly threads: ThreadCounters[] = [];
  readonly #seen: Int32Array;

  constructor(readonly shape: CountersShape) {
    const { buffer, threads, publishers } = shape;
    this.control = new Int32Array(buffer, 0, CONTROL_BYTES / 4);
    let offset = CONTROL_BYTES;
    const take = (length: number): Float64Array => {
      const view = new Float64Array(buffer, offset, length);
      offset += length * 8;
      return view;
    };
    this.sent = take(publishers);
    for (let thread = 0; thread < threads; thread++) {
      this.threads.push({
        stats: take(STATS),
        received: take(publishers),
        latencies: take(HISTOGRAM_BUCKETS),
      });
    }
    this.#seen = new Int32Array(buffer, offset, publishers * SEEN_RING);
  }

  static create(threads: number, publishers: number): Counters {
    const doubles = publishers + threads * (STATS + publishers + HISTOGRAM_BUCKETS);
    const bytes = CONTROL_BYTES + doubles * 8 + publishers * SEEN_RING * 4;
    return new Counters({ buffer: new SharedArrayBuffer(bytes), threads, publishers });
  }

  phase(): number {
    return Atomics.load(this.control, CONTROL.phase);
  }

  /** The broker has ended a connection: a fault, unless the run is over. */
  countClosed(): void {
    if (this.phase() !== PHASE.stop) Atomics.add(this.control, CONTROL.closed, 1);
  }

  /** @returns deliveries of one publisher's messages, over all threads. */
  receivedFrom(publisher: number): number {
    let sum = 0;
    for (let thread = 0; thread < this.threads.length; thread++) {
      sum += this.threads[thread]!.received[publisher]!;
    }
    return sum;
  }

  /** @returns whether some subscriber has had this message before; counts it as seen. */
  isSeen(publisher: number, sequence: number): boolean {
    const at = publisher * SEEN_RING + (sequence & (SEEN_RING - 1));
    return Atomics.exchange(this.#seen, at, sequence | 0) === (sequence | 0);
  }

  /** @returns one statistic, summed over the threads. */
  sum(stat: number): number {
    return this.threads.reduce((sum, thread) => sum + thread.stats[stat]!, 0);
  }

  /** @returns the latencies of all threads together, as a copy. */
  latencies(): Float64Array {
    const total = new Float64Array(HISTOGRAM_BUCKETS);
    for (const { latencies } of this.threads) {
      for (let bucket = 0; bucket < total.length; bucket++) total[bucket]! += latencies[bucket]!;
    }
    return total;
  }
}
