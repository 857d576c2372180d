/**
 * The subscriptions of one session as rows, in lots. By filter; those of a session with very many, which would have to
 * be sorted anew for each lot, as they lie: newest first, then those to share groups. Runs on the shard's thread.
 */
import type { ListCursor, SubscriptionRow } from '../../src/actor/list-protocol.js';
import { LISTED_SORTED_MAX } from '../../src/limits.js';
import type { Core } from '../core.js';
import { OPTION_QOS_MASK } from '../routing/route.js';
import type { SubscriptionInfo } from '../routing/router.js';
import type { Session } from '../session/session.js';

/** Where in a session a lot begins. */
type Place = Pick<ListCursor, 'skip' | 'after'>;

const START: Place = { skip: 0, after: null };

/** @returns whether there is room for more rows */
export type TakeRow = (row: SubscriptionRow) => boolean;

/** Hands out the rows from `place` on until `take` has no room. @returns where to go on; null: there are no more */
export function takeSubscriptions(
  core: Core,
  session: Session,
  place: Place | null,
  take: TakeRow,
): Place | null {
  const from = place ?? START;
  const isSorted = core.router.countOf(session) <= LISTED_SORTED_MAX;
  return isSorted ? takeSorted(core, session, from, take) : takeAsTheyLie(core, session, from, take);
}

function takeSorted(core: Core, session: Session, { skip, after }: Place, take: TakeRow): Place | null {
  const sorted = [...core.router.subscriptionsOf(session)]
    .map((info) => ({ info, text: sortText(info) }))
    .sort((a, b) => (a.text < b.text ? -1 : 1));
  let at = skip;
  if (typeof after === 'string') {
    const next = sorted.findIndex(({ text }) => text > after);
    at = next === -1 ? sorted.length : next;
  }
  for (let done = skip; at < sorted.length; ) {
    const { info, text } = sorted[at]!;
    at += 1;
    done += 1;
    if (take(rowOf(session, info)) || at === sorted.length) continue;
    return { skip: done, after: text };
  }
  return null;
}

function takeAsTheyLie(core: Core, session: Session, { skip, after }: Place, take: TakeRow): Place | null {
  const { router } = core;
  let id = -1;
  // The one that came last may be gone: then as many as were there are passed over.
  const isKnown = typeof after === 'number' && router.subscriptionAt(session, after) !== null;
  if (isKnown) id = router.subscriptionAfter(session, after);
  else {
    id = router.subscriptionAfter(session, -1);
    for (let left = skip; left > 0 && id !== -1; left -= 1) id = router.subscriptionAfter(session, id);
  }
  for (let done = skip; id !== -1; ) {
    const next = router.subscriptionAfter(session, id);
    done += 1;
    const hasRoom = take(rowOf(session, router.subscriptionAt(session, id)!));
    if (!hasRoom && next !== -1) return { skip: done, after: id };
    id = next;
  }
  return null;
}

// U+0000 is in no filter and below all that is.
function sortText({ filter, group, local }: SubscriptionInfo): string {
  return `${filter}\0${group ?? ''}\0${local ? 1 : 0}`;
}

function rowOf(session: Session, { filter, group, local, options }: SubscriptionInfo): SubscriptionRow {
  const qos = (options & OPTION_QOS_MASK) as 0 | 1 | 2;
  return { clientId: session.clientId, filter, group, isLocal: local, qos };
}
