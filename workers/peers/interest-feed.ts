/**
 * Changes of this shard's interest on their way to the others: numbered by barriers, cut into slices, posted a few
 * per turn. Runs on the shard's thread.
 */
import type { GroupChange, InterestChange } from '../../src/actor/peer-protocol.js';
import { PEER_INTEREST_POSTS_PER_TURN, PEER_INTEREST_SLICE } from '../../src/limits.js';
import type { InterestTable } from './handlers.js';
import type { Peer } from './peer.js';

class Slice {
  readonly filters: InterestChange[] = [];
  readonly groups: GroupChange[] = [];

  constructor(readonly barrier: number) {}

  get size(): number {
    return this.filters.length + this.groups.length;
  }
}

export class InterestFeed {
  /** Of the newest slice; whoever subscribed before has his interest in it or below. */
  barrier = 0;
  /** Of the newest slice that was posted. */
  postedBarrier = 0;

  private slices: Slice[] = [];

  constructor(private readonly table: InterestTable) {}

  get hasMore(): boolean {
    return this.slices.length > 0;
  }

  /** Takes what has changed since the last call and numbers it. */
  collect(): void {
    const changes = this.table.takeInterestChanges();
    if (changes === null) return;
    for (const change of changes.filters) this.slice().filters.push(change);
    for (const change of changes.groups) this.slice().groups.push(change);
  }

  /** Posts the oldest slices to every peer that has greeted. Whoever has not hears it with the whole interest. */
  post(peers: readonly (Peer | null)[]): void {
    const count = Math.min(this.slices.length, PEER_INTEREST_POSTS_PER_TURN);
    for (let i = 0; i < count; i++) {
      const slice = this.slices[i]!;
      for (const peer of peers) if (peer?.isOpen === true) this.postTo(peer, slice);
      this.postedBarrier = slice.barrier;
    }
    if (count > 0) this.slices = this.slices.slice(count);
  }

  // A peer that is still being told everything answers once, to the end of that.
  private postTo(peer: Peer, { barrier, filters, groups }: Slice): void {
    peer.outgoing.post({ kind: 'interest', barrier: peer.isAnnouncing ? 0 : barrier, filters, groups });
  }

  // Not a full one: the newest. Until it is posted, more may join it under the same number.
  private slice(): Slice {
    const newest = this.slices[this.slices.length - 1];
    if (newest !== undefined && newest.size < PEER_INTEREST_SLICE) return newest;
    const slice = new Slice(++this.barrier);
    this.slices.push(slice);
    return slice;
  }
}
