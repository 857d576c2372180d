/**
 * The filters of all subscriptions on this node, in order, while somebody asks for lists of them. Every shard knows all
 * filters; each lists those whose hash falls to it, so each is listed once. The index is built in slices when it is
 * first asked for, kept current, and forgotten a minute after it was last asked for: nothing is spent while nobody
 * asks. Runs on the shard's thread.
 */
import type { ListCursor, ListLot, ListMarks, RouteRow } from '../../src/actor/list-protocol.js';
import { BrokerError } from '../../src/base/errors.js';
import { WheelItem } from '../../src/base/timer-wheel.js';
import {
  LISTED_LOT_CHARS_MAX,
  LISTED_LOT_ROWS_MAX,
  ROUTES_BUILD_MS_PER_TURN,
  ROUTES_BUILD_SLICE,
  ROUTES_INDEXED_MAX,
  ROUTES_KEPT_MS,
} from '../../src/limits.js';
import type { Core } from '../core.js';
import { LOCAL_PREFIX } from '../routing/share-group.js';
import type { Runnable } from '../turn.js';
import { marksOf } from './marks.js';
import { SortedKeys } from './sorted-keys.js';

export class RouteIndex extends WheelItem implements Runnable {
  queued = false;
  /** Null while nobody asks. */
  private keys: SortedKeys | null = null;
  /** Filters below this number are in it; Infinity: all are. */
  private built = 0;
  /** Until the deadline, however often somebody asks: then it is tried again. */
  private isTooLarge = false;
  private readonly waiting: (() => void)[] = [];

  constructor(
    private readonly core: Core,
    private readonly indexedMax = ROUTES_INDEXED_MAX,
  ) {
    super();
  }

  async marks(from: string | null, to: string | null): Promise<ListMarks> {
    return marksOf(await this.index(), false, from, to);
  }

  async rows(from: ListCursor | null, max: number): Promise<ListLot<RouteRow>> {
    const index = await this.index();
    const most = Math.min(max, LISTED_LOT_ROWS_MAX);
    const keys = index.keysFrom(from?.key ?? null, most + 1, false);
    const rows: RouteRow[] = [];
    let chars = 0;
    for (const key of keys) {
      if (rows.length === most || chars > LISTED_LOT_CHARS_MAX)
        return { rows, next: { key, skip: 0, after: null }, total: index.size, chars };
      rows.push(rowOf(key));
      chars += key.length;
    }
    return { rows, next: null, total: index.size, chars };
  }

  /** Rows of one filter; also of one that has `$local/` in front. */
  find(text: string): RouteRow[] {
    const { router } = this.core;
    if (text.startsWith(LOCAL_PREFIX)) {
      const filter = text.slice(LOCAL_PREFIX.length);
      const isThere = filter !== '' && router.routes.of(filter).isLocal;
      return isThere ? [{ filter, isLocal: true }] : [];
    }
    if (text === '') return [];
    const { isGlobal, isLocal } = router.routes.of(text);
    const rows: RouteRow[] = [];
    if (isGlobal) rows.push({ filter: text, isLocal: false });
    if (isLocal) rows.push({ filter: text, isLocal: true });
    return rows;
  }

  /** Puts the filters in, as many as a turn may take. */
  run(): boolean {
    const { clock, router } = this.core;
    const untilMs = clock.monotonicMs() + ROUTES_BUILD_MS_PER_TURN;
    while (this.keys !== null && this.built < router.routes.end) {
      if (clock.monotonicMs() >= untilMs) return true;
      const end = Math.min(router.routes.end, this.built + ROUTES_BUILD_SLICE);
      for (; this.built < end && this.keys !== null; this.built += 1) this.look(this.built);
    }
    if (this.keys !== null) this.built = Number.POSITIVE_INFINITY;
    for (const resolve of this.waiting.splice(0)) resolve();
    return false;
  }

  /** Forgets the index. */
  override onDeadline(): void {
    if (this.queued) {
      this.core.wheel.schedule(this.core.turn.nowMs + ROUTES_KEPT_MS, this);
      return;
    }
    this.isTooLarge = false;
    this.forget();
  }

  private forget(): void {
    this.keys = null;
    this.built = 0;
    this.core.router.routes.watch(null);
  }

  private async index(): Promise<SortedKeys> {
    const { turn, wheel, router } = this.core;
    turn.enter();
    if (this.isTooLarge) throw tooLarge();
    wheel.schedule(turn.nowMs + ROUTES_KEPT_MS, this);
    if (this.keys === null) {
      this.keys = new SortedKeys();
      router.routes.watch((filter) => this.changed(filter));
      turn.queue(this);
    }
    if (this.queued) await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (this.keys === null) throw tooLarge();
    return this.keys;
  }

  /** A filter has come, or is about to go, or others subscribe to it now. */
  private changed(filter: number): void {
    // Those above are still to be put in.
    if (filter < this.built) this.look(filter);
  }

  private look(filter: number): void {
    const keys = this.keys!;
    const { router, topicHash, shard, shards } = this.core;
    const bytes = router.routes.bytesAt(filter);
    if (bytes === null || (topicHash.hash(bytes, 0, bytes.length) >>> 0) % shards !== shard) return;
    const text = bytes.toString('utf8');
    const { isGlobal, isLocal } = router.routes.at(filter);
    if (isGlobal) keys.add(text, 1);
    else keys.remove(text);
    if (isLocal) keys.add(LOCAL_PREFIX + text, 1);
    else keys.remove(LOCAL_PREFIX + text);
    if (keys.size <= this.indexedMax) return;
    this.isTooLarge = true;
    this.forget();
  }
}

const tooLarge = (): BrokerError =>
  new BrokerError('REQUEST_FAILED', 'there are too many routes to list them');

function rowOf(key: string): RouteRow {
  const isLocal = key.startsWith(LOCAL_PREFIX);
  return { filter: isLocal ? key.slice(LOCAL_PREFIX.length) : key, isLocal };
}
