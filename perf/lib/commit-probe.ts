/** Asks a broker what it has committed. On the generator's main thread. */
import type { CommitFigures } from './run-result.js';

/** The API's first user, as long as nobody has changed it. */
const AUTHORIZATION = `Basic ${Buffer.from('admin:public').toString('base64')}`;

/** Since the broker's start, at one moment. */
export interface CommitReading {
  readonly atMs: number;
  /** Received with QoS 1 and 2. */
  readonly messages: number;
  readonly commits: number;
  readonly bytes: number;
}

export class CommitProbe {
  readonly #url: string;

  private constructor(apiPort: number) {
    this.#url = `http://127.0.0.1:${apiPort}/metrics`;
  }

  /** The password is hashed now, and not while something is measured. @throws Error when the API does not answer */
  static async open(apiPort: number): Promise<CommitProbe> {
    const probe = new CommitProbe(apiPort);
    await probe.read();
    return probe;
  }

  async read(): Promise<CommitReading> {
    const answer = await fetch(this.#url, { headers: { authorization: AUTHORIZATION } });
    const page = await answer.text();
    if (!answer.ok) throw new Error(`${this.#url}: ${answer.status}: ${page}`);
    return {
      atMs: performance.now(),
      messages:
        figure(page, 'shardmq_messages_qos1_received_total') +
        figure(page, 'shardmq_messages_qos2_received_total'),
      commits: figure(page, 'shardmq_commits_total'),
      bytes: figure(page, 'shardmq_commit_bytes_total'),
    };
  }
}

export function commitFigures(from: CommitReading, to: CommitReading): CommitFigures {
  const commits = to.commits - from.commits;
  const messages = to.messages - from.messages;
  return {
    perSecond: (commits * 1000) / (to.atMs - from.atMs),
    messagesPerCommit: commits > 0 ? messages / commits : 0,
    bytesPerMessage: messages > 0 ? (to.bytes - from.bytes) / messages : 0,
  };
}

function figure(page: string, name: string): number {
  const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1];
  if (found === undefined) throw new Error(`the broker does not count ${name}`);
  return Number(found);
}
