/**
 * Retained messages on their way to one new subscription: pages pulled from the shards that own the topics, one shard
 * after the other, no faster than the client takes them. Runs on the subscriber's shard.
 */

import { BatchReader } from '../../src/protocol/batch-reader.js';
import type { ShardId } from '../../src/protocol/ids.js';
import type { ParsedSubscription } from '../../src/protocol/topic.js';

export class Replay {
  /** Shards still to be asked, the current one first. */
  readonly owners: ShardId[];
  /** The page in hand; null while one is awaited or none has been asked for. */
  page: BatchReader | null = null;
  /** The current owner has been asked and has not answered. */
  isAwaited = false;
  /** The current owner has opened a cursor for this replay. */
  isOpened = false;

  constructor(
    /** Number of this replay on this shard; never reused. */
    readonly number: number,
    readonly filter: string,
    /** It is for the subscription with `$local/`. */
    readonly isLocal: boolean,
    /** Subscription options byte. */
    readonly options: number,
    readonly identifiers: readonly number[] | null,
    owners: readonly ShardId[],
  ) {
    this.owners = [...owners];
  }

  /** A page has come. `isLast`: its owner has no more. */
  take(bytes: ArrayBuffer, length: number, isLast: boolean): void {
    this.isAwaited = false;
    if (length > 0) {
      this.page = new BatchReader();
      this.page.open(bytes, length);
    }
    if (!isLast) return;
    this.owners.shift();
    this.isOpened = false;
  }

  /** The current owner is gone, or not there: the next one is asked. */
  skipOwner(): void {
    this.isAwaited = this.isOpened = false;
    this.owners.shift();
  }
}

/** One subscription of a SUBSCRIBE, for which retained messages may be wanted. */
export interface Subscribed {
  readonly parsed: ParsedSubscription;
  /** There was no such subscription before, or the SUBSCRIBE that made it has come to nothing. */
  isNew: boolean;
  /** The options byte as the client sent it. */
  readonly options: number;
}

/** Every SUBSCRIBE whose replays are not done, in order; one replay at a time. It may hold many thousand filters. */
export class ReplayQueue {
  current: Replay | null = null;
  /** The subscription identifier that goes with what `shift` has given last; 0: none. */
  identifier = 0;
  /** Subscriptions that `shift` has not come to. */
  waiting = 0;
  private readonly packets: { readonly made: readonly Subscribed[]; readonly identifier: number }[] = [];
  private next = 0;

  push(made: readonly Subscribed[], identifier: number): void {
    this.packets.push({ made, identifier });
    this.waiting += made.length;
  }

  /** @returns the next subscription whose retained messages are wanted; null when there is none. */
  shift(): Subscribed | null {
    for (let packet = this.packets[0]; packet !== undefined; packet = this.packets[0]) {
      while (this.next < packet.made.length) {
        const subscribed = packet.made[this.next++]!;
        this.waiting--;
        if (!isWanted(subscribed)) continue;
        this.identifier = packet.identifier;
        return subscribed;
      }
      this.packets.shift();
      this.next = 0;
    }
    return null;
  }
}

// Retain handling 0: always; 1: for a new subscription; 2: never. A shared subscription gets none (4.8.2).
function isWanted({ parsed, isNew, options }: Subscribed): boolean {
  const handling = (options >> 4) & 3;
  return parsed.group === null && handling !== 2 && (handling === 0 || isNew);
}
