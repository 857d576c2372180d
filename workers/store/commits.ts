/**
 * One commit after the other: gathers what has changed in all parts of the shard that keep something, hands it to the
 * store, and calls back whoever waits for it. Runs on the shard's thread.
 */
import { COMMIT_DELAY_MS, COMMIT_LATE_MS, COMMIT_RETRY_MS } from '../../src/limits.js';
import type { Counters } from '../../src/metrics/counters.js';
import type { Change } from '../../src/storage/tables.js';
import type { Turn } from '../turn.js';
import type { Store } from './store.js';

/** A part of the shard that has something to keep. */
export interface CommitSource {
  /** Adds to `changes` what has changed since it was last asked. */
  collect(changes: Change[]): void;
  /** What was collected last is safe. */
  committed(): void;
}

/** Told when commits begin to fail, if possible why, and when they succeed again. */
export type OnFailing = (isFailing: boolean, why?: string) => void;

export class Commits {
  /** A commit has failed, and none has succeeded since. */
  isFailing = false;
  onFailing: OnFailing = () => {};
  /** Told when the store becomes full, and when it is no longer. */
  onFull: (isFull: boolean) => void = () => {};
  /** Of the commit that will hold what changes now. They rise by one. */
  nextNumber = 1;

  private readonly sources: CommitSource[] = [];
  /** Callbacks for the next commit. */
  private waiting: (() => void)[] = [];
  /** Callbacks of the commit that is under way or has failed. */
  private underway: (() => void)[] = [];
  /** What has to be tried again; null: nothing. */
  private refused: Change[] | null = null;
  private isUnderway = false;
  private wasFull = false;
  private beganMs = 0;
  /** Calls of `suspend` without their `resume`. */
  private suspensions = 0;
  private isClosed = false;
  private hasChanges = false;
  private changedMs = 0;
  private retryMs = 0;

  constructor(
    private readonly store: Store,
    private readonly turn: Turn,
    private readonly counters: Pick<Counters, 'commits' | 'commitBytes'>,
  ) {}

  /** Nothing that has to be kept may be taken on: commits fail, or there is no room. Read for every such PUBLISH. */
  get isRefusing(): boolean {
    return this.isFailing || this.store.isFull;
  }

  /** The commit under way takes so long that what gathers behind it could become too much. */
  get isLate(): boolean {
    return this.isUnderway && this.turn.nowMs - this.beganMs >= COMMIT_LATE_MS;
  }

  /** At the start of this turn, monotonic. */
  get nowMs(): number {
    return this.turn.nowMs;
  }

  add(source: CommitSource): void {
    this.sources.push(source);
  }

  /** Calls back once, when everything that has changed until now is safe. That may be at this turn's end, or never. */
  whenSafe(callback: () => void): void {
    this.waiting.push(callback);
  }

  /** Something has changed that nobody waits for: it goes with the next commit, after COMMIT_DELAY_MS at the latest. */
  touch(): void {
    if (this.hasChanges) return;
    this.hasChanges = true;
    this.changedMs = this.turn.nowMs;
  }

  /** Something is moved from one place to another in several turns: no commit begins until `resume`. */
  suspend(): void {
    this.suspensions++;
  }

  resume(): void {
    this.suspensions--;
  }

  /** End of the turn: one commit for everything that waits, unless one is under way. */
  endTurn(): void {
    if (this.waiting.length > 0) this.begin();
  }

  /** To be called several times a second. */
  sweep(nowMs: number): void {
    const { isFull } = this.store;
    if (isFull !== this.wasFull) {
      this.wasFull = isFull;
      this.onFull(isFull);
    }
    if (this.refused !== null && nowMs >= this.retryMs) this.begin();
    else if (this.hasChanges && nowMs - this.changedMs >= COMMIT_DELAY_MS) this.begin();
  }

  /** Calls back when nothing is left to be kept, or nothing can be. */
  flush(callback: () => void): void {
    this.whenSafe(callback);
    this.begin();
  }

  /** The store is being closed: no commit begins any more. */
  close(): void {
    this.isClosed = true;
  }

  private begin(): void {
    if (this.isClosed || this.isUnderway || (this.refused !== null && this.turn.nowMs < this.retryMs)) return;
    if (this.suspensions > 0 && this.refused === null) return;
    const changes = this.refused ?? this.collect();
    this.isUnderway = true;
    this.beganMs = this.turn.nowMs;
    this.store.commit(changes, (ok, why) => this.ended(changes, ok, why));
  }

  private collect(): Change[] {
    const changes: Change[] = [];
    this.nextNumber++;
    this.underway = this.waiting;
    this.waiting = [];
    this.hasChanges = false;
    if (!this.store.isKeeping) return changes;
    for (const source of this.sources) source.collect(changes);
    this.count(changes);
    return changes;
  }

  private count(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    let bytes = 0;
    for (const { key, value } of changes) bytes += key.length + (value?.length ?? 0);
    this.counters.commits++;
    this.counters.commitBytes += bytes;
  }

  private ended(changes: Change[], ok: boolean, why?: string): void {
    this.turn.enter();
    this.isUnderway = false;
    this.refused = ok ? null : changes;
    if (!ok) this.retryMs = this.turn.nowMs + COMMIT_RETRY_MS;
    if (ok === this.isFailing) {
      this.isFailing = !ok;
      this.onFailing(!ok, why);
    }
    if (!ok) return;
    for (const source of this.sources) source.committed();
    const callbacks = this.underway;
    this.underway = [];
    for (const callback of callbacks) callback();
  }
}
