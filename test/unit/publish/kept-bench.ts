/** A shard whose journal writes down what it is told, and whose store commits when the test says so. */
import type { Message } from '../../../src/protocol/message.js';
import type { Change, Row, Table } from '../../../src/storage/tables.js';
import { PUBLISHED_QOS1, RELEASED, RELEASING } from '../../../workers/session/exchange.js';
import type { Session } from '../../../workers/session/session.js';
import type { CommitSource } from '../../../workers/store/commits.js';
import { type Entry, type EntryGroup, Journal, NO_ENTRY } from '../../../workers/store/journal.js';
import type { RestoredEntries } from '../../../workers/store/restored-entries.js';
import { MemoryStore } from '../../../workers/store/store.js';
import type { ConnectOptions } from '../../helpers/packets.js';
import { PERSISTENT } from '../../helpers/packets.js';
import { type TestClient, TestShard, type TestShardOptions } from '../../helpers/test-shard.js';

/** Commits are done when the test says so. */
export class HeldStore extends MemoryStore {
  override readonly isKeeping: boolean = true;
  private readonly tables = new Map<Table, Map<string, Row>>();
  /** What happens with the next ones. */
  mode: 'hold' | 'pass' | 'fail' = 'hold';
  commits = 0;
  private held: ((ok: boolean) => void) | null = null;

  override commit(changes: readonly Change[], done: (ok: boolean) => void): void {
    this.commits += 1;
    const end = (ok: boolean): void => {
      if (ok) for (const change of changes) this.apply(change);
      done(ok);
    };
    if (this.mode === 'hold') this.held = end;
    else end(this.mode === 'pass');
  }

  override rows(table: Table): Iterable<Row> {
    return [...this.rowsOf(table).values()].sort((a, b) => a.key.compare(b.key));
  }

  override get(table: Table, key: Buffer): Buffer | null {
    return this.rowsOf(table).get(key.toString('hex'))?.value ?? null;
  }

  private apply({ table, key, value }: Change): void {
    const name = key.toString('hex');
    if (value === null) this.rowsOf(table).delete(name);
    else this.rowsOf(table).set(name, { key, value });
  }

  private rowsOf(table: Table): Map<string, Row> {
    const rows = this.tables.get(table) ?? new Map<string, Row>();
    this.tables.set(table, rows);
    return rows;
  }

  get isHolding(): boolean {
    return this.held !== null;
  }

  /** The commit that is held, if there is one, is over. */
  finish(ok = true): void {
    const { held } = this;
    this.held = null;
    held?.(ok);
  }
}

/** One entry. */
export interface Told {
  readonly session: number;
  readonly place: 'queued' | 'in flight' | 'released' | 'inbound';
  readonly packetId: number;
  /** Of its message; of those that are released or inbound there is none. */
  readonly payload: string;
  readonly qos: number;
}

/**
 * Knows what the journal ought to: what there is now, and what there was when the last commit began that succeeded.
 * Nothing is written later than it could be.
 */
export class JournalModel implements CommitSource {
  readonly isOn = true;
  readonly live = new Map<Entry, Told>();
  safe: ReadonlyMap<Entry, Told> = new Map();
  readonly mistakes: string[] = [];
  private collected: ReadonlyMap<Entry, Told> = new Map();

  constructor(private readonly journal: Journal) {}

  entered(
    session: number,
    message: Message,
    qos: number,
    flags: number,
    packetId: number,
    identifiers: readonly number[] | null,
    group: EntryGroup | null,
  ): Entry {
    const entry = this.journal.entered(session, message, qos, flags, packetId, identifiers, group);
    this.journal.tellLate();
    const place = packetId === 0 ? 'queued' : 'in flight';
    return this.add(entry, { session, place, packetId, payload: message.payload().toString(), qos });
  }

  sent(entry: Entry, packetId: number, qos: number): void {
    this.journal.sent(entry, packetId, qos);
    this.journal.tellLate();
    this.change(entry, 'queued', (told) => ({ ...told, place: 'in flight', packetId }));
  }

  released(entry: Entry): void {
    this.journal.released(entry);
    this.change(entry, 'in flight', (told) => ({ ...told, place: 'released', payload: '' }));
  }

  done(entry: Entry): void {
    this.journal.done(entry);
    this.over(entry);
  }

  acknowledged(entry: Entry): void {
    this.journal.acknowledged(entry);
    this.journal.tellLate();
    this.over(entry);
  }

  tellLate(): void {
    this.journal.tellLate();
  }

  private over(entry: Entry): void {
    if (!this.live.delete(entry)) this.mistakes.push(`${entry} is over for the second time`);
  }

  forget(entry: Entry): void {
    this.journal.forget(entry);
    this.over(entry);
  }

  inbound(session: number, packetId: number): Entry {
    const entry = this.journal.inbound(session, packetId);
    return this.add(entry, { session, place: 'inbound', packetId, payload: '', qos: 2 });
  }

  collect(): void {
    this.collected = new Map(this.live);
  }

  committed(): void {
    this.safe = this.collected;
  }

  sweep(): void {
    this.journal.sweep();
  }

  private add(entry: Entry, told: Told): Entry {
    this.live.set(entry, told);
    return entry;
  }

  private change(entry: Entry, from: Told['place'], to: (told: Told) => Told): void {
    const told = this.live.get(entry);
    if (told?.place === from) this.live.set(entry, to(told));
    else this.mistakes.push(`${entry} is not ${from}`);
  }
}

/** What a session and its journal know that they should both know: to be equal. */
export function compared(session: Session, journal: JournalModel): { held: unknown; told: unknown } {
  const { number, inflight, queue, awaitingRel } = session;
  const window = new Map<Entry, Told>();
  for (let slot = inflight?.first() ?? -1; slot >= 0; slot = inflight!.next(slot)) {
    const state = inflight!.stateAt(slot);
    const isOver = state === RELEASED || state === RELEASING;
    window.set(inflight!.entryAt(slot), {
      session: number,
      place: isOver ? 'released' : 'in flight',
      packetId: inflight!.idAt(slot),
      payload: isOver ? '' : inflight!.messageAt(slot)!.payload().toString(),
      qos: state === PUBLISHED_QOS1 ? 1 : 2,
    });
  }
  const queued: Entry[] = [];
  queue?.forEachEntry((entry) => queued.push(entry));
  const inbound: Entry[] = [];
  awaitingRel?.forEachEntry((entry) => inbound.push(entry));
  const told = [...journal.live].filter(([, each]) => each.session === number);
  const at = (...places: Told['place'][]) => told.filter(([, { place }]) => places.includes(place));
  const entriesAt = (place: Told['place']) => at(place).map(([entry]) => entry);
  const order = (a: readonly [Entry, unknown], b: readonly [Entry, unknown]) => a[0] - b[0];
  const ids = (packetIds: Iterable<number>) => [...packetIds].sort((a, b) => a - b);
  return {
    held: [[...window].sort(order), queued.sort(), inbound.sort(), ids(awaitingRel ?? [])],
    told: [
      at('in flight', 'released').sort(order),
      entriesAt('queued').sort(),
      entriesAt('inbound').sort(),
      ids(at('inbound').map(([, { packetId }]) => packetId)),
    ],
  };
}

/** What a shard that begins now would find. */
export function reloaded(store: HeldStore): Told[] {
  const restored = load(store);
  const found: Told[] = [];
  for (const session of [...restored.sessions()]) {
    restored.restore(session, {
      restoreInFlight: (packetId, state, message) => {
        const payload = message?.payload().toString() ?? '';
        const place = state === RELEASED ? 'released' : 'in flight';
        found.push({ session, place, packetId, payload, qos: state === PUBLISHED_QOS1 ? 1 : 2 });
        return true;
      },
      restoreQueued: (message, qos) => {
        found.push({ session, place: 'queued', packetId: 0, payload: message.payload().toString(), qos });
      },
      restoreInbound: (packetId) => {
        found.push({ session, place: 'inbound', packetId, payload: '', qos: 2 });
        return true;
      },
    });
  }
  return found;
}

function load(store: HeldStore): RestoredEntries {
  const steps = new Journal(store, { touch: () => undefined, nowMs: 0 }).load(store.rows('journal'));
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

/** Gives sessions what others had, by the numbers that those had. Nothing of it is in the journal of `bench`. */
export function restoreTo(
  bench: KeptShard,
  store: HeldStore,
  numbers: Readonly<Record<string, number>>,
): void {
  const restored = load(store);
  for (const [name, number] of Object.entries(numbers)) {
    const session = bench.shard.session(name)!;
    restored.restore(number, {
      restoreInFlight: (packetId, state, message, flags, identifiers, group) =>
        session.restoreInFlight(packetId, state, message, flags, identifiers, group, NO_ENTRY),
      restoreQueued: (message, qos, flags, identifiers, group) =>
        session.restoreQueued(message, qos, flags, identifiers, group, NO_ENTRY),
      restoreInbound: (packetId) => session.restoreInbound(packetId, NO_ENTRY),
    });
  }
}

/** A shard with such a journal and store. */
export class KeptShard {
  readonly store = new HeldStore();
  readonly journal: JournalModel;
  readonly shard: TestShard;
  private lastNumber = 0;

  constructor(options: TestShardOptions = {}) {
    this.shard = new TestShard({ ...options, store: this.store });
    this.journal = new JournalModel(this.shard.parts.journal);
    Object.assign(this.shard.parts, { journal: this.journal });
    const { commits, sessions } = this.shard.parts;
    commits.add(this.journal);
    const create = sessions.create.bind(sessions);
    sessions.create = (clientId) => {
      const session = create(clientId);
      if (session.number === 0) session.number = ++this.lastNumber + 1_000;
      return session;
    };
  }

  async stop(): Promise<void> {
    this.store.mode = 'pass';
    this.store.finish();
    await this.shard.stop();
  }

  /** A client whose session is kept. */
  open(clientId: string, options: Partial<ConnectOptions> = {}): TestClient {
    return this.shard.open(clientId, { ...PERSISTENT, ...options });
  }
}
