import test from 'ava';
import { Turns } from '../../../src/listing/turns.js';

test('so many work at a time, the others in order, and one too many is refused', async (t) => {
  const turns = new Turns(2, 2);
  const log: string[] = [];
  const ends: (() => void)[] = [];
  const work = (name: string) => () => {
    log.push(name);
    return new Promise<void>((resolve) => ends.push(resolve));
  };
  const all = ['a', 'b', 'c', 'd'].map((name) => turns.take(work(name)));
  t.deepEqual(log, ['a', 'b']);
  await t.throwsAsync(turns.take(work('e')), { message: /too many lists/ });
  ends[0]!();
  await all[0];
  t.deepEqual(log, ['a', 'b', 'c']);
  ends[1]!();
  await all[1];
  t.deepEqual(log, ['a', 'b', 'c', 'd']);
  for (const end of ends) end();
  await Promise.all(all);
  t.is(await turns.take(async () => 'again'), 'again');
});

test('who fails makes room for the next', async (t) => {
  const turns = new Turns(1, 1);
  const failing = turns.take(() => Promise.reject(new Error('no')));
  const next = turns.take(async () => 'next');
  await t.throwsAsync(failing, { message: 'no' });
  t.is(await next, 'next');
});
