/**
 * Which filters have subscriptions with `$local/`, and whether they have others too: routing makes no difference on one
 * node, lists of routes do. Such subscriptions are rare, so the others cost nothing here. On the shard's worker thread.
 */
import type { Locality } from '../../src/actor/peer-protocol.js';

/** Plain subscriptions of this shard's sessions to one filter. */
interface Own {
  local: number;
  others: number;
}

export class FilterScopes {
  /**
   * By filter, those that have or had `$local/` subscriptions, as long as they have any. To count the others again
   * whenever the first one comes back would be a walk through all subscribers for one packet.
   */
  private readonly own = new Map<number, Own>();
  private readonly told = new Map<number, Locality>();
  /** By filter: bit per shard that has some, and per shard that has nothing else. */
  private readonly peersSome = new Map<number, number>();
  private readonly peersOnly = new Map<number, number>();

  /** A subscription of this shard comes. `countOthers` tells how many the filter has already. */
  add(filter: number, isLocal: boolean, countOthers: (filter: number) => number): void {
    if (!isLocal && this.own.size === 0) return;
    const own = this.own.get(filter);
    if (own === undefined) {
      if (isLocal) this.own.set(filter, { local: 1, others: countOthers(filter) });
    } else if (isLocal) own.local += 1;
    else own.others += 1;
  }

  remove(filter: number, isLocal: boolean): void {
    if (this.own.size === 0) return;
    const own = this.own.get(filter);
    if (own === undefined) return;
    if (!isLocal) own.others -= 1;
    else own.local -= 1;
    if (own.local + own.others === 0) this.own.delete(filter);
  }

  /** @returns what this shard's subscriptions to a filter are; undefined where none has `$local/` */
  localityOf(filter: number): Locality | undefined {
    if (this.own.size === 0) return undefined;
    const own = this.own.get(filter);
    if (own === undefined || own.local === 0) return undefined;
    return own.others > 0 ? 'some' : 'only';
  }

  /** What peers were told last is not so any more. */
  isNews(filter: number): boolean {
    if (this.own.size === 0 && this.told.size === 0) return false;
    return this.told.get(filter) !== this.localityOf(filter);
  }

  setTold(filter: number, locality: Locality | undefined): void {
    if (locality !== undefined) this.told.set(filter, locality);
    else if (this.told.size > 0) this.told.delete(filter);
  }

  /** @param bit of the shard. @returns whether this is new */
  setPeer(filter: number, bit: number, locality: Locality | undefined): boolean {
    if (locality === undefined && this.peersSome.size === 0) return false;
    const isSomeNew = setBit(this.peersSome, filter, bit, locality !== undefined);
    const isOnlyNew = setBit(this.peersOnly, filter, bit, locality === 'only');
    return isSomeNew || isOnlyNew;
  }

  /** @returns whether anybody has a `$local/` subscription */
  hasLocal(filter: number): boolean {
    return this.localityOf(filter) !== undefined || this.peersSome.has(filter);
  }

  /** @param peers bit per shard with a plain subscription. @returns whether one of them has one without `$local/` */
  hasOthers(filter: number, isPlain: boolean, peers: number): boolean {
    if (isPlain && this.localityOf(filter) !== 'only') return true;
    return (peers & ~(this.peersOnly.get(filter) ?? 0)) !== 0;
  }
}

function setBit(bits: Map<number, number>, filter: number, bit: number, on: boolean): boolean {
  const before = bits.get(filter) ?? 0;
  const now = on ? before | bit : before & ~bit;
  if (now === 0) bits.delete(filter);
  else bits.set(filter, now);
  return now !== before;
}
