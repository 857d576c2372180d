/**
 * Brings back what a shard had when it ended: sessions, their subscriptions, the messages on their way to them, what is
 * retained. In slices, before the shard takes anything; nothing is committed meanwhile. Runs on the shard's thread.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { shardOfSlot } from '../../src/actor/slots.js';
import { RESTORE_LOOK_ROWS, RESTORE_PROGRESS_MS, RESTORE_SLICE_MS } from '../../src/limits.js';
import { slotOfKey } from '../../src/storage/keys.js';
import { NEXT_SESSION_KEY, nextSessionOf } from '../../src/storage/meta-rows.js';
import { writtenLater } from '../../src/storage/refusal.js';
import { decodeRetained } from '../../src/storage/retained-record.js';
import { decodeSession, type Unreadable } from '../../src/storage/session-record.js';
import { SubscriptionReader } from '../../src/storage/subscription-record.js';
import type { Row, Table } from '../../src/storage/tables.js';
import type { Core } from '../core.js';
import type { Session } from '../session/session.js';
import { Absences } from './absences.js';
import { LostRows } from './lost-rows.js';
import type { RestoredEntries } from './restored-entries.js';
import type { Store } from './store.js';

/** `what` is being read: rows so far, and in all. */
export type OnProgress = (what: string, rows: number, ofRows: number) => void;

const NAMES: { readonly [T in Table]?: string } = {
  journal: 'records of messages',
  retained: 'retained messages',
};

/** Of whose rows nothing is held on to. */
const PASSING: ReadonlySet<Table> = new Set(['sessions', 'subscriptions']);

/** `useless`: nobody needs it any more. */
type Taken = 'taken' | 'useless' | Unreadable;

export class Restore {
  /** Everything is back. */
  isOver = false;
  private readonly sessions: Session[] = [];
  private readonly byNumber = new Map<number, Session>();
  private lastNumber = 0;
  private readonly subscriptions = new SubscriptionReader();
  /** Whose subscription was read last. */
  private last: Session | null = null;
  private readonly lost: LostRows;
  private sliceEndMs = 0;
  private toldMs: number;
  private rows = 0;
  private ofRows = 0;
  private isStopped = false;
  private running: Promise<boolean> = Promise.resolve(true);

  constructor(
    private readonly core: Core,
    private readonly store: Store,
    private readonly onProgress: OnProgress,
  ) {
    this.toldMs = core.clock.monotonicMs();
    this.lost = new LostRows(core.main);
  }

  /** @returns false when it was stopped. @throws Error when a later version of the broker has written something */
  run(): Promise<boolean> {
    this.running = this.readAll();
    return this.running;
  }

  /** From now on clients come, and other shards are known. */
  clientsCome(): void {
    this.core.turn.queue(new Absences(this.core, this.sessions));
  }

  /** Resolves when `run` has come to its end. Nothing is to be committed then: what is here is not whole. */
  async stop(): Promise<void> {
    this.isStopped = true;
    // Whether it failed is for `run` to say.
    await this.running.catch(() => false);
  }

  private async readAll(): Promise<boolean> {
    const { core } = this;
    core.commits.suspend();
    await this.each('sessions', (row) => this.session(row));
    core.router.expect(this.store.count('subscriptions'), core.shards);
    await this.each('subscriptions', (row) => this.subscription(row));
    await this.messages();
    await this.each('retained', (row) => this.retained(row));
    await this.each('outbox', (row) => core.outbox.restore(row));
    await this.each('applied', (row) => core.outbox.restoreApplied(row));
    if (this.isStopped) return false;
    this.lost.conclude(core.shard, core.clock.wallMs());
    core.listing.restored(this.sessions.filter(({ durable }) => durable));
    core.keeper.open(this.nextNumber());
    core.commits.resume();
    this.isOver = true;
    return true;
  }

  private async each(table: Table, take: (row: Row) => Taken): Promise<void> {
    if (this.isStopped) return;
    this.begin(table);
    let untilLook = RESTORE_LOOK_ROWS;
    for (const row of this.store.rows(table, PASSING.has(table))) {
      this.judge(table, row, take(row));
      if (--untilLook > 0) continue;
      untilLook = RESTORE_LOOK_ROWS;
      this.rows += RESTORE_LOOK_ROWS;
      if (this.isSliceOver) await this.pause(table);
      if (this.isStopped) return;
    }
    this.lost.report(table);
  }

  private judge(table: Table, { key }: Row, taken: Taken): void {
    if (taken === 'taken') return;
    if (taken === 'newer') throw writtenLater(`table ${table}`);
    if (taken === 'damaged') this.lost.add(key, table);
    this.core.keeper.discard(table, key);
  }

  private session(row: Row): Taken {
    const record = decodeSession(row, false);
    if (typeof record === 'string') return record;
    const slot = slotOfKey(row.key);
    const { number } = record;
    if (!this.isOurs(slot) || (number !== 0 && this.byNumber.has(number))) return 'damaged';
    this.lastNumber = Math.max(this.lastNumber, number);
    // It has ended with its connection, and left nothing.
    if (record.expirySeconds === 0 && record.will === null) return 'useless';
    const session = this.core.sessions.restore(record, slot);
    this.sessions.push(session);
    if (session.durable) this.byNumber.set(number, session);
    return 'taken';
  }

  private subscription(row: Row): Taken {
    const { subscriptions, last } = this;
    const fault = subscriptions.read(row);
    if (fault !== null) return fault;
    const number = subscriptions.session;
    // Those of one session lie together.
    const session = last?.number === number ? last : (this.byNumber.get(number) ?? null);
    if (number > this.lastNumber) this.lastNumber = number;
    // It has ended, and not all of its subscriptions were gone.
    if (session === null) return 'useless';
    // Then no two rows are of the same subscription, and nobody has to look.
    if (slotOfKey(row.key) !== session.keptSlot) return 'damaged';
    this.last = session;
    this.core.router.restore(session, subscriptions);
    return 'taken';
  }

  private async messages(): Promise<void> {
    if (this.isStopped) return;
    const { core } = this;
    this.begin('journal');
    const loading = core.journal.load(this.store.rows('journal'));
    let entries: RestoredEntries | null = null;
    while (entries === null) {
      const step = loading.next();
      if (step.done === true) entries = step.value;
      else if (this.isSliceOver) await this.pause('journal');
      if (this.isStopped) return;
      this.rows++;
    }
    if (entries.isNewer) throw writtenLater('table journal');
    if (entries.damagedRows > 0) this.lost.count('journal', entries.damagedRows);
    this.lost.report('journal');
    for (const number of [...entries.sessions()]) {
      this.lastNumber = Math.max(this.lastNumber, number);
      const session = this.byNumber.get(number);
      if (session !== undefined) entries.restore(number, session);
      if (this.isSliceOver) await this.pause('journal');
      if (this.isStopped) return;
    }
    for (const _ of entries.forgetRest()) if (this.isSliceOver) await this.pause('journal');
  }

  private retained(row: Row): Taken {
    const record = decodeRetained(row);
    if (typeof record === 'string') return record;
    if (!this.isOurs(slotOfKey(row.key))) return 'damaged';
    this.core.retained.restore(record);
    return 'taken';
  }

  private isOurs(slot: number): boolean {
    return shardOfSlot(slot, this.core.shards) === this.core.shard;
  }

  private nextNumber(): number {
    const value = this.store.get('meta', NEXT_SESSION_KEY);
    const next = value === null ? 1 : nextSessionOf(value);
    if (next === 'newer') throw writtenLater('table meta');
    return Math.max(next === 'damaged' ? 1 : next, this.lastNumber + 1);
  }

  private begin(table: Table): void {
    this.rows = 0;
    this.ofRows = this.store.count(table);
  }

  private get isSliceOver(): boolean {
    return this.core.clock.monotonicMs() >= this.sliceEndMs;
  }

  private async pause(table: Table): Promise<void> {
    const { core } = this;
    // Other shards are told everything when they are joined.
    core.router.interest.forgetInterestChanges();
    const nowMs = core.clock.monotonicMs();
    if (nowMs - this.toldMs >= RESTORE_PROGRESS_MS) {
      this.toldMs = nowMs;
      this.onProgress(NAMES[table] ?? table, this.rows, this.ofRows);
    }
    await nextTurn();
    this.sliceEndMs = core.clock.monotonicMs() + RESTORE_SLICE_MS;
  }
}
