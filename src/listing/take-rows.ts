/** Puts a page together from the lots of several shards, each in order. Main thread. */
import type { ListCursor, ListLot } from '../actor/list-protocol.js';
import { BrokerError } from '../base/errors.js';
import { LISTED_LOT_ROWS_MAX, LISTED_PAGE_CHARS_MAX } from '../limits.js';

/** Asks one shard for rows from a place on (null: from the first). */
export type AskRows<Row> = (shard: number, from: ListCursor | null, max: number) => Promise<ListLot<Row>>;

export interface Taken<Row> {
  readonly rows: readonly Row[];
  /** Rows of all shards. */
  readonly total: number;
}

/** Rows a shard is asked for at first beyond its even share of a page: shares are not that even. */
const SHARE_EXTRA = 20;

/**
 * Takes the first `max` rows from a place on. `keyOf` is their order; rows of one key are all of one shard.
 * @throws BrokerError REQUEST_FAILED when they are too long to be held at once
 */
export async function takeRows<Row>(
  shards: number,
  ask: AskRows<Row>,
  keyOf: (row: Row) => string,
  from: ListCursor | null,
  max: number,
): Promise<Taken<Row>> {
  const share = Math.ceil(max / shards) + SHARE_EXTRA;
  const lot = Math.min(max, share, LISTED_LOT_ROWS_MAX);
  const sources = Array.from({ length: shards }, (_, shard) => {
    return new Source((cursor) => ask(shard, cursor, lot), from, share);
  });
  const rows: Row[] = [];
  for (;;) {
    const empty = sources.filter((source) => source.isEmpty);
    await Promise.all(empty.map((source) => source.refill()));
    const chars = sources.reduce((sum, source) => sum + source.chars, 0);
    if (chars > LISTED_PAGE_CHARS_MAX)
      throw new BrokerError('REQUEST_FAILED', 'the page is too large; ask for one with fewer rows');
    // Of a shard that has none left here it is not known what comes next.
    while (rows.length < max && !sources.some((source) => source.isEmpty)) {
      const source = lowest(sources, keyOf);
      if (source === null) break;
      rows.push(source.take());
    }
    if (rows.length === max || sources.every((source) => source.isDone)) break;
  }
  return { rows, total: sources.reduce((sum, source) => sum + source.total, 0) };
}

/** The rows of one shard, one lot after the other; while it is likely to be needed, the next is on its way. */
class Source<Row> {
  total = 0;
  chars = 0;
  private rows: readonly Row[] = [];
  private at = 0;
  private received = 0;
  private coming: Promise<ListLot<Row>> | null;
  /** Where the lot after these rows begins, as long as it is not on its way. */
  private rest: ListCursor | null = null;

  constructor(
    private readonly ask: (from: ListCursor | null) => Promise<ListLot<Row>>,
    from: ListCursor | null,
    /** Rows that are likely to be taken. */
    private readonly share: number,
  ) {
    this.coming = this.order(from);
  }

  /** Its next row has not come yet. */
  get isEmpty(): boolean {
    return this.at === this.rows.length && (this.coming !== null || this.rest !== null);
  }

  /** It has no more. */
  get isDone(): boolean {
    return this.at === this.rows.length && !this.isEmpty;
  }

  get next(): Row | null {
    return this.rows[this.at] ?? null;
  }

  take(): Row {
    const row = this.rows[this.at]!;
    this.at += 1;
    return row;
  }

  async refill(): Promise<void> {
    this.coming ??= this.order(this.rest);
    const { rows, next, total, chars } = await this.coming;
    this.rows = rows;
    this.at = 0;
    this.chars += chars;
    // The first answer counts: it is from the time of the page.
    if (this.total === 0) this.total = total;
    this.received += rows.length;
    const isLikely = next !== null && this.received < this.share;
    this.coming = isLikely ? this.order(next) : null;
    this.rest = isLikely ? null : next;
  }

  private order(from: ListCursor | null): Promise<ListLot<Row>> {
    const coming = this.ask(from);
    // Nobody may wait for it any more when it fails.
    coming.catch(() => undefined);
    return coming;
  }
}

/** @returns the one with the lowest row; null: none has any */
function lowest<Row>(sources: readonly Source<Row>[], keyOf: (row: Row) => string): Source<Row> | null {
  let found: Source<Row> | null = null;
  let foundKey = '';
  for (const source of sources) {
    if (source.next === null) continue;
    const key = keyOf(source.next);
    if (found !== null && key >= foundKey) continue;
    found = source;
    foundKey = key;
  }
  return found;
}
