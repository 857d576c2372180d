/** A trace as its reader gets it: a line of JSON for each event, the first when it has begun. Main thread. */
import { Readable } from 'node:stream';
import type { TraceLine, TraceSubject } from '../actor/trace-protocol.js';
import { TRACE_READER_TIMEOUT_MS } from '../limits.js';
import type { Trace, TraceBounds, TraceEnd, TraceListener } from './broker-port.js';

export class TraceStream extends Readable implements TraceListener {
  isBusy = false;
  readonly #nowMs: () => number;
  #trace: Trace | null = null;
  #lines = 0;
  #missed = 0;

  /** @param nowMs milliseconds since 1970 */
  constructor(nowMs: () => number) {
    super();
    this.#nowMs = nowMs;
  }

  /** It runs from now on; it is stopped when nobody reads any more. */
  begin(trace: Trace, subject: TraceSubject, { durationMs, linesMax }: TraceBounds): void {
    this.#trace = trace;
    const about = 'clientId' in subject ? { client_id: subject.clientId } : { topic: subject.filter };
    this.#say('started', { ...about, duration: durationMs / 1000, lines: linesMax });
    if (this.destroyed) trace.stop();
  }

  line({ atMs, event, clientId, topic, detail }: TraceLine): void {
    this.#lines++;
    const about = {
      ...(clientId === null ? {} : { client_id: clientId }),
      ...(topic === null ? {} : { topic }),
    };
    this.#say(event, { ...about, ...detail }, atMs);
  }

  missed(count: number): void {
    this.#missed += count;
    this.#say('missed', { count });
  }

  ended(why: TraceEnd): void {
    this.#say('ended', { reason: why, lines: this.#lines, missed: this.#missed });
    if (this.destroyed) return;
    this.push(null);
    // Whoever does not read holds a connection and what waits for it.
    const timer = setTimeout(() => this.destroy(), TRACE_READER_TIMEOUT_MS);
    this.once('close', () => clearTimeout(timer));
  }

  override _read(): void {
    this.isBusy = false;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#trace?.stop();
    done(error);
  }

  #say(event: string, members: object, atMs = this.#nowMs()): void {
    if (this.destroyed) return;
    const at = new Date(atMs).toISOString();
    this.isBusy = !this.push(`${JSON.stringify({ at, event, ...members })}\n`);
  }
}
