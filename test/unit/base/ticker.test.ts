import test from 'ava';
import { Ticker } from '../../../src/base/ticker.js';
import { until } from '../../helpers/with-broker.js';

const INTERVAL_MS = 5;
/** It does not come to its end here. */
const REST_MS = 3_600_000;

/** Counts ticks; the clock stands unless it is turned. */
function setUp(isBusy: boolean) {
  const figures = { ticks: 0, isBusy, nowMs: 0, passMs: 0, lateMs: [] as number[] };
  const clock = { monotonicMs: () => figures.nowMs };
  const ticker = new Ticker(clock, {
    intervalMs: INTERVAL_MS,
    restMs: REST_MS,
    tick: (lateMs) => {
      figures.ticks++;
      figures.lateMs.push(lateMs);
      return figures.isBusy;
    },
  });
  return { ticker, figures };
}

/** So long that a timer of INTERVAL_MS would have fired. */
async function pass(): Promise<void> {
  const { ticker, figures } = setUp(true);
  ticker.start();
  await until(() => figures.ticks >= 3);
  ticker.stop();
}

test('it ticks again and again while something happens', async (t) => {
  const { ticker, figures } = setUp(true);
  ticker.start();
  await until(() => figures.ticks >= 4);
  ticker.stop();
  const { ticks } = figures;
  await pass();
  t.is(figures.ticks, ticks);
});

test('it rests while nothing happens, and is woken by what does', async (t) => {
  const { ticker, figures } = setUp(false);
  ticker.start();
  await until(() => figures.ticks === 1);
  await pass();
  t.is(figures.ticks, 1);
  ticker.wake();
  // It is awake already.
  ticker.wake();
  await until(() => figures.ticks >= 3);
  await pass();
  t.is(figures.ticks, 3);
  ticker.stop();
});

test('a thread that is late does something, and how late it is is not forgotten when it is woken', async (t) => {
  const { ticker, figures } = setUp(false);
  ticker.start();
  figures.nowMs += 1_000;
  await until(() => figures.ticks >= 2);
  await pass();
  t.deepEqual(figures.lateMs, [1_000 - INTERVAL_MS, 0]);
  // Its rest is over, and it has not fired: that is left to it.
  figures.nowMs += REST_MS;
  ticker.wake();
  await pass();
  t.is(figures.ticks, 2);
  ticker.stop();
});

test('a clock that was turned is no delay', async (t) => {
  const { ticker, figures } = setUp(false);
  ticker.start();
  figures.nowMs += 3_600_000;
  ticker.clockTurned(3_600_000);
  await until(() => figures.ticks === 1);
  ticker.stop();
  t.deepEqual(figures.lateMs, [0]);
});

test('once stopped it is not woken', async (t) => {
  const { ticker, figures } = setUp(true);
  ticker.wake();
  ticker.start();
  ticker.stop();
  ticker.wake();
  await pass();
  t.is(figures.ticks, 0);
});

test('it may be woken and stopped by what it ticks', async (t) => {
  let ticks = 0;
  const ticker: Ticker = new Ticker(
    { monotonicMs: () => 0 },
    {
      intervalMs: 1,
      restMs: 1,
      tick: () => {
        ticks++;
        ticker.wake();
        if (ticks === 2) ticker.stop();
        return false;
      },
    },
  );
  ticker.start();
  await until(() => ticks === 2);
  await pass();
  t.is(ticks, 2);
});
