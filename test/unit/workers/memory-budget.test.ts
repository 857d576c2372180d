/** The memory budget against plain sums. */
import test from 'ava';
import fc from 'fast-check';
import { MemoryBudget, WAITING_OUTPUT, WAITING_QUEUES, type Waiter } from '../../../workers/memory-budget.js';

class Holder implements Waiter {
  waitingBytes = 0;
  budgetClass = -1;
  budgetIndex = 0;
}

test('the budget is tight from 80 % and exceeded from 100 %', (t) => {
  const budget = new MemoryBudget(1_000);
  budget.add(WAITING_OUTPUT, 500);
  budget.add(WAITING_QUEUES, 299);
  t.false(budget.isTight);
  budget.add(WAITING_QUEUES, 1);
  t.true(budget.isTight);
  t.false(budget.isExceeded);
  budget.add(WAITING_OUTPUT, 200);
  t.true(budget.isExceeded);
  budget.add(WAITING_OUTPUT, -700);
  t.deepEqual(
    [budget.totalBytes, budget.waiting(WAITING_OUTPUT), budget.waiting(WAITING_QUEUES)],
    [300, 0, 300],
  );
});

test('a budget of 0 is never tight', (t) => {
  const budget = new MemoryBudget(0);
  budget.add(WAITING_OUTPUT, 2 ** 50);
  t.false(budget.isTight || budget.isExceeded);
});

test('the largest waiter is the one with the most bytes, whoever grew, shrank or left', (t) => {
  const bytes = fc.oneof(fc.nat(5_000), fc.nat(2 ** 31), fc.integer({ min: 2 ** 31, max: 2 ** 45 }));
  const step = fc.record({ holder: fc.nat(15), bytes, isGone: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const budget = new MemoryBudget(0);
      const holders = Array.from({ length: 16 }, () => new Holder());
      for (const { holder, bytes, isGone } of steps) {
        const changed = holders[holder]!;
        changed.waitingBytes = isGone ? 0 : bytes;
        if (isGone) budget.remove(changed);
        else budget.update(changed);
        const most = Math.max(...holders.map((each) => each.waitingBytes));
        const largest = budget.largest();
        if ((largest?.waitingBytes ?? 0) !== (most >= 1_024 ? most : 0)) throw new Error('not the largest');
      }
    }),
    { numRuns: 500 },
  );
  t.pass();
});
