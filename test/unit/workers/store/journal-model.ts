/** Random steps in the life of a journal, taken beside a model that remembers everything. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert';
import fc from 'fast-check';
import { JOURNAL_LATE_MS } from '../../../../src/limits.js';
import type { Message } from '../../../../src/protocol/message.js';
import type { Change } from '../../../../src/storage/tables.js';
import { PUBLISHED_QOS1, PUBLISHED_QOS2, RELEASED } from '../../../../workers/session/exchange.js';
import type { EntryGroup } from '../../../../workers/store/journal.js';
import { JournalBench, messageOf, type RestoredEntry } from './journal-bench.js';

type State = 'queued' | 'sent' | 'released' | 'inbound';

interface Known {
  readonly session: number;
  readonly message: Message | null;
  readonly qos: number;
  readonly flags: number;
  readonly identifiers: readonly number[] | null;
  readonly group: EntryGroup | null;
  readonly entry: number;
  packetId: number;
  state: State;
  /** Of its latest step. */
  order: number;
}

const SESSIONS = 5;
const GROUPS: readonly (EntryGroup | null)[] = [
  null,
  { filter: 'a/#', name: 'g' },
  { filter: 'ä', name: 'h' },
];

/** What must be there, in the order of entering. */
export class Model {
  readonly bench: JournalBench;
  known: Known[] = [];
  /** As of the latest commit that is safe, and of the one that was collected last. */
  private safe: Known[] = [];
  private collected: Known[] = [];
  private refused: Change[] | null = null;
  private order = 1;
  private packetId = 0;
  private messages: Message[] = [];
  private readonly ended = new Array<number>(SESSIONS).fill(0);
  /** Entries with QoS 1 that were acknowledged: they may come again. */
  private readonly acknowledged = new Set<number>();
  /** What each session was ever given. */
  private readonly texts = new Map<number, Set<string>>();

  /**
   * `isPrompt`: a crash leaves exactly what the last commit held. Otherwise what has happened to QoS 1 lately may be
   * missing.
   */
  constructor(private readonly isPrompt = true) {
    this.bench = new JournalBench(isPrompt);
  }

  enter(a: number, b: number): void {
    // Often a message that others have taken just before.
    const message =
      b % 3 > 0 && this.messages.length > 0
        ? this.messages.at(-1)!
        : messageOf('x'.repeat(b % 7 === 0 ? 30_000 : b));
    this.messages.push(message);
    const session = this.sessionOf(a);
    const qos = 1 + (b % 2);
    const packetId = a % 3 === 0 ? this.nextId() : 0;
    const identifiers = b % 5 === 0 ? [1, 268_435_455, b] : null;
    const group = GROUPS[b % 11] ?? null;
    const entry = this.bench.journal.entered(session, message, qos, b % 256, packetId, identifiers, group);
    const state = packetId === 0 ? 'queued' : 'sent';
    const flags = b % 256;
    const order = this.order++;
    this.known.push({ session, message, qos, flags, identifiers, group, entry, packetId, state, order });
    const texts = this.texts.get(session) ?? new Set();
    this.texts.set(session, texts.add(message.payload().toString()));
  }

  inbound(a: number, b: number): void {
    const session = this.sessionOf(a);
    const entry = this.bench.journal.inbound(session, 1 + (b % 100));
    const rest = { message: null, qos: 2, flags: 0, identifiers: null, group: null };
    this.known.push({ ...rest, session, entry, packetId: 1 + (b % 100), state: 'inbound', order: 0 });
  }

  send(a: number): void {
    const found = this.pick(a, (known) => known.state === 'queued');
    if (found === undefined) return;
    found.packetId = this.nextId();
    found.state = 'sent';
    found.order = this.order++;
    this.bench.journal.sent(found.entry, found.packetId, found.qos);
  }

  release(a: number): void {
    const found = this.pick(a, (known) => known.state === 'sent' && known.qos === 2);
    if (found === undefined) return;
    found.state = 'released';
    found.order = this.order++;
    this.bench.journal.released(found.entry);
  }

  done(a: number): void {
    const found = this.pick(a, () => true);
    if (found === undefined) return;
    this.known = this.known.filter((known) => known !== found);
    if (found.state === 'sent' && found.qos === 1) {
      this.acknowledged.add(found.entry);
      this.bench.journal.acknowledged(found.entry);
    }
    this.bench.journal.done(found.entry);
    // Said twice it changes nothing.
    if (a % 7 === 0) this.bench.journal.done(found.entry);
  }

  forget(a: number): void {
    const session = this.sessionOf(a);
    for (const known of this.known) if (known.session === session) this.bench.journal.forget(known.entry);
    this.known = this.known.filter((known) => known.session !== session);
    // Numbers are never used again.
    this.ended[a % SESSIONS]! += SESSIONS;
  }

  /** A commit that fails is tried again with the same rows; nothing new is collected meanwhile. */
  commit(succeeds: boolean): void {
    if (this.refused === null) {
      this.refused = [];
      this.bench.collect(this.refused);
      this.collected = this.known.map((known) => ({ ...known }));
    }
    if (!succeeds) return;
    this.bench.store.commit(this.refused, () => this.bench.journal.committed());
    this.refused = null;
    this.safe = this.collected;
  }

  /** The commit under way may have been the last thing that happened. Throws when anything is not as it must be. */
  crash(wasCommitted: boolean): void {
    if (this.refused !== null && wasCommitted) this.commit(true);
    this.refused = null;
    this.known = this.safe.map((known) => ({ ...known }));
    const restored = this.bench.reopen();
    const sessions = new Set(this.known.map(({ session }) => session));
    for (const session of sessions) {
      const found = this.bench.restored(restored, session);
      if (this.isPrompt) deepStrictEqual(found.map(comparable), this.expected(session).map(comparable));
      else this.compareLate(session, found);
    }
    for (const _ of restored.forgetRest());
  }

  /** A crash that has cost rows. Throws when a session gets what it cannot take, or what it never had. */
  lose(isLost: Iterator<boolean>): void {
    const rows = this.bench.store.table('journal');
    for (const key of [...rows.keys()]) if (isLost.next().value === true) rows.delete(key);
    const restored = this.bench.reopen();
    for (const session of [...restored.sessions()]) {
      for (const { kind, packetId, message, state } of this.bench.restored(restored, session)) {
        ok(kind === 'queued' || (packetId >= 1 && packetId <= 65_535));
        const texts = this.texts.get(session);
        if (state !== RELEASED && kind !== 'inbound') ok(texts?.has(message!.payload().toString()) === true);
      }
    }
  }

  // All is there that must be, and whatever else there is may come again.
  private compareLate(session: number, found: readonly RestoredEntry[]): void {
    const expected = new Map(this.expected(session).map((each) => [each.entry, each]));
    const exact: RestoredEntry[] = [];
    for (const each of found) {
      const meant = expected.get(each.entry);
      if (meant === undefined) ok(this.acknowledged.has(each.entry));
      else if (meant.state === PUBLISHED_QOS1 && each.kind === 'queued') ok(each.message !== null);
      else exact.push(each);
    }
    const ids = found.filter(({ kind }) => kind === 'inFlight').map(({ packetId }) => packetId);
    strictEqual(new Set(ids).size, ids.length);
    const isExact = new Set(exact.map(({ entry }) => entry));
    const rest = [...expected.values()].filter(({ entry }) => isExact.has(entry));
    deepStrictEqual(exact.map(comparable), rest.map(comparable));
    const missing = [...expected.keys()].filter((entry) => found.every((each) => each.entry !== entry));
    deepStrictEqual(missing, []);
    this.takeAsFound(session, found);
  }

  // The journal goes on from what it has read.
  private takeAsFound(session: number, found: readonly RestoredEntry[]): void {
    const before = new Map(this.known.map((known) => [known.entry, known]));
    this.known = this.known.filter((known) => known.session !== session);
    for (const { entry, kind, packetId, message, qos, flags, identifiers, group } of found) {
      const known = before.get(entry);
      if (known !== undefined && (kind !== 'queued' || known.state === 'queued')) this.known.push(known);
      else {
        const state = kind === 'queued' ? 'queued' : 'sent';
        const order = known?.order ?? 0;
        const rest = { message, qos: Math.max(qos, 1), flags, identifiers, group, order };
        this.known.push({ ...rest, session, entry, packetId, state });
      }
    }
  }

  private expected(session: number): RestoredEntry[] {
    const own = this.known.filter((known) => known.session === session);
    const inFlight = own.filter(({ state }) => state === 'released' || state === 'sent');
    inFlight.sort((a, b) => rank(a) - rank(b) || a.order - b.order);
    const others = own.filter(({ state }) => state === 'queued' || state === 'inbound');
    return [...inFlight, ...others].map(asRestored);
  }

  private sessionOf(a: number): number {
    return 1 + (a % SESSIONS) + this.ended[a % SESSIONS]!;
  }

  private nextId(): number {
    this.packetId = (this.packetId % 65_535) + 1;
    return this.packetId;
  }

  private pick(a: number, isMeant: (known: Known) => boolean): Known | undefined {
    const meant = this.known.filter(isMeant);
    return meant[a % meant.length];
  }
}

const rank = ({ state }: Known): number => (state === 'released' ? 0 : 1);

function asRestored(known: Known): RestoredEntry {
  const { entry, packetId, state, message, flags, identifiers, group } = known;
  const base = { entry, packetId, state: 0, qos: 0, message: null, flags: 0, identifiers: null, group: null };
  if (state === 'inbound') return { ...base, kind: 'inbound' };
  if (state === 'released') return { ...base, kind: 'inFlight', state: RELEASED };
  if (state === 'queued') {
    return { ...base, kind: 'queued', packetId: 0, qos: known.qos, message, flags, identifiers, group };
  }
  const published = known.qos === 2 ? PUBLISHED_QOS2 : PUBLISHED_QOS1;
  return { ...base, kind: 'inFlight', state: published, message, flags, identifiers, group };
}

// Released ones have lost what only their message needed.
function comparable(entry: RestoredEntry): RestoredEntry {
  return entry.state === RELEASED ? { ...entry, flags: 0, identifiers: null, group: null } : entry;
}

export const step = fc.record({
  kind: fc.constantFrom(
    ...([
      'enter',
      'inbound',
      'send',
      'send',
      'release',
      'release',
      'done',
      'done',
      'forget',
      'flood',
    ] as const),
    ...(['flow', 'drain', 'drain', 'commit', 'commit', 'fail', 'crash', 'tick', 'tick'] as const),
  ),
  a: fc.nat(10_000),
  b: fc.nat(10_000),
});

export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

export function apply(model: Model, { kind, a, b }: Step): void {
  if (kind === 'enter') model.enter(a, b);
  else if (kind === 'inbound') model.inbound(a, b);
  else if (kind === 'send') model.send(a);
  else if (kind === 'release') model.release(a);
  else if (kind === 'done') model.done(a);
  else if (kind === 'forget' && a % 4 === 0) model.forget(b);
  else if (kind === 'commit') model.commit(true);
  else if (kind === 'fail') model.commit(false);
  else if (kind === 'crash') model.crash(a % 2 === 0);
  else if (kind === 'tick') tick(model);
  else if (kind === 'flood') for (let i = 0; i < b % 40; i++) model.enter(a + i * 7, b + (i >> 3));
  else if (kind === 'flow') flow(model, a, b);
  else if (kind === 'drain') for (let i = 0; i < b % 40; i++) model.done(a + i * 31);
}

function tick(model: Model): void {
  model.bench.nowMs += JOURNAL_LATE_MS;
  model.bench.journal.sweep();
  model.commit(true);
}

// Of most commits everything is over with the next one or the one after; a few entries last.
function flow(model: Model, a: number, b: number): void {
  for (let i = 0; i < b % 12; i++) {
    const before = model.known.length;
    for (let k = 0; k < 2 + (a % 9); k++) model.enter(a + k, 200 + b + i + k);
    model.commit(true);
    if (a % 2 === 0) model.send(a + i);
    if (a % 3 === 0) model.release(a + i);
    while (model.known.length > before + (i % 3 === 0 ? 1 : 0)) model.done(model.known.length - 1);
    if (i % 5 === 4) model.bench.journal.sweep();
  }
}
