import test from 'ava';
import { parseOptions, USAGE } from '../../../perf/lib/options.js';
import { BASKET, FAMILIES, SCENARIOS } from '../../../perf/scenarios/catalog.js';

test('without arguments the basket is run once, for two numbers', (t) => {
  const options = parseOptions([]);
  t.true(options.isCanonical);
  t.deepEqual(options.scenarios, BASKET);
  t.is(options.rounds, 1);
  t.deepEqual(options.shards, [0]);
});

test('--only takes scenarios, families and all, each once', (t) => {
  const names = (only: string): string[] => parseOptions(['--only', only]).scenarios.map(({ name }) => name);
  t.deepEqual(names('pairs'), ['pairs']);
  t.deepEqual(names('latency,rate-20k'), ['rate-20k', 'half-load', 'half-load-qos1']);
  t.is(names('all').length, SCENARIOS.length);
  t.throws(() => names('nothing'), { message: '--only nothing: no such scenario' });
});

test('names are unique, and none is a family of another', (t) => {
  const names = SCENARIOS.map(({ name }) => name);
  t.is(new Set(names).size, names.length);
  for (const { name, scenarios } of FAMILIES) {
    t.true(!names.includes(name) || scenarios.some((scenario) => scenario.name === name), name);
    t.true(USAGE.includes(`  ${name}: `));
  }
  // The first column of the table is 40 wide.
  for (const { title } of SCENARIOS) t.true(title.length <= 40, title);
});

test('peers are measured more than once', (t) => {
  const { against, rounds } = parseOptions(['--against', 'mosquitto,aedes']);
  t.deepEqual(against, ['mosquitto', 'aedes']);
  t.is(rounds, 3);
  t.is(parseOptions(['--against', 'aedes', '--rounds', '7']).rounds, 7);
});

test('what is wrong with an option is said', (t) => {
  t.throws(() => parseOptions(['--against', 'nobody']), {
    message: /^--against nobody: expected mosquitto, aedes$/,
  });
  t.throws(() => parseOptions(['--shards', '0']), { message: /--shards 0: expected a number from 1 to 32/ });
  t.throws(() => parseOptions(['--soak', 'long']), { message: /--soak long/ });
  t.throws(() => parseOptions(['--external', '1,2', '--shards', '1']), { message: /need a broker/ });
  t.throws(() => parseOptions(['--unknown']));
});
