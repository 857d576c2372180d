import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { BrokerError } from '../../../src/base/errors.js';
import { openDataDir } from '../../../src/supervisor/data-dir.js';
import { tempDirectory } from '../../helpers/with-broker.js';

test('a new directory gets its own keys, and keeps them', (t) => {
  const directory = join(tempDirectory(), 'deep', 'data');
  const first = openDataDir(directory, 0, 3);
  t.is(first.shards, 3);
  t.deepEqual(openDataDir(directory, 0, 7), first);
  t.deepEqual(openDataDir(directory, 5, 7), { ...first, shards: 5 });
  t.deepEqual(openDataDir(directory, 0, 7), { ...first, shards: 5 });
  t.deepEqual(readdirSync(directory), ['node.json']);
  const other = openDataDir(tempDirectory(), 0, 3);
  t.not(other.slotKey, first.slotKey);
});

test('what a crash left of an unfinished write does not matter', (t) => {
  const directory = tempDirectory();
  const before = openDataDir(directory, 2, 1);
  writeFileSync(join(directory, 'node.json.tmp'), '{"half');
  t.deepEqual(openDataDir(directory, 0, 1), before);
  t.is(openDataDir(directory, 4, 1).shards, 4);
});

const key = Buffer.alloc(32).toString('base64');
const DAMAGED: Record<string, string> = {
  '': 'it is not JSON',
  '[': 'it is not JSON',
  null: 'it is not an object',
  '{"formatVersion":1}': 'slotKey',
  [`{"formatVersion":1,"slotKey":"${key}","hashSeed":-1,"shards":1}`]: 'hashSeed',
  [`{"formatVersion":1,"slotKey":"${key}","hashSeed":1,"shards":0}`]: 'shards',
  [`{"formatVersion":1,"slotKey":"${key}","hashSeed":1,"shards":1000}`]: 'shards',
  '{"formatVersion":2}': 'formatVersion 2, this version knows only 1',
};

test('a damaged or foreign file is an error that says what is wrong, and stays as it is', (t) => {
  for (const [content, what] of Object.entries(DAMAGED)) {
    const directory = tempDirectory();
    writeFileSync(join(directory, 'node.json'), content);
    const error = t.throws(() => openDataDir(directory, 1, 1), { instanceOf: BrokerError }, content);
    t.is(error.code, 'DATA_DIR_FAILED');
    t.true(error.message.includes(what), error.message);
    t.true(error.message.includes(directory));
  }
});

test('a directory that cannot be made is an error that names it', (t) => {
  const file = join(tempDirectory(), 'file');
  writeFileSync(file, '');
  const error = t.throws(() => openDataDir(join(file, 'below'), 1, 1), { instanceOf: BrokerError });
  t.is(error.code, 'DATA_DIR_FAILED');
  t.true(error.message.startsWith(file));
});
