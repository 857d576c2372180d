/** Passwords that wait to be hashed: fair between addresses, bounded in number, bytes and time. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import { SystemClock } from '../../../src/base/clock.js';
import { HASH_WAIT_MAX_MS, HASHES_WAITING_BYTES_MAX, HASHES_WAITING_MAX } from '../../../src/limits.js';
import { FairQueue } from '../../../src/passwords/fair-queue.js';
import { parseHashFormat } from '../../../src/passwords/hash-format.js';
import { HashBusyError, HashPool, type HashThreads, hashPool } from '../../../src/passwords/hash-pool.js';
import type { HashTask } from '../../../src/passwords/hash-thread.js';

const PBKDF2 = parseHashFormat('pbkdf2,sha256,10,32');
const PASSWORD = Buffer.from('public');

interface Entry {
  readonly from: string;
  readonly bytes: number;
  readonly number: number;
}

test('an address with a thousand waiting entries holds up another by one', (t) => {
  const queue = new FairQueue<Entry>(2_000, 1 << 20, () => t.fail());
  for (let number = 0; number < 1_000; number++) queue.push({ from: '10.0.0.1', bytes: 1, number });
  // Of several others, at least one shares no lane with it.
  const others = ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6', '10.0.0.7'];
  for (const from of others) queue.push({ from, bytes: 1, number: 0 });
  const first = Array.from({ length: 7 }, () => queue.shift()!.from);
  t.true(others.some((from) => first.includes(from)));
});

test('entries of one address keep their order', (t) => {
  const queue = new FairQueue<Entry>(100, 1_000, () => t.fail());
  for (let number = 0; number < 5; number++) queue.push({ from: 'a', bytes: 1, number });
  t.deepEqual(
    Array.from({ length: 5 }, () => queue.shift()!.number),
    [0, 1, 2, 3, 4],
  );
  t.is(queue.shift(), null);
});

test('a full queue drops the last of whoever waits most', (t) => {
  const dropped: Entry[] = [];
  const queue = new FairQueue<Entry>(10, 1_000, (entry) => dropped.push(entry));
  for (let number = 0; number < 10; number++) queue.push({ from: 'a', bytes: 1, number });
  queue.push({ from: 'b', bytes: 1, number: 0 });
  t.deepEqual(
    dropped.map(({ from, number }) => `${from}${number}`),
    ['a9'],
  );
});

test('whatever is pushed and shifted, nothing is lost, doubled or above the bounds', (t) => {
  const step = fc.oneof(
    fc.record({ from: fc.constantFrom('a', 'b', 'c'), bytes: fc.nat(40) }),
    fc.constant(null),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const out: Entry[] = [];
      const queue = new FairQueue<Entry>(8, 100, (entry) => out.push(entry));
      let pushed = 0;
      for (const next of steps) {
        if (next === null) {
          const entry = queue.shift();
          if (entry !== null) out.push(entry);
        } else {
          queue.push({ ...next, number: pushed++ });
        }
        t.true(queue.length <= 8);
      }
      for (let entry = queue.shift(); entry !== null; entry = queue.shift()) out.push(entry);
      t.is(new Set(out.map(({ number }) => number)).size, pushed);
      t.is(out.length, pushed);
    }),
    { numRuns: 100 },
  );
});

/** Threads that finish when the test says so. */
class StubThreads implements HashThreads {
  readonly count = 2;
  readonly running: { readonly task: HashTask; readonly finish: (hash: string | null | Error) => void }[] =
    [];

  run(task: HashTask): Promise<string | null> {
    return new Promise((resolve, reject) => {
      const finish = (hash: string | null | Error): void =>
        hash instanceof Error ? reject(hash) : resolve(hash);
      this.running.push({ task, finish });
    });
  }
}

const stored = { format: PBKDF2, salt: 'salt', hash: 'ab'.repeat(32) };

test('as many hashes run at once as there are threads', async (t) => {
  const threads = new StubThreads();
  const pool = new HashPool(threads, new SystemClock());
  const answers = Array.from({ length: 3 }, () => pool.verify(PASSWORD, stored, 'a'));
  t.is(threads.running.length, 2);
  threads.running[0]!.finish(stored.hash);
  t.true(await answers[0]);
  t.is(threads.running.length, 3);
  threads.running[1]!.finish(null);
  threads.running[2]!.finish('cd'.repeat(32));
  t.false(await answers[1]);
  t.false(await answers[2]);
});

test('a fast format asks no thread', async (t) => {
  const threads = new StubThreads();
  const pool = new HashPool(threads, new SystemClock());
  const kept = await pool.create(PASSWORD, parseHashFormat('salt,sha256'));
  t.true(await pool.verify(PASSWORD, kept, 'a'));
  t.false(await pool.verify(Buffer.from('publiC'), kept, 'a'));
  t.is(threads.running.length, 0);
});

test('a password that has waited too long is refused as busy', async (t) => {
  const clock = new SystemClock();
  const threads = new StubThreads();
  const pool = new HashPool(threads, clock);
  const answers = Array.from({ length: 3 }, () => pool.verify(PASSWORD, stored, 'a'));
  clock.advance(HASH_WAIT_MAX_MS + 1);
  for (const { finish } of threads.running) finish(stored.hash);
  t.true(await answers[0]);
  await t.throwsAsync(answers[2]!, { instanceOf: HashBusyError });
});

test('more passwords than may wait are refused as busy at once', async (t) => {
  const threads = new StubThreads();
  const pool = new HashPool(threads, new SystemClock());
  let busy = 0;
  const asks = HASHES_WAITING_MAX + threads.count + 5;
  for (let i = 0; i < asks; i++) pool.verify(PASSWORD, stored, `${i}`).catch(() => (busy += 1));
  await nextTurn();
  t.is(busy, 5);
});

test('long passwords are bounded by their bytes', async (t) => {
  const threads = new StubThreads();
  const pool = new HashPool(threads, new SystemClock());
  const long = new Uint8Array(65_535);
  let busy = 0;
  const asks = Math.ceil(HASHES_WAITING_BYTES_MAX / long.length) + threads.count;
  for (let i = 0; i < asks; i++) pool.verify(long, stored, `${i}`).catch(() => (busy += 1));
  await nextTurn();
  t.is(busy, 1);
});

test('a thread that fails refuses its password, says no secret, and the next goes on', async (t) => {
  const threads = new StubThreads();
  const pool = new HashPool(threads, new SystemClock());
  const answers = Array.from({ length: 3 }, () => pool.verify(PASSWORD, stored, 'a'));
  threads.running[0]!.finish(new Error('salt is public'));
  const error = await t.throwsAsync(answers[0]!);
  t.notRegex(error.message, /salt|public/);
  t.is(threads.running.length, 3);
  for (const { finish } of threads.running) finish(stored.hash);
  t.true(await answers[2]);
});

test('what is stored and of no use is refused without a hash', async (t) => {
  const threads = new StubThreads();
  const pool = new HashPool(threads, new SystemClock());
  await t.throwsAsync(pool.verify(PASSWORD, { format: PBKDF2, salt: '', hash: stored.hash }, 'a'));
  t.is(threads.running.length, 0);
});

for (const text of ['salt,bcrypt', 'pbkdf2,sha256,1000,32']) {
  test(`${text}: real threads tell the right password from a wrong one`, async (t) => {
    const kept = await hashPool().create(PASSWORD, parseHashFormat(text));
    t.true(await hashPool().verify(PASSWORD, kept, 'a'));
    t.false(await hashPool().verify(Buffer.from('publiC'), kept, 'a'));
  });
}
