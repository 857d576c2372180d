import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import type { ShardFigures } from '../../../src/actor/shard-protocol.js';
import { SystemClock } from '../../../src/base/clock.js';
import { type AskedPool, LiveFigures } from '../../../src/figures/live-figures.js';
import { FIGURES_AGE_MAX_MS, FIGURES_WAIT_MS } from '../../../src/limits.js';
import { MetricsRegistry } from '../../../src/metrics/registry.js';

class TurnedClock extends SystemClock {
  nowMs = 0;

  override monotonicMs(): number {
    return this.nowMs;
  }
}

interface Question {
  readonly shard: number;
  readonly timeoutMs: number | undefined;
  answer(clients: number): void;
  fail(): void;
}

/** Two shards that answer when the test says so. */
function bench() {
  const questions: Question[] = [];
  const handles = [0, 1].map((id) => ({
    id,
    isAlive: true,
    incarnation: {},
    figures: null as ShardFigures | null,
  }));
  const pool = {
    handles,
    request: (shard: number, _type: string, _input: null, timeoutMs?: number) =>
      new Promise((resolve, reject) => {
        const answer = (clients: number): void => resolve({ clients });
        questions.push({ shard, timeoutMs, answer, fail: () => reject(new Error('late')) });
      }),
  };
  const clock = new TurnedClock();
  const registry = new MetricsRegistry(2);
  const live = new LiveFigures(pool as unknown as AskedPool, registry, clock);
  return { live, clock, registry, handles, questions };
}

test('any number of requests within a tenth of a second ask the shards once', async (t) => {
  const { live, clock, registry, handles, questions } = bench();
  const first = live.refresh();
  const second = live.refresh();
  t.deepEqual(
    questions.map(({ shard, timeoutMs }) => [shard, timeoutMs]),
    [
      [0, FIGURES_WAIT_MS],
      [1, FIGURES_WAIT_MS],
    ],
  );
  questions[0]!.answer(2);
  questions[1]!.answer(3);
  await Promise.all([first, second]);
  t.is(registry.count('clients'), 5);
  t.is(handles[1]!.figures?.clients, 3);
  clock.nowMs = FIGURES_AGE_MAX_MS;
  await live.refresh();
  t.is(questions.length, 2, 'they are new enough');
  clock.nowMs++;
  void live.refresh();
  t.is(questions.length, 4);
});

test('a question that is under way is not asked again, however late its answer', async (t) => {
  const { live, clock, questions } = bench();
  const first = live.refresh();
  clock.nowMs = FIGURES_WAIT_MS - 1;
  const second = live.refresh();
  t.is(questions.length, 2);
  for (const question of questions) question.answer(0);
  await Promise.all([first, second]);
  void live.refresh();
  t.is(questions.length, 4);
});

test('what a shard said last counts while it does not answer; one that is down is not asked', async (t) => {
  const { live, clock, registry, handles, questions } = bench();
  const first = live.refresh();
  questions[0]!.answer(2);
  questions[1]!.answer(3);
  await first;
  clock.nowMs = 1_000;
  const second = live.refresh();
  questions[2]!.answer(4);
  questions[3]!.fail();
  await second;
  t.is(registry.count('clients'), 7);
  clock.nowMs = 2_000;
  handles[1]!.isAlive = false;
  const third = live.refresh();
  t.is(questions.length, 5);
  questions[4]!.answer(1);
  await third;
});

test('the answer of a shard that has ended meanwhile is not that of the one that took its place', async (t) => {
  const { live, registry, handles, questions } = bench();
  const first = live.refresh();
  handles[0]!.incarnation = {};
  handles[1]!.isAlive = false;
  questions[0]!.answer(2);
  questions[1]!.answer(3);
  await first;
  await nextTurn();
  t.is(registry.count('clients'), 0);
});
