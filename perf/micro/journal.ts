/**
 * What the journal costs: `node --expose-gc dist/perf/micro/journal.js`. Nanoseconds per message, of a journal with
 * rows in memory in the place of a store; the best of several rounds. Then the start: five million entries. One thread.
 */
import { createMessage, type Message } from '../../src/protocol/message.js';
import type { Change, Row, Table } from '../../src/storage/tables.js';
import { Journal } from '../../workers/store/journal.js';
import type { RestoreTarget } from '../../workers/store/restored-entries.js';
import { MemoryStore } from '../../workers/store/store.js';

const ROUNDS = 8;
const ROUND_MESSAGES = 200_000;
const PAYLOAD_BYTES = 64;
const STORED_ENTRIES = Number(process.argv[2] ?? 5_000_000);
const STORED_SESSIONS = 100_000;

/** Rows by key, in the order of their first writing, which is that of the keys. */
class RowMap extends MemoryStore {
  override readonly isKeeping: boolean = true;
  readonly byKey = new Map<string, Row>();
  bytesWritten = 0;
  /** False: what is written is gone. */
  keeps = true;

  override rows(_table: Table): Iterable<Row> {
    return this.byKey.values();
  }

  override get(_table: Table, key: Buffer): Buffer | null {
    return this.byKey.get(key.toString('latin1'))?.value ?? null;
  }

  override commit(changes: readonly Change[], done: (ok: boolean) => void): void {
    for (const { key, value } of changes) {
      if (value === null) this.byKey.delete(key.toString('latin1'));
      else if (this.keeps) this.byKey.set(key.toString('latin1'), { key, value });
      this.bytesWritten += value?.length ?? 0;
    }
    done(true);
  }
}

const quiet = {
  touch: (): void => {},
  get nowMs(): number {
    return performance.now();
  },
};

function message(i: number): Message {
  const payload = Buffer.alloc(PAYLOAD_BYTES, i & 0xff);
  return createMessage({
    topic: `devices/${i % 1_000}/state`,
    payload,
    qos: 1,
    retain: false,
    receivedAtMs: 1e12,
  });
}

const MESSAGES = Array.from({ length: 4_096 }, (_, i) => message(i));
const messageAt = (i: number): Message => MESSAGES[i & 4_095]!;

class Bench {
  readonly store = new RowMap();
  readonly journal = new Journal(this.store, quiet);
  collectNs = 0n;

  enter(i: number, packetId: number): number {
    return this.journal.entered(1 + (i % 1_000), messageAt(i), 1, 0, packetId, null, null);
  }

  /** Only the journal's part of it is timed. */
  commit(): void {
    const changes: Change[] = [];
    const start = process.hrtime.bigint();
    this.journal.collect(changes);
    this.collectNs += process.hrtime.bigint() - start;
    this.store.commit(changes, () => this.journal.committed());
  }
}

function report(title: string, value: number, unit: string): void {
  process.stdout.write(`${title.padEnd(76)} ${value.toFixed(value < 100 ? 1 : 0).padStart(9)} ${unit}\n`);
}

/** `round` answers the nanoseconds of one message. */
function best(title: string, round: () => number, unit = 'ns'): void {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i++) least = Math.min(least, round());
  report(title, least, unit);
}

function timed(messages: number, work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / messages;
}

function within(perCommit: number): number {
  const bench = new Bench();
  const entries = new Float64Array(perCommit);
  return timed(ROUND_MESSAGES, () => {
    for (let i = 0; i < ROUND_MESSAGES; i += perCommit) {
      for (let k = 0; k < perCommit; k++) entries[k] = bench.enter(i + k, k + 1);
      for (let k = 0; k < perCommit; k++) bench.journal.done(entries[k]!);
      bench.commit();
    }
  });
}

// Each is over in the commit after its own. @returns without what collecting takes
function across(perCommit: number, lastingPer: number, ofCollect: boolean): number {
  const bench = new Bench();
  let previous = new Float64Array(perCommit);
  let entries = new Float64Array(perCommit);
  const start = process.hrtime.bigint();
  for (let i = 0; i < ROUND_MESSAGES; i += perCommit) {
    for (let k = 0; k < perCommit; k++) entries[k] = bench.enter(i + k, k + 1);
    for (let k = 0; k < perCommit; k++)
      if (i > 0 && k % lastingPer !== 0) bench.journal.acknowledged(previous[k]!);
    bench.commit();
    if ((i / perCommit) % 50 === 0) bench.journal.sweep();
    [previous, entries] = [entries, previous];
  }
  const allNs = Number(process.hrtime.bigint() - start);
  if (ofCollect) return Number(bench.collectNs) / bench.store.bytesWritten;
  return (allNs - Number(bench.collectNs)) / ROUND_MESSAGES;
}

/** Queued, sent when the client is back, acknowledged. */
function drained(perCommit: number): number {
  const bench = new Bench();
  const entries = new Float64Array(ROUND_MESSAGES);
  for (let i = 0; i < ROUND_MESSAGES; i++) {
    entries[i] = bench.enter(i, 0);
    if (i % perCommit === 0) bench.commit();
  }
  bench.commit();
  return timed(ROUND_MESSAGES, () => {
    for (let i = 0; i < ROUND_MESSAGES; i += perCommit) {
      for (let k = i; k < i + perCommit; k++) bench.journal.sent(entries[k]!, 1 + (k & 0xff), 1);
      bench.commit();
      for (let k = i; k < i + perCommit; k++) bench.journal.acknowledged(entries[k]!);
      bench.commit();
      bench.journal.sweep();
    }
  });
}

best('entered + done, in one record, 100 per commit, collect included', () => within(100));
for (const perCommit of [1, 10, 100, 1_000]) {
  best(`entered + done in the next commit, ${perCommit} per commit, without collect`, () =>
    across(perCommit, perCommit + 1, false),
  );
}
best('  collect, 100 per commit, per byte', () => across(100, 101, true), 'ns');
best('  collect, 1,000 per commit, per byte', () => across(1_000, 1_001, true), 'ns');
best('entered + done, one of ten lasts, 100 per commit, without collect', () => across(100, 10, false));
best('  collect, per byte', () => across(100, 10, true), 'ns');
best('queued: sent + done, 100 per commit, collect and sweeps included', () => drained(100));
best('queued: sent + done, 1 per commit, collect and sweeps included', () => drained(1));

function heapBytes(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** What the journal itself remembers, without messages, queues and rows. */
function memory(perCommit: number): void {
  const bench = new Bench();
  bench.store.keeps = false;
  const count = 500_000;
  const before = heapBytes();
  for (let i = 0; i < count; i += perCommit) {
    for (let k = 0; k < perCommit; k++) bench.enter(i + k, 0);
    bench.commit();
  }
  const { journal } = bench;
  const records = journal.usedRecords;
  const rowBytes = journal.usedBytes;
  const bytes = heapBytes() - before;
  report(`memory of the journal per queued message, ${perCommit} per commit`, bytes / count, 'bytes');
  report('  rows per queued message', rowBytes / count, 'bytes');
  report('  records', records, '');
  if (journal.usedRecords !== records) throw new Error('it was given up');
}

memory(1);
memory(10);
memory(1_000);

class Sink implements RestoreTarget {
  count = 0;
  restoreInFlight(): boolean {
    this.count++;
    return true;
  }
  restoreQueued(): void {
    this.count++;
  }
  restoreInbound(): boolean {
    this.count++;
    return true;
  }
}

function start(): void {
  const bench = new Bench();
  for (let i = 0; i < STORED_ENTRIES; i++) {
    bench.journal.entered(1 + (i % STORED_SESSIONS), messageAt(i), 1, 0, 0, null, null);
    if (i % 100 === 99) bench.commit();
  }
  bench.commit();
  const before = heapBytes();
  const journal = new Journal(bench.store, quiet);
  const started = process.hrtime.bigint();
  let longestNs = 0n;
  let stepStart = started;
  const loading = journal.load(bench.store.rows('journal'));
  let next = loading.next();
  for (; next.done !== true; next = loading.next()) {
    const now = process.hrtime.bigint();
    if (now - stepStart > longestNs) longestNs = now - stepStart;
    stepStart = now;
  }
  const loadNs = Number(process.hrtime.bigint() - started);
  const whileLoading = heapBytes() - before;
  const target = new Sink();
  const sessions = [...next.value.sessions()];
  const givingNs = timed(STORED_ENTRIES, () => {
    for (const session of sessions) next.value.restore(session, target);
  });
  report(`load, ${target.count} entries, per entry`, loadNs / STORED_ENTRIES, 'ns');
  report('  longest step', Number(longestNs) / 1e6, 'ms');
  report('  restore of all sessions, per entry', givingNs, 'ns');
  report('  memory while loading, messages included, per entry', whileLoading / STORED_ENTRIES, 'bytes');
}

start();
