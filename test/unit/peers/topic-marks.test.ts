import test from 'ava';
import { TopicMarks } from '../../../workers/peers/topic-marks.js';

test('a mark is there until the commit that took it is over, and one that came meanwhile until the next', (t) => {
  const marks = new TopicMarks();
  marks.add(5);
  marks.take();
  marks.add(-7);
  t.true(marks.has(5) && marks.has(-7));
  marks.clearTaken();
  t.false(marks.has(5));
  t.true(marks.has(-7));
  marks.take();
  marks.clearTaken();
  t.true(marks.isEmpty);
  t.false(marks.has(-7));
});

test('few topics share a mark with one of hundreds', (t) => {
  const marks = new TopicMarks();
  const hashOf = (i: number): number => Math.imul(i, 0x9e37_79b1);
  for (let i = 0; i < 300; i++) marks.add(hashOf(i));
  let shared = 0;
  for (let i = 300; i < 10_300; i++) if (marks.has(hashOf(i))) shared++;
  t.true(shared < 300, `${shared} of 10,000`);
});
