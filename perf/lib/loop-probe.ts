/**
 * How late the loops of a broker's shards are. Loaded into the broker's process before anything else (`--import`), into
 * every thread; the shards are those threads that are not main and have a heap of their own. Main answers over the
 * process's channel. In no other run is it there, and the broker knows nothing of it.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads';

/** Milliseconds between two looks of a thread: what a figure is exact to. */
const RESOLUTION_MS = 2;
const CHANNEL = 'shardmq-perf-loops';

/** What is asked of the process, and then of its threads. */
export type LoopQuestion = 'begin' | 'take';

/** How late one thread was since `begin`. */
export interface LoopReport {
  readonly thread: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

function watch(): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.unref();
  let histogram: IntervalHistogram | null = null;
  channel.onmessage = (event: unknown) => {
    const { data: question } = event as { data: LoopQuestion | LoopReport };
    if (question === 'begin') {
      histogram?.disable();
      histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      histogram.enable();
    } else if (question === 'take' && histogram !== null) {
      channel.postMessage(reportOf(histogram));
      histogram.disable();
      histogram = null;
    }
  };
}

/** The time between two looks is in every value. */
function reportOf(histogram: IntervalHistogram): LoopReport {
  const lateMs = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  return {
    thread: threadId,
    p99Ms: lateMs(histogram.percentile(99)),
    p999Ms: lateMs(histogram.percentile(99.9)),
    maxMs: lateMs(histogram.max),
  };
}

/** Passes questions from the process's channel to the threads, and their reports back. */
function relay(): void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.unref();
  process.on('message', (question: LoopQuestion) => channel.postMessage(question));
  process.channel?.unref();
  channel.onmessage = (event: unknown) => {
    const { data } = event as { data: LoopReport };
    process.send?.(data);
  };
}

if (isMainThread) relay();
else watch();
