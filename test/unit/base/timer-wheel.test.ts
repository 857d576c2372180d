/** The timer wheel against a list of deadlines. */
import test from 'ava';
import fc from 'fast-check';
import { TimerWheel, WheelItem } from '../../../src/base/timer-wheel.js';

class Item extends WheelItem {
  fired: number[] = [];
  /** Called when the deadline comes. */
  again: ((nowMs: number) => void) | null = null;

  override onDeadline(nowMs: number): void {
    this.fired.push(nowMs);
    this.again?.(nowMs);
  }
}

const wheelAt = (nowMs: number): TimerWheel => new TimerWheel({ tickMs: 100, slots: 16, nowMs });

test('a deadline fires at the first tick that is not before it', (t) => {
  const wheel = wheelAt(0);
  const item = new Item();
  wheel.schedule(250, item);
  t.true(wheel.advance(249, 10));
  t.true(wheel.advance(299, 10));
  t.deepEqual(item.fired, []);
  wheel.advance(300, 10);
  t.deepEqual(item.fired, [300]);
  t.is(wheel.size, 0);
});

test('a deadline put off by writing it alone fires at the later time, once', (t) => {
  const wheel = wheelAt(0);
  const item = new Item();
  wheel.schedule(200, item);
  for (let nowMs = 0; nowMs <= 10_000; nowMs += 100) {
    if (nowMs < 5_000) item.wheelDeadlineMs = nowMs + 1_500;
    wheel.advance(nowMs, 10);
  }
  t.deepEqual(item.fired, [6_400]);
});

test('an item may write Infinity, and is out of the wheel when its old deadline has come', (t) => {
  const wheel = wheelAt(0);
  const item = new Item();
  wheel.schedule(200, item);
  item.wheelDeadlineMs = Number.POSITIVE_INFINITY;
  wheel.advance(1_000, 10);
  t.is(wheel.size, 0);
  t.deepEqual(item.fired, []);
});

test('hours at once, the farthest expiry, and a clock set back', (t) => {
  const wheel = wheelAt(1_000_000);
  const near = new Item();
  const far = new Item();
  const farMs = 1_000_000 + 0xffffffff * 1_000;
  wheel.schedule(1_000_100, near);
  wheel.schedule(farMs, far);
  wheel.advance(0, 10);
  t.deepEqual(near.fired, []);
  wheel.advance(1_000_000 + 86_400_000, 10);
  t.deepEqual([near.fired.length, far.fired.length], [1, 0]);
  wheel.advance(farMs, 10);
  t.deepEqual(far.fired, [farMs]);
});

test('an item that schedules itself in the past fires once per tick and holds nobody up', (t) => {
  const wheel = wheelAt(0);
  const item = new Item();
  item.again = () => wheel.schedule(0, item);
  wheel.schedule(0, item);
  t.true(wheel.advance(100, 1_000));
  t.true(wheel.advance(199, 1_000));
  t.true(wheel.advance(200, 1_000));
  t.deepEqual(item.fired, [100, 200]);
});

test('many deadlines at once are told in slices', (t) => {
  const wheel = wheelAt(0);
  const items = Array.from({ length: 100 }, () => new Item());
  for (const item of items) wheel.schedule(50, item);
  let slices = 1;
  while (!wheel.advance(100, 30)) slices += 1;
  t.is(slices, 4);
  t.true(items.every((item) => item.fired.length === 1));
});

test('cancelling takes an item out wherever it is, also one that waits for the next slice', (t) => {
  const wheel = wheelAt(0);
  const first = new Item();
  const second = new Item();
  wheel.schedule(50, first);
  wheel.schedule(50, second);
  t.false(wheel.advance(100, 1));
  wheel.cancel(second);
  wheel.cancel(second);
  t.true(wheel.advance(200, 10));
  t.deepEqual([first.fired.length, second.fired.length, wheel.size], [1, 0, 0]);
});

const item = fc.nat(9);
const step = fc.oneof(
  fc.record({ kind: fc.constant('schedule' as const), item, inMs: fc.integer({ min: -300, max: 5_000 }) }),
  fc.record({ kind: fc.constant('postpone' as const), item, byMs: fc.nat(5_000) }),
  fc.record({ kind: fc.constant('cancel' as const), item }),
  fc.record({ kind: fc.constant('advance' as const), byMs: fc.nat(3_000), itemsMax: fc.nat(8) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The wheel beside a list of the deadlines that it must keep. */
class Run {
  nowMs = 12_345;
  readonly wheel = wheelAt(this.nowMs);
  readonly items = Array.from({ length: 10 }, () => new Item());
  readonly deadlines = new Map<Item, number>();

  constructor() {
    for (const item of this.items) {
      item.again = (firedMs) => {
        const deadlineMs = this.deadlines.get(item);
        if (deadlineMs === undefined || deadlineMs > firedMs)
          throw new Error('fired early, twice or cancelled');
        this.deadlines.delete(item);
      };
    }
  }

  step(step: Step): void {
    if (step.kind === 'advance') {
      this.advance(step.byMs, step.itemsMax);
      return;
    }
    const item = this.items[step.item]!;
    if (step.kind === 'schedule') {
      this.wheel.schedule(this.nowMs + step.inMs, item);
      this.deadlines.set(item, this.nowMs + step.inMs);
    } else if (step.kind === 'cancel') {
      this.wheel.cancel(item);
      this.deadlines.delete(item);
    } else if (this.deadlines.has(item)) {
      item.wheelDeadlineMs += step.byMs;
      this.deadlines.set(item, item.wheelDeadlineMs);
    }
  }

  advance(byMs: number, itemsMax: number): void {
    const before = this.nowMs;
    this.nowMs += byMs;
    if (!this.wheel.advance(this.nowMs, itemsMax)) return;
    for (const deadlineMs of this.deadlines.values()) {
      // What was set in the past waits for the tick after the one in which it was set.
      if (Math.max(deadlineMs, before) <= this.nowMs - 200) throw new Error('late by more than a tick');
    }
  }
}

test('nothing fires early, twice or after being cancelled, and everything fires', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
      const run = new Run();
      for (const each of steps) {
        run.step(each);
        if (run.wheel.size !== run.deadlines.size) throw new Error('size');
      }
      run.advance(100_000, 1_000);
      if (run.deadlines.size > 0) throw new Error('something never fired');
    }),
    { numRuns: 500 },
  );
  t.pass();
});
