/**
 * Retained messages on their way to one new subscription: pages pulled from the shards that own the topics, one shard
 * after the other, no faster than the client takes them. Runs on the subscriber's shard.
 */

import type { ShardId } from '../../src/protocol/ids.js';
import { BatchReader } from '../peers/batch.js';

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
}
