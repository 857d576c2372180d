/** The rule about retained messages: the last one that was acknowledged, or a later one. */
import { type Book, grouped, matches, type SentMessage } from './book.js';

/** With several shards: so long after the acknowledgement its owner may still have to hear of it. */
const UNDER_WAY_US = 500_000;
/** And after the broker has become ready again. */
const RECOVERY_US = 3_000_000;

/** @returns topics where something else is retained; one that ought to have something only when nobody publishes */
export function wrongRetained(book: Book): string[] {
  const byTopic = grouped(
    [...book.messages.values()].filter(({ isRetained }) => isRetained),
    ({ topic }) => topic,
  );
  return book.retained.flatMap(({ filter, askedUs, atUs, found, isLast }) => {
    const foundSeq = new Map(found.map(({ topic, seq }) => [topic, seq]));
    const ackedBefore = isLast ? askedUs : lastHandedOn(book, askedUs);
    return [...byTopic]
      .filter(([topic]) => matches(filter, topic))
      .flatMap(([topic, messages]) => {
        const right = candidates(messages, ackedBefore, atUs);
        const seq = foundSeq.get(topic);
        if (seq === undefined) {
          // Nothing says when the last one has come, and a broker that is busy or dies sends some of them later.
          const mayBeAbsent = !isLast || right.some((each) => each === null || each.isRemoval);
          return mayBeAbsent ? [] : [`nothing on ${topic}, not ${right.at(-1)?.seq}`];
        }
        if (right.some((each) => each?.seq === seq && !each.isRemoval)) return [];
        return [`${seq} on ${topic}, not ${right.map((each) => each?.seq ?? 'nothing').join(' or ')}`];
      });
  });
}

/** What was acknowledged by then was surely with its owner when somebody asked. */
function lastHandedOn(book: Book, askedUs: number): number {
  if (book.isAlone(0, askedUs)) return askedUs;
  // What has just been acknowledged may lie in the outbox of a shard whose peer is coming back.
  return askedUs - book.readyBefore(askedUs) > RECOVERY_US ? askedUs - UNDER_WAY_US : 0;
}

/** What may be there: the last that was acknowledged by then (null: none was), or one sent after it. */
function candidates(
  messages: readonly SentMessage[],
  ackedBeforeUs: number,
  readUs: number,
): (SentMessage | null)[] {
  const sent = messages.filter(({ sentUs }) => sentUs <= readUs).sort((one, other) => one.seq - other.seq);
  const last = sent.findLastIndex(({ ackedUs }) => ackedUs <= ackedBeforeUs);
  return last < 0 ? [null, ...sent] : sent.slice(last);
}
