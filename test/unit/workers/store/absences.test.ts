import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { SlotMap } from '../../../../src/actor/slots.js';
import { ABSENCES_PER_COMMIT, COMMIT_DELAY_MS } from '../../../../src/limits.js';
import { asClientId } from '../../../../src/protocol/ids.js';
import { decodeSession, encodeSession } from '../../../../src/storage/session-record.js';
import type { Change } from '../../../../src/storage/tables.js';
import { RowStore } from './row-store.js';
import { StoredShard } from './sessions-bench.js';

const CLIENTS = 3 * ABSENCES_PER_COMMIT - 1;

class WatchedStore extends RowStore {
  /** Rows of sessions in each commit. */
  readonly sizes: number[] = [];
  /** Commits while it closes, and afterwards. */
  late = 0;
  onClose = (): void => {};
  private isClosing = false;

  override close(): Promise<void> {
    this.isClosing = true;
    this.onClose();
    return sleep(5 * COMMIT_DELAY_MS);
  }

  override commit(changes: readonly Change[], done: (ok: boolean) => void): void {
    if (this.isClosing) this.late++;
    this.sizes.push(changes.filter(({ table }) => table === 'sessions').length);
    super.commit(changes, done);
  }
}

/** As a broker leaves it that was killed with all clients connected. */
function storeOfConnected(): WatchedStore {
  const store = new WatchedStore();
  const slots = new SlotMap('test', 1);
  const times = { createdAtMs: Date.now(), disconnectedAtMs: 0, expirySeconds: 100 };
  const rows = Array.from({ length: CLIENTS }, (_, i) => {
    const clientId = asClientId(`c${i}`);
    const record = { clientId, number: i + 1, ...times, client: null, will: null };
    return { table: 'sessions' as const, ...encodeSession(slots.slotOf(clientId), record) };
  });
  store.commit(rows, () => {});
  store.sizes.length = 0;
  return store;
}

test('after a crash it is written in lots since when all clients are away; none expires later for that', async (t) => {
  const store = storeOfConnected();
  const stored = await StoredShard.begin(t, store);
  while (store.sizes.reduce((sum, size) => sum + size, 0) < CLIENTS) await stored.commit();
  t.deepEqual(
    store.sizes.filter((size) => size > ABSENCES_PER_COMMIT),
    [],
  );
  for (const row of store.rows('sessions')) {
    const record = decodeSession(row);
    if (typeof record === 'string' || record.disconnectedAtMs === 0) t.fail();
  }
  t.is(stored.shard.parts.sessions.count, CLIENTS);
  await stored.shard.advance(101_000);
  t.is(stored.shard.parts.sessions.count, 0);
});

test('one that is back before it is written is connected', async (t) => {
  const store = storeOfConnected();
  const stored = await StoredShard.begin(t, store);
  const last = `c${CLIENTS - 1}`;
  stored.shard.open(last, { clean: false, properties: { sessionExpiry: 100 } });
  for (let i = 0; i < 8; i++) await stored.commit();
  const rows = [...store.rows('sessions')].map((row) => decodeSession(row));
  const connected = rows.filter((row) => typeof row !== 'string' && row.disconnectedAtMs === 0);
  t.deepEqual(
    connected.map((row) => typeof row !== 'string' && row.clientId),
    [last],
  );
});

test('a shard that ends commits nothing more once its store is being closed', async (t) => {
  const store = storeOfConnected();
  const stored = await StoredShard.begin(t, store);
  // Something still comes, such as a batch of another shard.
  store.onClose = () => {
    stored.shard.parts.keeper.changed(stored.session('c0')!);
  };
  await stored.stop();
  await sleep(2 * COMMIT_DELAY_MS);
  t.is(store.late, 0);
});

test('a session whose time was up is not found by a client that waits at the start', async (t) => {
  const session = { clean: false, properties: { sessionExpiry: 100 } };
  for (const awayMs of [99_000, 101_000]) {
    const stored = await StoredShard.begin(t);
    const client = stored.shard.open('c', session);
    await stored.commit();
    client.drop();
    await stored.commit();
    let again: ReturnType<typeof stored.shard.open> | undefined;
    await StoredShard.begin(t, stored.store.copy(), {}, awayMs, (shard) => {
      again = shard.open('c', session);
    });
    t.like(again?.take()[0], { type: 'connack', sessionPresent: awayMs < 100_000 });
  }
});
