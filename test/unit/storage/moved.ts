/** Stores of shards as they would have been left, and what they hold, seen as one node. */
import { mkdirSync } from 'node:fs';
import { Environment } from '../../../src/storage/environment.js';
import { framed, opened } from '../../../src/storage/framing.js';
import { retainedKey, sessionKey, sessionOfKey, subscriptionKey } from '../../../src/storage/keys.js';
import { shardDirectory } from '../../../src/storage/redistribution.js';
import { TABLES } from '../../../src/storage/tables.js';
import { JournalBench, messageOf, Restored } from '../workers/store/journal-bench.js';

/** What happens to one message of a session after it has been entered. */
export type Fate = 'queued' | 'sent' | 'released' | 'done' | 'inbound' | 'shared';

export interface SessionPlan {
  /** Its client is named after it. */
  readonly slot: number;
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
    ]);
    await environment.close();
  }
}

interface Named extends SessionPlan {
  readonly clientId: string;
}

function ownRows(sessions: readonly Named[]) {
  return sessions.flatMap(({ slot, clientId, filters }, index) => {
    const number = index + 1;
    const content = Buffer.concat([Buffer.alloc(4), Buffer.from(`of ${clientId}`)]);
    content.writeUInt32LE(number);
    const key = sessionKey(slot, clientId);
    return [
      { table: 'sessions' as const, key, value: framed(key, content, 1) },
      ...filters.map((filter) => {
        const filterKey = subscriptionKey(slot, number, filter);
        return {
          table: 'subscriptions' as const,
          key: filterKey,
          value: framed(filterKey, Buffer.from(filter), 1),
        };
      }),
    ];
  });
}

function retainedRows(slots: readonly number[], shard: number, shards: number) {
  return slots
    .filter((slot) => slot % shards === shard)
    .map((slot) => {
      const key = retainedKey(slot, Buffer.from(`topic/${slot}`));
      return { table: 'retained' as const, key, value: framed(key, Buffer.from(`kept ${slot}`), 1) };
    });
}

function journalRows(sessions: readonly Named[]) {
  const bench = new JournalBench();
  const messages = Array.from({ length: 16 }, (_, i) => messageOf(`message ${i}`, 2));
  const later: (() => void)[][] = [];
  const rounds = Math.max(0, ...sessions.map(({ fates }) => fates.length));
  for (let round = 0; round < rounds; round++) {
    sessions.forEach(({ fates }, index) => {
      const fate = fates[round];
      if (fate !== undefined) later.push(meet(bench, index + 1, round + 1, fate[0], messages[fate[1]]!));
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
  const sent = (): void => journal.sent(entry, id);
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
    const filters = new Map<number, string[]>();
    for (const { key, value } of environment.rows('subscriptions')) {
      const number = sessionOfKey(key);
      filters.set(number, [...(filters.get(number) ?? []), textIn(key, value, shard, shards)]);
    }
    for (const { key, value } of environment.rows('sessions')) {
      const text = textIn(key, value, shard, shards, 4);
      const number = value.readUInt32LE(1);
      const target = new Restored();
      entries.restore(number, target);
      const met = target.all.map(({ entry: _, message, ...rest }) => ({
        ...rest,
        message: message?.payload().toString() ?? null,
      }));
      if (text in all) throw new Error(`${text} is there twice`);
      all[text] = { filters: filters.get(number)?.sort() ?? [], met };
      filters.delete(number);
    }
    if (filters.size > 0 || [...entries.sessions()].length > 0) throw new Error('rows of no session');
    for (const { key, value } of environment.rows('retained'))
      all[textIn(key, value, shard, shards)] = 'retained';
    await environment.close();
  }
  return all;
}

/** @throws Error when the row is damaged, or not where it belongs */
function textIn(key: Buffer, value: Buffer, shard: number, shards: number, from = 0): string {
  const frame = opened(key, value, 1);
  if (!frame.ok) throw new Error(`a row is ${frame.why}`);
  if (key.readUInt16BE(0) % shards !== shard) throw new Error('a row lies in the wrong shard');
  return frame.content.toString('utf8', from);
}
