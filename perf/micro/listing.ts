/**
 * What lists cost a shard: `node --expose-gc dist/perf/micro/listing.js`. The index by itself, then a shard in this
 * thread with a third of 100,000 connected clients: keeping the index while clients connect and subscribe, and the time
 * of each answer to main, its way through a message port included. The best of several rounds.
 */
import { serialize } from 'node:v8';
import { LISTED_LOT_ROWS_MAX } from '../../src/limits.js';
import { settle, TestShard } from '../../test/helpers/test-shard.js';
import { SortedKeys } from '../../workers/listing/sorted-keys.js';
import type { Session } from '../../workers/session/session.js';

const ROUNDS = 5;
const CLIENTS = 33_334;

function print(name: string, value: number, unit: string): void {
  process.stdout.write(`${name.padEnd(66)}${value.toFixed(2).padStart(9)} ${unit}\n`);
}

function best(count: number, body: () => void, before: () => void = () => {}): number {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    before();
    const startMs = performance.now();
    body();
    bestMs = Math.min(bestMs, performance.now() - startMs);
  }
  return (bestMs * 1_000) / count;
}

/** Numbers below `count` in an order that has nothing to do with theirs. */
function shuffled(count: number): number[] {
  return Array.from({ length: count }, (_, i) => (i * 7_919) % count);
}

function memoryBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function index(count: number): void {
  const texts = shuffled(count).map((n) => Buffer.from(`client-${1_000_000 + n}`).toString('latin1'));
  let keys = new SortedKeys();
  const fill = (): void => {
    for (const text of texts) keys.add(text, 1);
  };
  const empty = (): void => {
    keys = new SortedKeys();
  };
  const size = count.toLocaleString('en');
  print(`${size} keys: add`, best(count, fill, empty), 'us');
  const change = (): void => {
    for (const text of texts) keys.addWeight(text, 1);
  };
  print(`${size} keys: change a weight`, best(count, change), 'us');
  const again = (): void => {
    for (const text of texts) {
      keys.remove(text);
      keys.add(text, 1);
    }
  };
  print(`${size} keys: remove and add again`, best(count, again), 'us');
  print(
    `${size} keys: 256 marks`,
    best(1, () => keys.marks(null, null, 256)),
    'us',
  );
  print(
    `${size} keys: what lies below one`,
    best(1, () => keys.weightBelow(texts[0]!)),
    'us',
  );
  empty();
  const before = memoryBytes();
  fill();
  print(`${size} keys: memory of one, without its text`, (memoryBytes() - before) / count, 'bytes');
}

async function shard(): Promise<void> {
  const test = new TestShard();
  const { listing, router } = test.parts;
  const numbers = shuffled(CLIENTS);
  while (numbers.length > 0) {
    const some = numbers.splice(-100);
    const clients = some.map((n) => test.open(`client-${100_000 + n}`, { version: 4 }));
    await settle();
    for (const [i, client] of clients.entries())
      client.subscribe(1, [`devices/${some[i]}/commands`, 1], [`devices/${some[i]}/settings`, 0]);
    await settle();
  }
  const sessions = [...listed(test)];
  print('connected clients', sessions.length, '');
  print('subscriptions', router.subscriptionCount, '');
  const note = (): void => {
    for (const session of sessions) listing.subscriptionsChanged(session);
  };
  print('a session has other subscriptions: to note it', best(sessions.length, note), 'us');
  const reconnect = (): void => {
    for (const session of sessions) {
      listing.disconnected(session);
      listing.connected(session);
    }
  };
  print('a client goes and comes: to note both', best(sessions.length, reconnect), 'us');
  for (const kind of ['clients', 'sessions', 'subscriptions', 'routes'] as const) {
    const max = LISTED_LOT_ROWS_MAX;
    await listing.marks({ kind, from: null, to: null });
    const marks = await listing.marks({ kind, from: null, to: null });
    const lot = await listing.rows({ kind, from: null, max });
    print(`${kind}: marks, sent`, await bestOf(() => listing.marks({ kind, from: null, to: null })), 'us');
    print(
      `${kind}: ${lot.rows.length} rows, sent`,
      await bestOf(() => listing.rows({ kind, from: null, max })),
      'us',
    );
    print(`${kind}: bytes of marks`, serialize(marks).length, '');
    print(`${kind}: bytes of rows`, serialize(lot).length, '');
  }
}

function* listed(test: TestShard): Generator<Session> {
  const all = test.parts.sessions.all();
  for (let next = all.next(); next.done !== true; next = all.next()) yield next.value;
}

/** To make the answer and to write it as a message. */
async function bestOf(answer: () => unknown): Promise<number> {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 20; round += 1) {
    const startMs = performance.now();
    serialize(await answer());
    bestMs = Math.min(bestMs, performance.now() - startMs);
  }
  return bestMs * 1_000;
}

index(33_334);
index(1_000_000);
await shard();
process.exit();
