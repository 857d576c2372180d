import test from 'ava';
import type { Clock } from '../../../src/base/clock.js';
import { REWRITE_REFUSED_MS } from '../../../src/limits.js';
import { BoundedMatcher } from '../../../src/plugins/emq_modules/bounded-matcher.js';
import { Rewriter } from '../../../src/plugins/emq_modules/rewrite.js';
import { RecordingLogger } from '../../helpers/with-broker.js';

const NESTED = /^evil\/(a+)+$/u;
const RULE = { filter: 'evil/#', expression: NESTED, replacement: 'good/$1' };
/** Longer than any machine is busy. */
const PATIENT_MS = 60_000;

test('an expression that takes for ever is given up, and the next is matched as ever', (t) => {
  const evil = `evil/${'a'.repeat(50)}b`;
  t.is(new BoundedMatcher(20).match(NESTED, evil), undefined);
  const patient = new BoundedMatcher(PATIENT_MS);
  t.is(patient.match(NESTED, 'evil/aaa')?.[1], 'aaa');
  t.is(patient.match(NESTED, 'evil/b'), null);
  const long = `long/${'-z-'.repeat(20)}${'x'.repeat(300)}`;
  t.is(patient.match(/^long\/(.+)-z-(.+)$/u, long)?.[2], 'x'.repeat(300));
});

test('a topic that took too long is not tried again for a moment, and then it is', (t) => {
  let nowMs = 5;
  const clock: Clock = { monotonicMs: () => nowMs, wallMs: () => 0 };
  const answers = [undefined, undefined, NESTED.exec('evil/aaa')];
  const log = new RecordingLogger();
  const rewriter = new Rewriter([RULE], log, { match: () => answers.shift() }, clock);
  for (const left of [2, 1]) {
    t.is(rewriter.rewrite('evil/aaa'), null);
    nowMs += REWRITE_REFUSED_MS - 1;
    t.is(rewriter.rewrite('evil/aaa'), null);
    t.is(answers.length, left);
    nowMs += 1;
  }
  t.is(rewriter.rewrite('evil/aaa'), 'good/aaa');
  t.is(rewriter.rewrite('evil/aaa'), 'good/aaa');
  t.is(log.lines.length, 2);
});
