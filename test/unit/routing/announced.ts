/** What a router tells a shard that is new, in small lots of filters and one group at a time. */
import { InterestReader, InterestWriter } from '../../../src/actor/interest-lot.js';
import type { GroupChange, InterestChange } from '../../../src/actor/peer-protocol.js';
import type { Router, Subscriber } from '../../../workers/routing/router.js';

export type Announced =
  | { readonly kind: 'filter'; readonly change: InterestChange }
  | { readonly kind: 'group'; readonly change: GroupChange };

class SmallLot extends InterestWriter {
  private count = 0;

  constructor(private readonly filters: number) {
    super();
  }

  override get isFull(): boolean {
    return this.count >= this.filters;
  }

  override add(...filter: Parameters<InterestWriter['add']>): void {
    super.add(...filter);
    this.count++;
  }

  override take(): ArrayBuffer {
    this.count = 0;
    return super.take();
  }
}

/** With one filter per lot it may be pulled while subscriptions change. */
export function* announcedBy<S extends Subscriber>(
  router: Router<S>,
  filtersPerLot = 1,
): Generator<Announced> {
  const announcement = router.interest.announce();
  const writer = new SmallLot(filtersPerLot);
  for (let isDone = false; !isDone; ) {
    const groups: GroupChange[] = [];
    isDone = announcement.next(writer, groups, 1);
    if (!writer.isEmpty) yield* filtersOf(writer.take());
    for (const change of groups) yield { kind: 'group', change };
  }
}

function* filtersOf(lot: ArrayBuffer): Generator<Announced> {
  const reader = new InterestReader(lot);
  while (reader.next()) {
    const filter = Buffer.from(reader.bytes.subarray(0, reader.end)).toString();
    const { durable, local } = reader;
    yield {
      kind: 'filter',
      change: { filter, plain: true, durable, ...(local === undefined ? {} : { local }) },
    };
  }
}
