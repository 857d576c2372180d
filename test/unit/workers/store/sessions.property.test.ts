import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { TABLES, type Table } from '../../../../src/storage/tables.js';
import { disconnect, subscribe, unsubscribe } from '../../../helpers/packets.js';
import { settle, type TestClient } from '../../../helpers/test-shard.js';
import { realRow } from '../../storage/real-rows.js';
import { RowStore } from './row-store.js';
import { StoredShard } from './sessions-bench.js';

const CLIENTS = ['a', 'b', 'c'.repeat(600)];
const FILTERS = [
  'f/1',
  'f/#',
  '+/x',
  '$share/g/f/1',
  '$share/h/f/1',
  '$local/f/1',
  '$local/$share/g/f',
  'f'.repeat(700),
];

type Step =
  | {
      readonly kind: 'connect';
      readonly client: number;
      readonly expiry: number;
      readonly clean: boolean;
      readonly will: boolean;
    }
  | { readonly kind: 'drop' | 'disconnect'; readonly client: number }
  | {
      readonly kind: 'subscribe';
      readonly client: number;
      readonly filter: number;
      readonly options: number;
      readonly identifier: number;
    }
  | { readonly kind: 'unsubscribe'; readonly client: number; readonly filter: number }
  | { readonly kind: 'retain'; readonly filter: number; readonly isGone: boolean }
  | { readonly kind: 'commit' | 'crash' };

const CLIENT = fc.nat(CLIENTS.length - 1);
const FILTER = fc.nat(FILTERS.length - 1);
const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('connect' as const),
      client: CLIENT,
      expiry: fc.constantFrom(0, 1_000, 0xffff_ffff),
      clean: fc.boolean(),
      will: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('drop' as const, 'disconnect' as const), client: CLIENT }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('subscribe' as const),
      client: CLIENT,
      filter: FILTER,
      options: fc.constantFrom(0, 1, 2, 0x18 | 1),
      identifier: fc.constantFrom(0, 1, 5_000_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('unsubscribe' as const), client: CLIENT, filter: FILTER }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('retain' as const), filter: fc.nat(3), isGone: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('commit' as const, 'crash' as const) }) },
);

class Run {
  private readonly clients = new Map<number, TestClient>();
  private id = 1;

  constructor(private stored: StoredShard) {}

  async step(t: ExecutionContext, step: Step): Promise<void> {
    const client = 'client' in step ? this.clients.get(step.client) : undefined;
    const id = this.id++;
    if (step.kind === 'connect') {
      const will = step.will ? { will: { topic: `will/${step.client}`, payload: 'x' } } : {};
      const properties = { sessionExpiry: step.expiry };
      const opened = this.stored.shard.open(CLIENTS[step.client]!, {
        clean: step.clean,
        properties,
        ...will,
      });
      this.clients.set(step.client, opened);
    } else if (step.kind === 'drop') client?.drop();
    else if (step.kind === 'disconnect') client?.send(disconnect());
    else if (step.kind === 'subscribe') {
      const given = step.identifier === 0 ? {} : { subscriptionIdentifiers: [step.identifier] };
      client?.send(subscribe(5, id, [[FILTERS[step.filter]!, step.options]], given));
    } else if (step.kind === 'unsubscribe') client?.send(unsubscribe(5, id, [FILTERS[step.filter]!]));
    else if (step.kind === 'retain') {
      const publisher = this.stored.shard.open('publisher');
      publisher.publish({ topic: `r/${step.filter}`, payload: step.isGone ? '' : `${id}`, retain: true });
    } else await this.commit(t, step.kind === 'crash');
    await settle(4);
  }

  /** What lies in the store is what is here; after a crash, what comes back is what was here. */
  private async commit(t: ExecutionContext, isCrash: boolean): Promise<void> {
    await this.stored.commit();
    const { parts } = this.stored.shard;
    const lasting = Object.entries(this.stored.facts()).filter(([, { expirySeconds }]) => expirySeconds > 0);
    const subscriptions = lasting.reduce((sum, [, facts]) => sum + facts.subscriptions.length, 0);
    t.true(this.stored.store.count('subscriptions') >= subscriptions);
    if (!isCrash) return;
    const retained = parts.retained.count;
    this.stored = await this.stored.crash();
    this.clients.clear();
    t.deepEqual(this.stored.facts(), Object.fromEntries(lasting));
    t.is(this.stored.shard.parts.retained.count, retained);
    await this.stored.commit();
    t.is(this.stored.store.count('subscriptions'), subscriptions);
    t.deepEqual(this.stored.lines, []);
  }
}

test('after any history a shard begins with what it had at its last commit', async (t) => {
  t.timeout(120_000);
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { minLength: 5, maxLength: 40 }), async (steps) => {
      const run = new Run(await StoredShard.begin(t));
      for (const step of steps) await run.step(t, step);
      await run.step(t, { kind: 'crash' });
    }),
    { numRuns: 40 },
  );
});

/** Each row is whole, and of some table. */
test('whatever rows lie in whatever tables, a shard begins, and takes clients', async (t) => {
  t.timeout(120_000);
  const row = fc.tuple(realRow, fc.option(fc.constantFrom<Table>(...TABLES), { freq: 2 }));
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 60 }), async (rows) => {
      const store = new RowStore();
      for (const [{ table, key, value }, wrong] of rows) {
        store.table(wrong ?? table).set(key.toString('hex'), value);
      }
      const stored = await StoredShard.begin(t, store);
      const client = stored.shard.open('somebody');
      await settle();
      t.is(client.take()[0]?.type, 'connack');
      await stored.commit();
      await stored.stop();
    }),
    { numRuns: 100 },
  );
});
