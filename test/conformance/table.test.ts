/** Keeps statements, tests and docs/conformance.md in step. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { STATEMENTS } from './statements.js';
import { conformancePage, findGaps, PAGE, readTitles, testsByStatement } from './table.js';
import { parseTitle } from './title.js';

const found = testsByStatement(readTitles());

test('every statement that binds a server has a test or a reason to wait, and titles cite only statements', (t) => {
  t.deepEqual(findGaps(found), { unknown: [], uncovered: [], stale: [] });
});

test('the list has the statements of both specifications once each', (t) => {
  const count = (version: 3 | 5, binds: string): number =>
    STATEMENTS.filter((one) => one.version === version && one.binds === binds).length;
  t.deepEqual([count(3, 'S'), count(3, 'SC'), count(5, 'S'), count(5, 'SC')], [69, 61, 118, 118]);
  t.is(new Set(STATEMENTS.map((one) => `${one.version} ${one.id}`)).size, 366);
});

test('docs/conformance.md is what the statements and the tests say; `npm run docs` writes it', (t) => {
  t.is(readFileSync(PAGE, 'utf8'), conformancePage(found));
});

test('an unknown number and a missing test are noticed', (t) => {
  const titles = readTitles().filter(({ title }) => !title.includes('MQTT-3.12.4-1'));
  const gaps = findGaps(testsByStatement([...titles, { file: 'x', title: 'v5 MQTT-9.9.9-9: no such rule' }]));
  t.deepEqual(gaps.unknown, ['v5 MQTT-9.9.9-9']);
  t.deepEqual(gaps.uncovered, ['v3 MQTT-3.12.4-1', 'v5 MQTT-3.12.4-1']);
});

test('titles of another form are refused', (t) => {
  for (const title of [
    'MQTT-3.1.0-1: rule',
    'v3 3.1.0-1: rule',
    'v4 MQTT-3.1.0-1: rule',
    'v3 MQTT-3.1.0-1 rule',
    'v3: rule',
  ]) {
    t.throws(() => parseTitle(title), undefined, title);
  }
  t.deepEqual(parseTitle('v3 MQTT-1.5.3-1 v5 MQTT-1.5.4-1 MQTT-1.5.4-2: a: b'), {
    versions: [
      { version: 3, ids: ['MQTT-1.5.3-1'] },
      { version: 5, ids: ['MQTT-1.5.4-1', 'MQTT-1.5.4-2'] },
    ],
    rule: 'a: b',
  });
});
