/** A stand-in for the router, as the mesh sees it. */
import { InterestReader } from '../../../src/actor/interest-lot.js';
import type { GroupChange, InterestChange } from '../../../src/actor/peer-protocol.js';
import type { Announcement, InterestTable } from '../../../workers/peers/handlers.js';

const FILTERS_AT_ONCE = 256;

/** Filters are topics here: matching is another part's matter. */
export class FakeTable implements InterestTable {
  readonly own = new Set<string>();
  /** Those of `own` that outlive a connection. */
  readonly durable = new Set<string>();
  /** Other shards' interest. */
  readonly filters: Map<string, InterestChange>[];
  readonly groups: GroupChange[] = [];
  private readonly changed = new Set<string>();
  /** By shard: filters that its next life has not said again. */
  private readonly stale: Set<string>[];

  constructor(shards: number) {
    this.filters = Array.from({ length: shards }, () => new Map<string, InterestChange>());
    this.stale = this.filters.map(() => new Set<string>());
  }

  subscribe(filter: string, isDurable = false): void {
    this.own.add(filter);
    if (isDurable) this.durable.add(filter);
    else this.durable.delete(filter);
    this.changed.add(filter);
  }

  unsubscribe(filter: string): void {
    this.own.delete(filter);
    this.durable.delete(filter);
    this.changed.add(filter);
  }

  /** Bits of the shards whose interest in `topic` is durable. */
  durablyInterested(topic: string): number {
    return this.filters.reduce(
      (mask, filters, shard) => (filters.get(topic)?.durable === true ? mask | (1 << shard) : mask),
      0,
    );
  }

  /** Bits of the shards that want `topic`. */
  interested(topic: string): number {
    return this.filters.reduce(
      (mask, filters, shard) => (filters.has(topic) ? mask | (1 << shard) : mask),
      0,
    );
  }

  takeInterestChanges(): { filters: InterestChange[]; groups: GroupChange[] } | null {
    if (this.changed.size === 0) return null;
    const filters = [...this.changed].map((filter) => this.change(filter));
    this.changed.clear();
    return { filters, groups: [] };
  }

  /** In small slices. */
  announce(): Announcement {
    const left = this.own.values();
    return {
      next: (filters) => {
        for (let count = 0; count < FILTERS_AT_ONCE; count++) {
          const { done, value } = left.next();
          if (done === true) return true;
          const text = Buffer.from(value);
          filters.add(0, text, 0, text.length, this.durable.has(value), undefined);
        }
        return false;
      },
    };
  }

  applyInterestLot(shard: number, lot: ArrayBuffer): void {
    const reader = new InterestReader(lot);
    while (reader.next()) {
      const filter = Buffer.from(reader.bytes).toString('utf8', 0, reader.end);
      this.applyInterest(shard, { filter, plain: true, durable: reader.durable });
    }
  }

  applyInterest(shard: number, change: InterestChange): void {
    this.stale[shard]!.delete(change.filter);
    if (change.plain) this.filters[shard]!.set(change.filter, change);
    else this.filters[shard]!.delete(change.filter);
  }

  applyGroup(_shard: number, change: GroupChange): void {
    this.groups.push(change);
  }

  dropShardSome(shard: number, max: number, keepsDurable: boolean): boolean {
    const filters = this.filters[shard]!;
    const stale = this.stale[shard]!;
    const dropped = [...filters.values()].filter(({ filter, durable }) => {
      if (!keepsDurable || !durable) return true;
      stale.add(filter);
      return false;
    });
    for (const { filter } of dropped.slice(0, max)) filters.delete(filter);
    return dropped.length <= max;
  }

  dropStaleSome(shard: number, max: number): boolean {
    const stale = this.stale[shard]!;
    for (const filter of [...stale].slice(0, max)) {
      stale.delete(filter);
      this.filters[shard]!.delete(filter);
    }
    return stale.size === 0;
  }

  private change(filter: string): InterestChange {
    return { filter, plain: this.own.has(filter), durable: this.durable.has(filter) };
  }
}
