import test from 'ava';
import { filterSet, TopicWriter } from '../../../perf/lib/filter-set.js';

const KINDS = ['device', 'random'] as const;

/** As the specification says it, without any of the broker's code. */
function isMatch(filter: string, topic: string): boolean {
  const pattern = filter
    .split('/')
    .map((level) => (level === '+' ? '[^/]*' : level === '#' ? '.*' : level))
    .join('/');
  return new RegExp(`^${pattern}$`).test(topic);
}

for (const kind of KINDS) {
  test(`each filter of a set of kind ${kind} matches its own topic and no other`, (t) => {
    const filters = [0, 1].flatMap((subscriber) => filterSet(kind, 'run', subscriber, 60).slice(0, 60));
    const topics = [0, 1].flatMap((subscriber) => {
      const writer = new TopicWriter(kind, 'run', subscriber, 60);
      const bytes = Buffer.from(`--${writer.topic}--`);
      return Array.from({ length: 60 }, (_, sequence) => {
        writer.write(bytes, 2, sequence);
        return bytes.toString('utf8', 2, bytes.length - 2);
      });
    });
    t.is(new Set(topics).size, 120);
    for (const [i, filter] of filters.entries()) {
      t.deepEqual(
        topics.filter((topic) => isMatch(filter, topic)),
        [topics[i]],
      );
    }
    t.true(filters.some((filter) => filter.includes('+')));
  });
}
