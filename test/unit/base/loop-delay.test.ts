import test from 'ava';
import { LoopDelay } from '../../../src/base/loop-delay.js';

const INTERVAL_MS = 100;
const BOUND_MS = 500;

/** A loop whose timer is due every INTERVAL_MS. */
function setUp(boundMs = BOUND_MS) {
  const delay = new LoopDelay(boundMs);
  return {
    delay,
    /** The timer fires late, so many times. @returns how often `isOverloaded` has changed */
    late(byMs: number, times = 1): number {
      let changes = 0;
      for (let i = 0; i < times; i++) {
        if (delay.tick(byMs, INTERVAL_MS + byMs)) changes++;
      }
      return changes;
    },
  };
}

test('a loop in time is late by nothing, and one that is always late by its delay', (t) => {
  const { delay, late } = setUp();
  late(0, 20);
  t.is(delay.delayMs, 0);
  late(80, 100);
  t.true(Math.abs(delay.delayMs - 80) < 1, `${delay.delayMs}`);
});

test('one pause below the bound is no overload, and leaves the average soon', (t) => {
  const { delay, late } = setUp();
  t.is(late(50), 0);
  t.true(delay.delayMs < 10);
  t.is(late(BOUND_MS), 0);
  t.is(late(0, 30), 0);
  t.true(delay.delayMs < 20);
});

test('delays above the bound one after the other are an overload within two seconds', (t) => {
  const { delay, late } = setUp();
  t.is(late(650, 2), 1);
  t.true(delay.isOverloaded);
});

test('it ends at half of the bound, so that it does not come and go', (t) => {
  const { delay, late } = setUp();
  late(650, 5);
  t.is(late(300, 100), 0);
  t.true(delay.isOverloaded);
  t.is(late(200, 100), 1);
  t.false(delay.isOverloaded);
});

test('however long a pause was, it is over two seconds after it', (t) => {
  const { delay, late } = setUp();
  t.is(late(60_000), 1);
  t.true(delay.delayMs <= 2 * BOUND_MS);
  t.is(late(0, 20), 1);
  t.false(delay.isOverloaded);
});

test('with a bound of 0 the delay is measured, and never too much', (t) => {
  const { delay, late } = setUp(0);
  t.is(late(5_000, 10), 0);
  t.true(delay.delayMs > 4_900);
});
