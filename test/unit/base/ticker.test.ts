import test from 'ava';
import { Ticker } from '../../../src/base/ticker.js';
import { until } from '../../helpers/with-broker.js';

const INTERVAL_MS = 5;
const REST_MS = 20;

/** Counts ticks, and to what the timer was set. */
function setUp() {
  const set: number[] = [];
  const figures = { ticks: 0, isBusy: true };
  const ticker = new Ticker({
    intervalMs: INTERVAL_MS,
    restMs: REST_MS,
    set: (ms) => void set.push(ms),
    tick: () => {
      figures.ticks++;
      return figures.isBusy;
    },
  });
  return { ticker, set, figures };
}

test('it ticks at its interval while something happens', async (t) => {
  const { ticker, set, figures } = setUp();
  ticker.start();
  await until(() => figures.ticks >= 4);
  ticker.stop();
  t.deepEqual(new Set(set), new Set([INTERVAL_MS]));
  t.is(set.length, figures.ticks + 1);
});

test('it rests while nothing happens, and is woken by what does', async (t) => {
  const { ticker, set, figures } = setUp();
  figures.isBusy = false;
  ticker.start();
  await until(() => figures.ticks >= 2);
  t.deepEqual(set.slice(0, 3), [INTERVAL_MS, REST_MS, REST_MS]);
  figures.isBusy = true;
  const before = set.length;
  ticker.wake();
  // It is awake already.
  ticker.wake();
  await until(() => set.length >= before + 2);
  ticker.stop();
  t.deepEqual(set.slice(before, before + 2), [INTERVAL_MS, INTERVAL_MS]);
});

test('once stopped it is not woken', (t) => {
  const { ticker, set } = setUp();
  ticker.wake();
  ticker.start();
  ticker.stop();
  ticker.wake();
  t.deepEqual(set, [INTERVAL_MS]);
});

test('it may be stopped by what it ticks', async (t) => {
  const set: number[] = [];
  const ticker: Ticker = new Ticker({
    intervalMs: 1,
    restMs: 1,
    set: (ms) => void set.push(ms),
    tick: () => {
      ticker.stop();
      return true;
    },
  });
  ticker.start();
  const other = setUp();
  other.ticker.start();
  await until(() => other.figures.ticks >= 5);
  other.ticker.stop();
  t.deepEqual(set, [1]);
});
