import test from 'ava';
import { wrongWithPlugin } from '../../../src/plugins/plugin-shape.js';

const GOOD = { name: 'good', description: 'A good one' };
const option = (fields: object): object => ({
  ...GOOD,
  options: { 'good.key': { type: { kind: 'string' }, default: null, about: '', ...fields } },
});
const shard = new URL('file:///somewhere/shard.js');

const WRONG: readonly (readonly [unknown, string])[] = [
  [undefined, 'its default export is not a plugin, an object with a name and a description'],
  [() => GOOD, 'its default export is not a plugin, an object with a name and a description'],
  [{}, 'its name is not a string'],
  [{ ...GOOD, description: 5 }, 'its description is not a string'],
  [{ ...GOOD, start: 'now' }, 'its start is not a function'],
  [{ ...GOOD, shards: shard }, 'a plugin has no property shards'],
  [{ ...GOOD, name: 'Good' }, 'its name is not made of lower case letters'],
  [{ ...GOOD, name: '../good' }, 'its name is not made of lower case letters'],
  [{ ...GOOD, name: 'g'.repeat(65) }, 'its name is not made of lower case letters'],
  [{ ...GOOD, shard: './shard.js' }, 'its shard is not the URL of a file'],
  [{ ...GOOD, shard: new URL('https://example.com/shard.js') }, 'its shard is not the URL of a file'],
  [{ ...GOOD, isGuard: true }, 'it is a guard and has no shard'],
  [{ ...GOOD, options: { 'good..key': {} } }, 'its option good..key has a name that is not a key'],
  [{ ...GOOD, options: { 'good.key': null } }, 'its option good.key has no type of a kind among'],
  [option({ type: { kind: 'text' } }), 'its option good.key has no type of a kind among'],
  [option({ type: { kind: 'enum' } }), 'its option good.key has no list of words'],
  [option({ default: 5 }), 'its option good.key has a default that is neither a string nor null'],
  [option({ default: undefined }), 'its option good.key has a default that is neither a string nor null'],
  [
    option({ type: { kind: 'integer' }, default: 'x' }),
    'its option good.key has a default that is not one of its values',
  ],
];

test('what is not a plugin is told from one in a sentence', (t) => {
  for (const [value, what] of WRONG) t.true(wrongWithPlugin(value)?.startsWith(what), what);
});

test('what is a plugin has nothing wrong with it', (t) => {
  t.is(wrongWithPlugin(GOOD), null);
  const options = {
    'good.$id.key': { type: { kind: 'integer', min: 1 }, default: null, about: '' },
    'good.key': { type: { kind: 'duration' }, default: '5m', about: '', secret: true },
  };
  const start = (): undefined => undefined;
  t.is(wrongWithPlugin({ ...GOOD, version: '1', isGuard: true, shard, options, start, check: start }), null);
});
