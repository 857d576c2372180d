/** What a router tells a shard that is new, one filter or group at a time. */
import { InterestReader, InterestWriter } from '../../../src/actor/interest-lot.js';
import type { GroupChange, InterestChange } from '../../../src/actor/peer-protocol.js';
import type { Router, Subscriber } from '../../../workers/routing/router.js';

export type Announced =
  | { readonly kind: 'filter'; readonly change: InterestChange }
  | { readonly kind: 'group'; readonly change: GroupChange };

class OneFilter extends InterestWriter {
  override get isFull(): boolean {
    return !this.isEmpty;
  }
}

/** May be pulled while subscriptions change. */
export function* announcedBy<S extends Subscriber>(router: Router<S>): Generator<Announced> {
  const announcement = router.interest.announce();
  const writer = new OneFilter();
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
    const filter = Buffer.from(reader.bytes.subarray(reader.start, reader.end)).toString();
    const { durable, local } = reader;
    yield {
      kind: 'filter',
      change: { filter, plain: true, durable, ...(local === undefined ? {} : { local }) },
    };
  }
}
