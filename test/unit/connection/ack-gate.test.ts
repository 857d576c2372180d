import test from 'ava';
import { COMMIT_TIMEOUT_MS } from '../../../src/limits.js';
import { AckGate } from '../../../workers/connection/ack-gate.js';
import type { Core } from '../../../workers/core.js';

test('while commits fail nothing gathers of what has been given up', (t) => {
  const asked: (() => void)[] = [];
  const commits = { nextNumber: 1, whenSafe: (callback: () => void) => void asked.push(callback) };
  const turn = { nowMs: 0 };
  const gate = new AckGate({} as Core, commits, turn);
  const told: string[] = [];
  for (let i = 0; i < 1_000; i++) {
    turn.nowMs += COMMIT_TIMEOUT_MS / 100;
    gate.whenSafe((isSafe) => told.push(`${i} ${isSafe}`));
    gate.endTurn();
    gate.sweep(turn.nowMs);
  }
  t.is(asked.length, 1);
  // The commit begins that has all of it, and behind it another one.
  commits.nextNumber++;
  gate.whenSafe((isSafe) => told.push(`next ${isSafe}`));
  gate.endTurn();
  t.is(asked.length, 2);
  asked[0]!();
  t.deepEqual(
    told,
    Array.from({ length: 1_000 }, (_, i) => `${i} ${i >= 900}`),
  );
  asked[1]!();
  t.is(told.at(-1), 'next true');
});
