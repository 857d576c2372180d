/**
 * What has surely come from one shard to another by some time. An acknowledgement waits for the publisher's shard
 * alone, so no time says it. But everything between two shards keeps its order: once something that was sent after
 * the acknowledgement is there, the message is. It must have come with QoS 2, which is handed out when it is
 * committed: then a shard that dies does not get the earlier one again.
 */
import type { Book, SentMessage } from './book.js';

/** What has come, in the order of time. */
interface Stream {
  readonly atUs: number[];
  /** When the one of these that was sent last was sent. */
  readonly sentUs: number[];
}

interface Way {
  readonly from: number;
  readonly to: number;
  /** How many there are. */
  readonly shards: number;
}

const nameOf = ({ from, to, shards }: Way): string => `${from} ${to} ${shards}`;

export class Arrivals {
  private readonly streams = new Map<string, Stream>();

  constructor(private readonly book: Book) {
    const { receipts, messages, subscriptions } = book;
    // A message for a group goes from member to member.
    const sharers = new Set(
      subscriptions.filter(({ filter }) => isShared(filter)).map(({ client }) => client),
    );
    for (const { client, key, qos, isRetained, atUs } of receipts) {
      const message = messages.get(key);
      if (qos !== 2 || isRetained || message === undefined || sharers.has(client)) continue;
      const way = this.wayBetween(message.publisher, client, message.sentUs, atUs);
      if (way !== null) this.add(way, message.sentUs, atUs);
    }
  }

  /** Whether the shard of `client` had surely handled an acknowledged message; nobody died since. */
  has({ publisher, ackedUs }: SentMessage, client: string, atUs: number): boolean {
    const way = this.wayBetween(publisher, client, ackedUs, atUs);
    if (way === null) return false;
    if (way.from === way.to) return true;
    const stream = this.streams.get(nameOf(way));
    if (stream === undefined) return false;
    const last = countBefore(stream.atUs, atUs) - 1;
    return last >= 0 && stream.sentUs[last]! > ackedUs;
  }

  private add(way: Way, sentUs: number, atUs: number): void {
    const stream = this.streams.get(nameOf(way)) ?? { atUs: [], sentUs: [] };
    this.streams.set(nameOf(way), stream);
    stream.sentUs.push(Math.max(sentUs, stream.sentUs.at(-1) ?? 0));
    stream.atUs.push(atUs);
  }

  /** Null: nobody knows their shards, or they have changed meanwhile. */
  private wayBetween(publisher: string, client: string, fromUs: number, toUs: number): Way | null {
    const { book } = this;
    const shards = book.shardsWithin(fromUs, toUs);
    const [from, to] = [book.shardOf(publisher, shards), book.shardOf(client, shards)];
    return from === null || to === null ? null : { from, to, shards };
  }
}

export function isShared(filter: string): boolean {
  return filter.startsWith('$share/');
}

/** How many of these rising numbers are below `limit`. */
function countBefore(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
