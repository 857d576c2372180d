/** The mutations still fit the broker; whether the tests notice them is for `npm run mutations`. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { readTitles } from '../conformance/table.js';
import { parseTitle } from '../conformance/title.js';
import { applyTo, MUTATIONS } from './mutations.js';

const DIST = new URL('../../', import.meta.url);

test('there are at least thirty mutations, each with a name of its own', (t) => {
  t.true(MUTATIONS.length >= 30);
  t.is(new Set(MUTATIONS.map(({ name }) => name)).size, MUTATIONS.length);
});

test('each mutation changes its file, once', (t) => {
  for (const mutation of MUTATIONS) {
    const text = readFileSync(new URL(mutation.file, DIST), 'utf8');
    t.notThrows(() => applyTo(text, mutation));
    t.not(mutation.find, mutation.replace);
  }
});

test('each mutation names tests that exist', (t) => {
  const titles = readTitles();
  for (const { name, tests, match } of MUTATIONS) {
    t.notThrows(() => readFileSync(new URL(`test/${tests}.test.js`, DIST)), name);
    if (match === '') continue;
    const found = titles.some(({ file, title }) => {
      const cited = parseTitle(title).versions.flatMap(({ ids }) => ids);
      return tests === `conformance/${file.replace('.test.ts', '')}` && cited.includes(match);
    });
    t.true(found, `${name}: no test of ${match} in ${tests}`);
  }
});
