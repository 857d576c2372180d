import { readFileSync } from 'node:fs';
import test from 'ava';
import { CONFIG_KEYS } from '../../src/config/schema.js';
import { configurationPage } from './configuration-page.js';

const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');

test('docs/configuration.md is what `npm run docs` writes', (t) => {
  t.is(page, configurationPage());
});

test('every key of the schema has exactly one row', (t) => {
  for (const key of CONFIG_KEYS) t.is(page.split(`\n| \`${key}\` |`).length, 2, key);
});
