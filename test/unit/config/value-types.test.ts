import test from 'ava';
import fc from 'fast-check';
import type { Option } from '../../../src/config/option.js';
import { priorities } from '../../../src/config/priorities.js';
import { CONFIG_KEYS, OPTIONS } from '../../../src/config/schema.js';
import * as types from '../../../src/config/value-types.js';
import { INVALID } from '../../../src/config/value-types.js';

test('durations take units alone or one after the other, with fractions', (t) => {
  const { parse } = types.duration();
  const cases: [string, number][] = [
    ['0', 0],
    ['500ms', 500],
    ['20s', 20_000],
    ['1m30s', 90_000],
    ['.5h', 1_800_000],
    ['1.5d', 129_600_000],
    ['2w', 1_209_600_000],
    ['1f', 1_209_600_000],
    ['1h1ms', 3_600_001],
  ];
  for (const [text, ms] of cases) t.is(parse(text), ms, text);
});

test('a duration without a unit is refused, unless the key says what it counts', (t) => {
  t.is(types.duration().parse('60'), INVALID);
  t.is(types.duration(0, 1e9, 1_000).parse('60'), 60_000);
});

test('keys that the protocol counts in seconds take whole ones only', (t) => {
  const { parse } = types.seconds(0, 65_535);
  t.deepEqual(
    ['20', '20s', '1m', '1500ms', '65536'].map((text) => parse(text)),
    [20_000, 20_000, 60_000, INVALID, INVALID],
  );
});

test('sizes are bytes, or KB, MB and GB of 1,024', (t) => {
  const { parse } = types.bytesize();
  t.is(parse('64KB'), 65_536);
  t.is(parse('1mb'), 1_048_576);
  t.is(parse('2 GB'), 2_147_483_648);
  t.is(parse('17'), 17);
  t.is(parse('1TB'), INVALID);
  t.is(parse('-1'), INVALID);
});

test('percentages become shares, and end at 100%', (t) => {
  t.is(types.percent().parse('60%'), 0.6);
  t.is(types.percent().parse('101%'), INVALID);
  t.is(types.percent().parse('60'), INVALID);
});

test('ranges hold at both ends', (t) => {
  const { parse } = types.integer(2, 4);
  t.deepEqual(['1', '2', '4', '5'].map(parse), [INVALID, 2, 4, INVALID]);
  t.is(types.float(0.5, 10).parse('0.4'), INVALID);
  t.is(types.bytesize(64, 1 << 28).parse('257MB'), INVALID);
});

test('flags know on, off, true and false', (t) => {
  t.deepEqual(['on', 'true', 'off', 'false', 'yes', ''].map(types.flag().parse), [
    true,
    true,
    false,
    false,
    INVALID,
    INVALID,
  ]);
});

test('text holds no control characters', (t) => {
  t.is(types.text(10).parse('a\nb'), INVALID);
  t.is(types.text(3).parse('abcd'), INVALID);
});

test('priorities name topics without wildcards, 0 to 255', (t) => {
  t.is(priorities().parse('a/+=1'), INVALID);
  t.is(priorities().parse('a=256'), INVALID);
  t.is(priorities().parse('a'), INVALID);
});

test('every default is read again from how it is written', (t) => {
  for (const key of CONFIG_KEYS) {
    const { type, default: value } = OPTIONS[key] as Option<unknown>;
    t.deepEqual(type.parse(type.format(value)), value, key);
  }
});

test('durations and sizes are written so that they are read as the same number', (t) => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 40 }), (n) => {
      t.is(types.duration().parse(types.formatDuration(n)), n);
      t.is(types.bytesize().parse(types.formatSize(n)), n);
    }),
    { numRuns: 300 },
  );
  t.pass();
});

test('no text makes a type throw or give what is not a value', (t) => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40, unit: 'binary' }), (text) => {
      for (const key of CONFIG_KEYS) {
        const value = (OPTIONS[key] as Option<unknown>).type.parse(text);
        if (value === undefined || value === null || Number.isNaN(value)) t.fail(`${key} ${text}`);
      }
    }),
    { numRuns: 300 },
  );
  t.pass();
});
