/** One trace in one shard: what it is about, and lines that main has not taken yet. Runs on the shard's thread. */
import type { TraceEvent, TraceLine, TraceLot, TraceSubject } from '../../src/actor/trace-protocol.js';
import { TRACE_LINES_PER_TAKE, TRACE_LINES_WAITING_MAX } from '../../src/limits.js';
import { filterMatches } from '../../src/protocol/topic.js';
import { cut } from './trace-text.js';

export class ShardTrace {
  private lines: TraceLine[] = [];
  private missed = 0;
  // A message goes to many, with the same string as its topic.
  private lastTopic = '';
  private lastMatched = false;

  constructor(private readonly subject: TraceSubject) {}

  /** @param clientId to whom it happens, or who does it. @param topic a name, or a filter without its prefixes */
  isAbout(clientId: string | null, topic: string | null): boolean {
    if ('clientId' in this.subject) return clientId === this.subject.clientId;
    if (topic === null) return false;
    if (topic !== this.lastTopic) {
      this.lastTopic = topic;
      this.lastMatched = filterMatches(this.subject.filter, topic);
    }
    return this.lastMatched;
  }

  /** @param detail made only where there is room for the line */
  add(
    atMs: number,
    event: TraceEvent,
    clientId: string | null,
    topic: string | null,
    detail: () => TraceLine['detail'],
  ): void {
    if (this.lines.length >= TRACE_LINES_WAITING_MAX) {
      this.missed++;
      return;
    }
    this.lines.push({
      atMs,
      event,
      clientId: clientId === null ? null : cut(clientId),
      topic: topic === null ? null : cut(topic),
      detail: detail(),
    });
  }

  take(): TraceLot {
    const lines = this.lines.slice(0, TRACE_LINES_PER_TAKE);
    this.lines = this.lines.slice(TRACE_LINES_PER_TAKE);
    const hasMore = this.lines.length > 0;
    const missed = hasMore ? 0 : this.missed;
    if (!hasMore) this.missed = 0;
    return { lines, hasMore, missed };
  }
}
