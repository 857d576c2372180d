/** Asks a broker of ours what it has counted. On the generator's main thread. */
import type { CommitFigures } from './run-result.js';

/** The API's first user, as long as nobody has changed it. */
const AUTHORIZATION = `Basic ${Buffer.from('admin:public').toString('base64')}`;

/** Since the broker's start, at one moment. A figure that a broker of before does not count is 0. */
export interface MetricsReading {
  readonly atMs: number;
  /** Received with QoS 1 and 2. */
  readonly acknowledged: number;
  readonly commits: number;
  readonly commitBytes: number;
  /** Copies sent to clients, at any QoS. */
  readonly sent: number;
  /** Those of them whose message came from another shard. */
  readonly crossed: number;
  /** Of all threads, and the process's. */
  readonly heapBytes: number;
  readonly rssBytes: number;
  /** What there is now. */
  readonly sessions: number;
  readonly retained: number;
}

export class MetricsProbe {
  readonly #url: string;

  private constructor(apiPort: number) {
    this.#url = `http://127.0.0.1:${apiPort}/metrics`;
  }

  /** The password is hashed now, and not while something is measured. @throws Error when the API does not answer */
  static async open(apiPort: number): Promise<MetricsProbe> {
    const probe = new MetricsProbe(apiPort);
    await probe.read();
    return probe;
  }

  async read(): Promise<MetricsReading> {
    const answer = await fetch(this.#url, { headers: { authorization: AUTHORIZATION } });
    const page = await answer.text();
    if (!answer.ok) throw new Error(`${this.#url}: ${answer.status}: ${page}`);
    return {
      atMs: performance.now(),
      acknowledged:
        figure(page, 'shardmq_messages_qos1_received_total') +
        figure(page, 'shardmq_messages_qos2_received_total'),
      commits: figure(page, 'shardmq_commits_total'),
      commitBytes: figure(page, 'shardmq_commit_bytes_total'),
      sent: figure(page, 'shardmq_messages_sent_total'),
      crossed: figure(page, 'shardmq_deliveries_forwarded_total'),
      heapBytes: figure(page, 'shardmq_thread_heap_used_bytes'),
      rssBytes: figure(page, 'process_resident_memory_bytes'),
      sessions: figure(page, 'shardmq_sessions_count'),
      retained: figure(page, 'shardmq_retained_count'),
    };
  }
}

export function commitFigures(from: MetricsReading, to: MetricsReading): CommitFigures {
  const commits = to.commits - from.commits;
  const messages = to.acknowledged - from.acknowledged;
  return {
    perSecond: (commits * 1000) / (to.atMs - from.atMs),
    messagesPerCommit: commits > 0 ? messages / commits : 0,
    bytesPerMessage: messages > 0 ? (to.commitBytes - from.commitBytes) / messages : 0,
  };
}

/** @returns the share (0..1) of what was sent whose message came from another shard; null when nothing was sent */
export function crossedShare(from: MetricsReading, to: MetricsReading): number | null {
  const sent = to.sent - from.sent;
  return sent > 0 ? (to.crossed - from.crossed) / sent : null;
}

/** @returns its sum over all labels */
function figure(page: string, name: string): number {
  let sum = 0;
  for (const [, value] of page.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm')))
    sum += Number(value);
  return sum;
}
