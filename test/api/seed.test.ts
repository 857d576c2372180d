import { existsSync, readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { withApi } from '../helpers/api.js';
import { POPULATED, populate } from './populated.js';
import { rightRequests } from './requests.js';
import { differences, EMQ_NODE, readSeed, SAMPLES } from './seed-samples.js';

/** Where the document lies that the API was made from, on machines that have it. */
const SEEDS = ['../../../../shared/seeds/', '../../../../../shared/seeds/']
  .map((path) => new URL(path, import.meta.url))
  .find((folder) => existsSync(folder));

test(
  'each of EMQ’s 42 endpoints answers with the keys, in the order and of the types that EMQ’s has',
  withApi({ config: { ...POPULATED.config, 'node.name': EMQ_NODE } }, async (ask, broker, t) => {
    await populate(broker);
    const open = new Map(Object.entries(SAMPLES));
    t.is(open.size, 42);
    for (const { of, what, options } of rightRequests(EMQ_NODE)) {
      const { status, text, json } = await ask(what, options);
      const sample = open.get(of);
      if (sample === undefined) continue;
      open.delete(of);
      t.is(status, 200, what);
      t.deepEqual(Object.keys(json as object), ['code', 'result'], text);
      t.deepEqual(differences(sample, (json as { result: unknown }).result), [], `${what} ${text}`);
    }
    t.deepEqual([...open.keys()], []);
  }),
);

const withSeed = SEEDS === undefined ? test.skip : test;

withSeed('the shapes that this test holds answers to are those of EMQ’s own document', (t) => {
  const [file] = readdirSync(SEEDS!).filter((name) => name.endsWith('.txt'));
  const seed = readSeed(readFileSync(new URL(file!, SEEDS), 'utf8'));
  const shown = seed.map(([of]) => of);
  const unshown = Object.keys(SAMPLES).filter((of) => !shown.includes(of));
  t.deepEqual(unshown, ['GET users/{username}', 'GET nodes/{node}/alarms']);
  t.is(new Set(shown).size, 40);
  for (const [of, body] of seed) {
    const { code, result } = body as { code: number; result: unknown };
    t.is(code, 0);
    t.true(Object.hasOwn(SAMPLES, of), of);
    // This list forgets one, which the other has.
    const { 'messages/received': _, ...rest } = SAMPLES[of] as Record<string, unknown>;
    t.deepEqual(differences(of === 'GET monitoring/metrics' ? rest : SAMPLES[of], result), [], of);
  }
});

test('a difference is found at every level', (t) => {
  const sample = { a: [{ b: '', c: 0 }], d: false };
  t.deepEqual(differences(sample, { a: [{ b: 'x', c: 7 }], d: true }), []);
  t.deepEqual(differences(sample, { d: true, a: [{ b: '', c: 0 }] }), ['result: keys d,a in place of a,d']);
  t.deepEqual(differences(sample, { a: [{ b: '', c: '0' }], d: true }), [
    'result.a[0].c: string in place of integer',
  ]);
  t.deepEqual(differences(sample, { a: [{ b: null, c: 1.5 }], d: true }), [
    'result.a[0].b: null in place of string',
    'result.a[0].c: number in place of integer',
  ]);
  t.is(differences(sample, { a: [], d: true }).length, 1);
  t.is(differences([], [1]).length, 1);
  t.deepEqual(differences({ shutdown_count: [] }, { shutdown_count: { kick: 1 } }), []);
});
