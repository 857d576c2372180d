/**
 * Keeps the rows of a shard in an lmdb environment of its own. Runs on the shard's thread; lmdb writes and syncs on
 * threads of the libuv pool.
 *
 * lmdb syncs after every commit; syncs that would follow each other at once are one. At level `process` the next
 * commits do not wait for that, up to a number and an age. So a power cut loses what was acknowledged within
 * `mqtt.persistence.flush_interval`, and nothing else, however slow the disk is.
 */
import type { Clock } from '../../src/base/clock.js';
import { messageOf } from '../../src/base/errors.js';
import { Environment } from '../../src/storage/environment.js';
import { FORMAT_KEY, FORMAT_ROW, formatOf } from '../../src/storage/meta-rows.js';
import { writtenLater } from '../../src/storage/refusal.js';
import { type Change, type Row, TABLES, type Table } from '../../src/storage/tables.js';
import { canWrite, writeAnew } from './disk-trials.js';
import type { CommitDone, Store } from './store.js';
import { StoreSize } from './store-size.js';

/** `process`: a commit survives the end of the process; `disk`: that of the machine. */
export type KeepingLevel = 'process' | 'disk';

export interface LmdbStoreOptions {
  /** Created when missing. */
  readonly directory: string;
  readonly level: KeepingLevel;
  /** A commit begins only when every earlier one of so long ago is on the disk. */
  readonly flushIntervalMs: number;
  /** Commits whose syncs may be under way at one time. */
  readonly unsyncedMax: number;
  /** 0: no limit. */
  readonly maxBytes: number;
}

/** A commit whose sync is not over. */
interface Unsynced {
  readonly beganMs: number;
}

export class LmdbStore implements Store {
  readonly isKeeping = true;
  private environment: Environment<Table>;
  private readonly size: StoreSize;
  private readonly unsynced: Unsynced[] = [];
  /** The commit that waits for syncs; null: none does. */
  private waiting: { readonly changes: readonly Change[]; readonly done: CommitDone } | null = null;
  /** A commit has failed: whether the disk takes anything is tried before the next. */
  private isRefused = false;
  /** A sync has failed: everything is written anew before the next commit. */
  private isDoubtful = false;
  /** lmdb has given up: the environment is opened again before the next commit. */
  private isUnusable = false;
  private isFormatWritten: boolean;

  /** @throws StoreRefusal; Error when the environment cannot be opened */
  constructor(
    private readonly options: LmdbStoreOptions,
    private readonly clock: Clock,
  ) {
    this.environment = this.open();
    this.size = new StoreSize(options.maxBytes, clock);
    this.size.look(this.environment);
    this.isFormatWritten = this.hasFormat();
  }

  get usedBytes(): number {
    return this.environment.usedBytes;
  }

  get isFull(): boolean {
    return this.size.isFull;
  }

  rows(table: Table, isPassing?: boolean): Iterable<Row> {
    return this.environment.rows(table, isPassing);
  }

  count(table: Table): number {
    return this.environment.count(table);
  }

  get(table: Table, key: Buffer): Buffer | null {
    return this.isUnusable ? null : this.environment.get(table, key);
  }

  commit(changes: readonly Change[], done: CommitDone): void {
    if (changes.length === 0) {
      done(true);
      return;
    }
    if (!this.isRefused) {
      this.size.add(changes);
      this.beginInTime(changes, done);
      return;
    }
    this.mend().then(
      () => this.begin(changes, done),
      (error) => done(false, messageOf(error)),
    );
  }

  async close(): Promise<void> {
    await this.environment.close();
  }

  private open(): Environment<Table> {
    const environment = Environment.openedNow(this.options.directory, TABLES);
    if (environment.isUsable) return environment;
    environment.closeNow();
    throw new Error('lmdb could not write while it was being opened');
  }

  private hasFormat(): boolean {
    const format = formatOf(this.environment.get('meta', FORMAT_KEY));
    if (format === 'newer') {
      this.environment.closeNow();
      throw writtenLater('its tables');
    }
    return format === 'known';
  }

  private beginInTime(changes: readonly Change[], done: CommitDone): void {
    if (this.isTooFarAhead()) this.waiting = { changes, done };
    else this.begin(changes, done);
  }

  private isTooFarAhead(): boolean {
    const { unsynced, options } = this;
    if (unsynced.length === 0) return false;
    if (unsynced.length >= options.unsyncedMax) return true;
    return this.clock.monotonicMs() - unsynced[0]!.beganMs >= options.flushIntervalMs;
  }

  private begin(changes: readonly Change[], done: CommitDone): void {
    const { level } = this.options;
    const mine = { beganMs: this.clock.monotonicMs() };
    let isDone = false;
    const tell: CommitDone = (ok, why) => {
      if (isDone) return;
      isDone = true;
      done(ok, why);
    };
    let isCommitted = false;
    this.unsynced.push(mine);
    const rows = this.isFormatWritten ? changes : [...changes, FORMAT_ROW];
    this.environment.write(rows, {
      committed: () => {
        isCommitted = true;
        this.isFormatWritten = true;
        this.size.look(this.environment);
        if (level === 'process') tell(true);
      },
      flushed: () => {
        this.synced(mine);
        tell(true);
      },
      failed: (error) => {
        this.fell(isCommitted);
        this.synced(mine);
        tell(false, error.message);
      },
    });
  }

  /** The sync of a commit is over, or will never be. */
  private synced(one: Unsynced): void {
    this.unsynced.splice(this.unsynced.indexOf(one), 1);
    this.reopenIfUnusable();
    const { waiting } = this;
    if (waiting === null) return;
    this.waiting = null;
    if (this.isRefused) waiting.done(false);
    else this.beginInTime(waiting.changes, waiting.done);
  }

  private fell(isCommitted: boolean): void {
    this.isRefused = true;
    if (isCommitted) this.isDoubtful = true;
    if (!this.environment.isUsable) this.isUnusable = true;
  }

  // At once, since rows may be read at any time.
  private reopenIfUnusable(): void {
    if (!this.isUnusable || !this.environment.isIdle) return;
    try {
      this.reopen();
    } catch {
      // The next commit tries it again.
    }
  }

  // Rejects as long as there is reason to think that another attempt would fail too.
  private async mend(): Promise<void> {
    const { directory } = this.options;
    if (!this.environment.isIdle) throw new Error('syncs are under way');
    if (!(await canWrite(directory))) throw new Error('the disk takes nothing');
    if (this.isUnusable) this.reopen();
    if (this.isDoubtful) await writeAnew(directory, this.environment, (rename) => this.reopen(rename));
    this.isDoubtful = false;
    this.isRefused = false;
  }

  // In one turn, for the same reason.
  private reopen(between: () => void = () => {}): void {
    this.isUnusable = true;
    this.environment.closeNow();
    try {
      between();
    } finally {
      this.environment = this.open();
      this.isUnusable = false;
    }
  }
}
