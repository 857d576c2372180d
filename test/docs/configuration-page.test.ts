import { readFileSync } from 'node:fs';
import test from 'ava';
import { loadConfig } from '../../src/config/load.js';
import { CONFIG_KEYS } from '../../src/config/schema.js';
import { withFile } from '../unit/config/config-files.js';
import { configurationPage } from './configuration-page.js';

const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');

test('docs/configuration.md is what `npm run docs` writes', (t) => {
  t.is(page, configurationPage());
});

test('every key of the schema has exactly one row', (t) => {
  for (const key of CONFIG_KEYS) t.is(page.split(`\n| \`${key}\` |`).length, 2, key);
});

test('the examples of the page load without a word', (t) => {
  const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1]!);
  t.is(examples.length, 2);
  for (const text of examples) {
    const result = loadConfig({ file: withFile(t, 'example.yaml', text) });
    t.true(result.ok, text);
    t.deepEqual(result.warnings, []);
  }
});
