/** Stores of shards as they would have been left, and what they hold, seen as one node. */
import { mkdirSync } from 'node:fs';
import { Environment } from '../../../src/storage/environment.js';
import { FORMAT_ROW } from '../../../src/storage/meta-rows.js';
import { shardDirectory } from '../../../src/storage/redistribution.js';
import { decodeRetained, encodeRemoval, encodeRetained } from '../../../src/storage/retained-record.js';
import { decodeSession, encodeSession, type SessionRecord } from '../../../src/storage/session-record.js';
import {
  encodeSubscription,
  SubscriptionReader,
  wholeFilter,
} from '../../../src/storage/subscription-record.js';
import { type Row, TABLES, type Table } from '../../../src/storage/tables.js';
import { JournalBench, messageOf, Restored } from '../workers/store/journal-bench.js';

/** What happens to one message of a session after it has been entered. */
export type Fate = 'queued' | 'sent' | 'released' | 'done' | 'inbound' | 'shared';

export interface SessionPlan {
  /** Its client is named after it. */
  readonly slot: number;
  /** It is kept for its will alone: without a number, filters and messages. */
  readonly isMortal: boolean;
  readonly filters: readonly string[];
  /** In the order of entering; with the number of the message, of those that several sessions share. */
  readonly fates: readonly (readonly [Fate, number])[];
}

export interface NodePlan {
  readonly sessions: readonly SessionPlan[];
  readonly retained: readonly number[];
}

const GROUP = { filter: 'a/#', name: 'workers' };

/** Writes the stores of `shards` shards, each by a journal of its own, with a commit between steps. */
export async function writeNode(directory: string, shards: number, plan: NodePlan): Promise<void> {
  for (let shard = 0; shard < shards; shard++) {
    const path = shardDirectory(directory, shard);
    mkdirSync(path, { recursive: true });
    const environment = new Environment(path, TABLES);
    const own = plan.sessions
      .map((session, index) => ({ ...session, clientId: `client-${index}` }))
      .filter(({ slot }) => slot % shards === shard);
    environment.writeNow([
      ...ownRows(own),
      ...retainedRows(plan.retained, shard, shards),
      ...journalRows(own),
      FORMAT_ROW,
    ]);
    await environment.close();
  }
}

interface Named extends SessionPlan {
  readonly clientId: string;
}

function ownRows(sessions: readonly Named[]) {
  return sessions.flatMap((session, index) => {
    const row = { table: 'sessions' as const, ...encodeSession(session.slot, recordOf(session, index + 1)) };
    return session.isMortal
      ? [row]
      : [row, ...session.filters.map((filter, i) => subscriptionRow(session.slot, index + 1, filter, i))];
  });
}

function recordOf({ clientId, isMortal, slot }: Named, number: number): SessionRecord {
  const info = {
    ...{ clientId, username: slot % 2 === 0 ? 'somebody' : null, peerAddress: '::1', peerPort: slot },
    ...{ listener: 'tcp.external', protocolVersion: 5 as const, cleanStart: isMortal, keepAliveSeconds: 60 },
    connectedAtMs: 7,
  };
  const bytes = (text: string): Buffer => Buffer.from(`${text} of ${clientId}`);
  const will = {
    ...{ qos: slot % 3, retain: slot % 2 === 1, delaySeconds: slot, expirySeconds: Number.POSITIVE_INFINITY },
    ...{ topic: bytes('topic'), properties: Buffer.alloc(0), payload: bytes('will') },
  };
  return {
    ...{ clientId, number: isMortal ? 0 : number, createdAtMs: 1 + slot, disconnectedAtMs: slot % 4 },
    expirySeconds: isMortal ? 0 : Number.POSITIVE_INFINITY,
    client: { info, isSuperuser: slot % 5 === 0, mountpoint: bytes('mount') },
    will: isMortal || slot % 2 === 0 ? will : null,
  };
}

function subscriptionRow(slot: number, session: number, whole: string, index: number) {
  const local = whole.startsWith('$local/');
  const rest = local ? whole.slice(7) : whole;
  const [, group = null, filter = rest] = /^\$share\/([^/]+)\/(.*)$/.exec(rest) ?? [];
  const record = { session, filter, group, local, options: (slot + index) % 64, identifier: slot * index };
  return { table: 'subscriptions' as const, ...encodeSubscription(slot, record) };
}

function retainedRows(slots: readonly number[], shard: number, shards: number) {
  return slots
    .filter((slot) => slot % shards === shard)
    .map((slot) => {
      const row =
        slot % 4 === 0
          ? encodeRemoval(slot, Buffer.from(`topic/${slot}`), slot)
          : encodeRetained(slot, messageOf(`kept ${slot}`, 1));
      return { table: 'retained' as const, ...row };
    });
}

function journalRows(sessions: readonly Named[]) {
  const bench = new JournalBench();
  const messages = Array.from({ length: 16 }, (_, i) => messageOf(`message ${i}`, 2));
  const later: (() => void)[][] = [];
  const rounds = Math.max(0, ...sessions.map(({ fates }) => fates.length));
  for (let round = 0; round < rounds; round++) {
    sessions.forEach(({ fates, isMortal }, index) => {
      const fate = fates[round];
      if (fate !== undefined && !isMortal)
        later.push(meet(bench, index + 1, round + 1, fate[0], messages[fate[1]]!));
    });
    if (round % 3 === 2) bench.commit();
  }
  bench.commit();
  // Not in the order of entering: the order of sending is another one.
  later
    .reverse()
    .flat()
    .forEach((step, index) => {
      step();
      if (index % 5 === 4) bench.commit();
    });
  bench.settle();
  return [...bench.store.rows('journal')].map(({ key, value }) => ({
    table: 'journal' as const,
    key,
    value,
  }));
}

/** @returns what happens later to the message */
function meet(
  bench: JournalBench,
  session: number,
  id: number,
  fate: Fate,
  message: ReturnType<typeof messageOf>,
): (() => void)[] {
  const { journal } = bench;
  if (fate === 'inbound') {
    journal.inbound(session, id);
    return [];
  }
  const group = fate === 'shared' ? GROUP : null;
  const entry = journal.entered(session, message, 2, 1, 0, group === null ? [id, 7] : null, group);
  const sent = (): void => journal.sent(entry, id, 2);
  if (fate === 'sent') return [sent];
  if (fate === 'released') return [sent, () => journal.released(entry)];
  return fate === 'done' ? [sent, () => journal.done(entry)] : [];
}

/** Everything that `shards` shards have, as text and without what is theirs alone: numbers, sequences. */
export async function readNode(directory: string, shards: number): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {};
  for (let shard = 0; shard < shards; shard++) {
    const environment = new Environment(shardDirectory(directory, shard), TABLES);
    const bench = new JournalBench();
    for (const { key, value } of environment.rows('journal')) {
      bench.store.commit([{ table: 'journal', key: Buffer.from(key), value: Buffer.from(value) }], () => {});
    }
    const entries = bench.reopen();
    const filters = filtersIn(environment, shard, shards);
    for (const row of environment.rows('sessions')) {
      checkPlace(row, shard, shards);
      const record = decodeSession(row);
      if (typeof record === 'string') throw new Error(`a session is ${record}`);
      const { clientId, number, ...rest } = record;
      const target = new Restored();
      if (number > 0) entries.restore(number, target);
      const met = target.all.map(({ entry: _, message, ...each }) => ({
        ...each,
        message: message?.payload().toString() ?? null,
      }));
      if (clientId in all) throw new Error(`${clientId} is there twice`);
      all[clientId] = { ...rest, isNumbered: number > 0, filters: filters.get(number)?.sort() ?? [], met };
      filters.delete(number);
    }
    if (filters.size > 0 || [...entries.sessions()].length > 0) throw new Error('rows of no session');
    for (const row of environment.rows('retained')) {
      checkPlace(row, shard, shards);
      const { key } = row;
      const record = decodeRetained({ key: Buffer.from(key), value: Buffer.from(row.value) });
      if (typeof record === 'string') throw new Error(`a retained message is ${record}`);
      all[key.toString('latin1')] =
        record.kind === 'removal' ? record.receivedAtMs : record.message.payload().toString();
    }
    await environment.close();
  }
  return all;
}

function filtersIn(environment: Environment<Table>, shard: number, shards: number): Map<number, string[]> {
  const filters = new Map<number, string[]>();
  const reader = new SubscriptionReader();
  for (const row of environment.rows('subscriptions')) {
    checkPlace(row, shard, shards);
    if (reader.read(row) !== null) throw new Error('a subscription is damaged');
    const { session, group, local, options, identifier } = reader;
    const text = `${wholeFilter(reader.filter(), group, local)} ${options} ${identifier}`;
    filters.set(session, [...(filters.get(session) ?? []), text]);
  }
  return filters;
}

/** @throws Error when the row does not lie where it belongs */
function checkPlace({ key }: Row, shard: number, shards: number): void {
  if (key.readUInt16BE(0) % shards !== shard) throw new Error('a row lies in the wrong shard');
}
