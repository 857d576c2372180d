/**
 * Traces: takes what shards have gathered, several times a second, and passes it on until the time is over. A reader
 * that is slow is not filled up: shards keep a few lines and count the rest. Main thread.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TraceLot, TraceSubject } from '../actor/trace-protocol.js';
import type { Trace, TraceBounds, TraceEnd, TraceListener, Traces } from '../api/broker-port.js';
import type { Clock } from '../base/clock.js';
import { TRACE_TAKE_INTERVAL_MS, TRACES_MAX } from '../limits.js';
import { asClientId, asShardId, type ShardId } from '../protocol/ids.js';
import type { AskedShards } from '../supervisor/asked-shards.js';

export class ShardTraces implements Traces {
  readonly #shards: AskedShards;
  readonly #clock: Clock;
  readonly #running = new Set<RunningTrace>();
  #lastId = 0;
  #isStopped = false;

  constructor(shards: AskedShards, clock: Clock) {
    this.#shards = shards;
    this.#clock = clock;
  }

  async start(subject: TraceSubject, bounds: TraceBounds, listener: TraceListener): Promise<Trace | null> {
    if (this.#isStopped || this.#running.size >= TRACES_MAX) return null;
    const trace = new RunningTrace(++this.#lastId, this.#shards, this.#shardsOf(subject), listener);
    this.#running.add(trace);
    try {
      await trace.begin(subject);
    } catch (error) {
      trace.leave();
      this.#running.delete(trace);
      throw error;
    }
    void trace.run(bounds, this.#clock).finally(() => this.#running.delete(trace));
    return trace;
  }

  stopAll(): void {
    this.#isStopped = true;
    for (const trace of this.#running) trace.stop();
  }

  /** What happens to a client happens in one shard; any may have messages that match a filter. */
  #shardsOf(subject: TraceSubject): readonly ShardId[] {
    if ('clientId' in subject) return [this.#shards.ownerOf(asClientId(subject.clientId))];
    return Array.from({ length: this.#shards.count }, (_, shard) => asShardId(shard));
  }
}

class RunningTrace implements Trace {
  readonly #id: number;
  readonly #shards: AskedShards;
  readonly #watched: readonly ShardId[];
  readonly #listener: TraceListener;
  readonly #stop = new AbortController();

  constructor(id: number, shards: AskedShards, watched: readonly ShardId[], listener: TraceListener) {
    this.#id = id;
    this.#shards = shards;
    this.#watched = watched;
    this.#listener = listener;
  }

  /** Rejects with BrokerError when a shard does not take part. */
  async begin(subject: TraceSubject): Promise<void> {
    await Promise.all(
      this.#watched.map((shard) => this.#shards.request(shard, 'trace.start', { id: this.#id, subject })),
    );
  }

  /** Tells shards to forget it, also those that may not have begun. */
  leave(): void {
    for (const shard of this.#watched) {
      // One that has ended has forgotten it.
      this.#shards.request(shard, 'trace.stop', { id: this.#id }).catch(() => {});
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  async run(bounds: TraceBounds, clock: Clock): Promise<void> {
    const end = await this.#watch(bounds, clock).catch((): TraceEnd => 'shard');
    this.leave();
    this.#listener.ended(end);
  }

  async #watch({ durationMs, linesMax }: TraceBounds, clock: Clock): Promise<TraceEnd> {
    const listener = this.#listener;
    const untilMs = clock.monotonicMs() + durationMs;
    let left = linesMax;
    for (let hasMore = false; ; ) {
      if (!hasMore || listener.isBusy) await this.#pause();
      if (this.#stop.signal.aborted) return 'stopped';
      const isOver = clock.monotonicMs() >= untilMs;
      if (listener.isBusy && !isOver) continue;
      const lots = await this.#take();
      if (lots === null) return 'shard';
      const lines = lots.flatMap((lot) => lot.lines).sort((a, b) => a.atMs - b.atMs);
      for (const line of lines) {
        if (left-- === 0) return 'lines';
        listener.line(line);
      }
      const missed = lots.reduce((sum, lot) => sum + lot.missed, 0);
      if (missed > 0) listener.missed(missed);
      if (isOver) return 'time';
      hasMore = lots.some((lot) => lot.hasMore);
    }
  }

  /** @returns null where a shard has been restarted. Rejects when one does not answer */
  async #take(): Promise<readonly TraceLot[] | null> {
    const lots = await Promise.all(
      this.#watched.map((shard) => this.#shards.request(shard, 'trace.take', { id: this.#id })),
    );
    return lots.every((lot) => lot !== null) ? lots : null;
  }

  async #pause(): Promise<void> {
    try {
      await sleep(TRACE_TAKE_INTERVAL_MS, undefined, { signal: this.#stop.signal });
    } catch {
      // Stopped.
    }
  }
}
