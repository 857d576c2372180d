import test, { type ExecutionContext } from 'ava';
import type { LoopWatch } from '../../../workers/loop-watch.js';
import { Sweeper } from '../../../workers/sweeper.js';
import { Turn } from '../../../workers/turn.js';
import { holdClock } from '../../helpers/held-clock.js';
import { TestShard } from '../../helpers/test-shard.js';
import { until } from '../../helpers/with-broker.js';

/** A sweeper of its own, with a turn of its own, so that nothing else enters it; the clock stands. */
function setUp(t: ExecutionContext) {
  const shard = new TestShard();
  holdClock(shard.parts.clock, Date.now());
  const turn = new Turn(shard.parts.clock);
  const core = Object.assign(Object.create(shard.parts), { turn });
  const sweeper = new Sweeper(core);
  const ignore = (): void => {};
  turn.attach({
    ...{ commit: ignore, flushPeers: ignore, flushRelays: ignore },
    flushOutputs: () => sweeper.afterTurn(),
  });
  const figures = { ticks: 0 };
  sweeper.start({ tick: () => void figures.ticks++ } as unknown as LoopWatch);
  t.teardown(async () => {
    sweeper.stop();
    await shard.stop();
  });
  return { turn, figures };
}

test('a shard on which nothing happens looks at its deadlines less often than one on which something does', async (t) => {
  const [quiet, busy] = [setUp(t), setUp(t)];
  const entering = setInterval(() => busy.turn.enter(), 20);
  await until(() => busy.figures.ticks >= 12);
  clearInterval(entering);
  t.true(quiet.figures.ticks * 2 < busy.figures.ticks, `${quiet.figures.ticks} and ${busy.figures.ticks}`);
});

test('what happens on a shard that rests wakes it, once', async (t) => {
  const [quiet, woken, busy] = [setUp(t), setUp(t), setUp(t)];
  await until(() => quiet.figures.ticks >= 2 && woken.figures.ticks >= 2);
  const entering = setInterval(() => busy.turn.enter(), 20);
  const before = quiet.figures.ticks;
  for (let i = 0; i < 4; i++) {
    const ticks = woken.figures.ticks;
    woken.turn.enter();
    await until(() => woken.figures.ticks > ticks);
  }
  clearInterval(entering);
  t.true(quiet.figures.ticks - before < 4, `${quiet.figures.ticks - before}`);
});
