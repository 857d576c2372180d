import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import test from 'ava';
import { API_CODES } from '../../src/api/api-error.js';
import { ENDPOINTS } from '../../src/api/endpoints.js';
import { client, NODE } from '../api/lists.js';
import { nameOf } from '../api/requests.js';
import { differences } from '../api/seed-samples.js';
import { withApi } from '../helpers/api.js';
import { needs } from '../helpers/needs.js';

type Json = unknown;

const run = promisify(execFile);
const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const API_PAGE = read('docs/api.md');

/** A block that begins with `curl`, and the answer below it. */
const TYPED = /```sh\n(curl [^\n]*)\n```\n```(\w+)\n([\s\S]*?)\n```/g;

for (const [name, page] of [
  ['docs/api.md', API_PAGE],
  ['README.md', read('README.md')],
] as const) {
  needs('curl')(
    `${name}: each curl that can be typed there answers as shown, but for numbers and times`,
    withApi({}, async (_ask, broker, t) => {
      await (await client(broker, 'meter-1')).subscribe([['demo/#', 1]]);
      await (await client(broker, 'wall-display')).subscribe([['news/#', 0]]);
      for (const id of ['meter-2', 'meter-3']) {
        const absent = await client(broker, id, { clean: false });
        await absent.subscribe([['orders', 1]]);
        await absent.disconnect();
      }
      const typed = [...page.matchAll(TYPED)];
      t.true(typed.length > 3);
      t.is(typed.length, [...page.matchAll(/^curl /gm)].length, 'each has an answer');
      const root = `http://127.0.0.1:${broker.apiPort}`;
      const env = { ...process.env, API: `${root}/api/v2`, NODE };
      for (const [, line = '', kind = '', shown = ''] of typed) {
        const command = line
          .replace('http://localhost:8080', root)
          .replace(/^curl/, 'curl -sS --max-time 20');
        const { stdout } = await run('sh', ['-c', command], { env });
        t.deepEqual(kind === 'json' ? jsonFaults(shown, stdout) : textFaults(shown, stdout), [], line);
      }
    }),
  );
}

/** Codes and messages are the same; of all else, keys, their order and types. */
function jsonFaults(shown: string, got: string): string[] {
  const [sample, value] = [parseShown(shown), JSON.parse(got) as Json];
  const { code, message } = sample as { code?: number; message?: string };
  const { code: gotCode, message: gotMessage } = value as { code?: number; message?: string };
  if (code !== gotCode || message !== gotMessage) return [got];
  return differences(uncut(sample), likeCut(sample, value), 'body');
}

/** `...` stands for more rows of a list, or for more keys of an object. */
function parseShown(shown: string): Json {
  const json = shown.replace(/,\s*\.\.\.\s*\]/g, ']').replace(/,\s*\.\.\.\s*\}/g, ',"...":0}');
  return JSON.parse(json) as Json;
}

function uncut(sample: Json): Json {
  if (Array.isArray(sample)) return sample.map(uncut);
  if (typeof sample !== 'object' || sample === null) return sample;
  const entries = Object.entries(sample).filter(([key]) => key !== '...');
  return Object.fromEntries(entries.map(([key, value]) => [key, uncut(value)]));
}

/** @returns of a value, what a sample shows: not the keys after its `...` */
function likeCut(sample: Json, value: Json): Json {
  if (Array.isArray(sample) && Array.isArray(value)) return value.map((each) => likeCut(sample[0], each));
  if (!isObject(sample) || !isObject(value)) return value;
  const keys = Object.keys(sample);
  const entries = Object.entries(value).slice(0, keys.includes('...') ? keys.length - 1 : undefined);
  return Object.fromEntries(entries.map(([key, each]) => [key, likeCut(sample[key], each)]));
}

const isObject = (value: Json): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function textFaults(shown: string, got: string): string[] {
  const lines = shown
    .replace(/\n\.\.\.$/, '')
    .split('\n')
    .map(withoutNumbers);
  const found = got.split('\n').slice(0, lines.length).map(withoutNumbers);
  return lines.filter((line, at) => line !== found[at]).map((line) => `${line} is not in ${got}`);
}

const withoutNumbers = (line: string): string => line.replace(/\d[\d.]*(e[+-]?\d+)?/g, '#');

test('docs/api.md has every endpoint once, and names all of its parameters', (t) => {
  const sections = new Map(
    [...API_PAGE.matchAll(/^### `(.*)`\n([\s\S]*?)(?=^##|$(?![\s\S]))/gm)].map(([, of, text]) => [of, text!]),
  );
  t.deepEqual([...sections.keys()].sort(), ENDPOINTS.map(nameOf).sort());
  for (const each of ENDPOINTS) {
    const names = Object.keys(each.fields ?? {}).filter(
      (name) => !sections.get(nameOf(each))!.includes(name),
    );
    t.deepEqual(names, isLikeAnother(nameOf(each)) ? names : [], nameOf(each));
  }
});

/** What is said of all nodes holds of one. */
const isLikeAnother = (of: string): boolean => /^(PUT|DELETE) nodes\/\{node\}\/configs/.test(of);

test('docs/api.md has every code with its meaning', (t) => {
  const rows = Object.entries(API_CODES).map(([code, meaning]) => `| ${code} | ${meaning} |`);
  t.true(API_PAGE.includes(rows.join('\n')));
});
