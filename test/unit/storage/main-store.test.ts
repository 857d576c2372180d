/** What main keeps: read as it was written, after anything that may happen to a disk; files of earlier versions. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Environment } from '../../../src/storage/environment.js';
import { framed } from '../../../src/storage/framing.js';
import { MainStore } from '../../../src/storage/main-store.js';
import { damageDocument, storedText, storeText } from '../../helpers/documents.js';
import { RecordingLogger, tempDirectory } from '../../helpers/with-broker.js';

const open = (directory: string, logger = new RecordingLogger()): Promise<MainStore> =>
  MainStore.open(directory, logger);
const users = (store: MainStore) => store.document('users', 'users.json');

test('a document is as it was written last, and nobody else may read it', async (t) => {
  const directory = tempDirectory();
  const store = await open(directory);
  const document = users(store);
  t.is(document.read(100), null);
  t.false(existsSync(join(directory, 'main')), 'nothing is made before there is something');
  await Promise.all(['one', 'two', 'three'].map((text) => document.write(text)));
  t.is(document.read(100)?.toString(), 'three');
  t.is(document.where, `users in ${join(directory, 'main')}`);
  const large = Buffer.alloc(5 << 20, 'x');
  await store.document('plugins/a/b', 'plugins/a/b').write(large);
  await store.close();
  t.is(statSync(join(directory, 'main')).mode & 0o777, 0o700);
  const again = await open(directory);
  t.is(users(again).read(100)?.toString(), 'three');
  t.true(again.get('plugins/a/b')?.equals(large));
  await again.close();
});

test('somebody may look while it is changed', async (t) => {
  const directory = tempDirectory();
  const store = await open(directory);
  await users(store).write('one');
  t.is(await storedText(directory, 'users'), 'one');
  await users(store).write('two');
  t.is(await storedText(directory, 'users'), 'two');
  await store.close();
  t.is(await storedText(directory, 'users'), 'two');
});

test('the file of an earlier version counts, is taken in once, and renamed', async (t) => {
  const directory = tempDirectory();
  const file = join(directory, 'users.json');
  writeFileSync(file, 'old');
  const store = await open(directory);
  const document = users(store);
  t.is(document.where, file);
  t.is(document.read(3)?.toString(), 'old');
  t.throws(() => document.read(2), { message: /longer than 2 bytes/ });
  t.is(await storedText(directory, 'users'), null, 'not before the start has succeeded');
  await store.adoptFiles();
  t.is(document.where, `users in ${join(directory, 'main')}`);
  t.is(document.read(3)?.toString(), 'old');
  t.false(existsSync(file));
  t.is(readFileSync(`${file}.imported`, 'utf8'), 'old');
  await document.write('new');
  await store.close();
  const again = await open(directory);
  await again.adoptFiles();
  t.is(users(again).read(3)?.toString(), 'new');
  await again.close();
});

test('what is written before the file is taken in is not undone by it', async (t) => {
  const directory = tempDirectory();
  writeFileSync(join(directory, 'users.json'), 'old');
  const store = await open(directory);
  t.is(users(store).read(3)?.toString(), 'old');
  await users(store).write('new');
  await store.adoptFiles();
  t.is(users(store).read(3)?.toString(), 'new');
  t.is(readFileSync(join(directory, 'users.json.imported'), 'utf8'), 'old');
  await store.close();
});

test('a file that is put there takes the place of what is stored, also where that is damaged', async (t) => {
  const directory = tempDirectory();
  await storeText(directory, 'users', 'stored');
  await damageDocument(directory, 'users');
  const store = await open(directory);
  t.throws(() => users(store).read(100), { message: 'it is not as it was written' });
  t.regex(
    users(store).remedy,
    /^restore a backup, or put a good users\.json into .* and start again; without .*main/,
  );
  writeFileSync(join(directory, 'users.json'), 'good');
  t.is(users(store).read(100)?.toString(), 'good');
  await store.adoptFiles();
  await store.close();
  t.is(await storedText(directory, 'users'), 'good');
});

test('a document of a later version is refused', async (t) => {
  const directory = tempDirectory();
  await storeText(directory, 'users', 'stored');
  const environment = new Environment(join(directory, 'main'), ['meta', 'documents']);
  const key = Buffer.from('users');
  environment.writeNow([{ table: 'documents', key, value: framed(key, Buffer.from('x'), 2) }]);
  await environment.close();
  const store = await open(directory);
  t.throws(() => users(store).read(100), { message: 'a later version has written it' });
  await store.close();
});

test('of an environment that is lost every document is missed, until it is removed', async (t) => {
  const directory = tempDirectory();
  await storeText(directory, 'users', 'stored');
  const file = join(directory, 'main', 'data.mdb');
  truncateSync(file, 100);
  await t.throwsAsync(MainStore.look(directory, false), {
    message: /main .*; the next start mends what it can/,
  });
  const logger = new RecordingLogger();
  for (let start = 0; start < 2; start++) {
    const store = await open(directory, logger);
    for (const name of ['users', 'plugins/one']) {
      t.throws(() => store.get(name), { message: 'it may have been lost with a damaged file' });
    }
    t.is(store.damage?.id, start === 0 ? 'store_damaged.main' : undefined);
    await store.close();
  }
  t.true(logger.has('error', /main: the store .*; it is now main\.bad; /));
  t.true(logger.has('error', /main: which documents it had is lost, so each that is not there may be lost$/));
  t.is(logger.lines.filter(({ level }) => level === 'error').length, 2);
  await storeText(directory, 'users', 'new');
  t.is(await storedText(directory, 'users'), 'new');
  await t.throwsAsync(storedText(directory, 'bans'));
  rmSync(join(directory, 'main'), { recursive: true });
  const fresh = await open(directory);
  t.is(users(fresh).read(100), null);
  await fresh.close();
});

test('a document that cannot be stored rejects, and the one before counts', async (t) => {
  const directory = tempDirectory();
  writeFileSync(join(directory, 'users.json'), 'old');
  mkdirSync(join(directory, 'users.json.imported'));
  const store = await open(directory);
  t.is(users(store).read(3)?.toString(), 'old');
  await t.throwsAsync(users(store).write('new'));
  await t.throwsAsync(store.adoptFiles());
  t.is(users(store).read(3)?.toString(), 'old');
  await store.close();
});

test('names that are not as they were written count as lost, those of a later version are refused', async (t) => {
  const directory = tempDirectory();
  await storeText(directory, 'users', 'stored');
  const key = Buffer.from('names');
  const putNames = async (value: Buffer): Promise<void> => {
    const environment = new Environment(join(directory, 'main'), ['meta', 'documents']);
    await environment.writeSafely([{ table: 'meta', key, value }]);
    await environment.close();
  };
  await putNames(framed(key, Buffer.from('["users"]'), 2));
  await t.throwsAsync(open(directory), { message: 'a later version has written it' });
  await putNames(Buffer.from('["users"]'));
  const store = await open(directory);
  t.is(users(store).read(100)?.toString(), 'stored');
  t.throws(() => store.get('bans'), { message: 'it may have been lost with a damaged file' });
  await store.close();
});

test('an environment is there with its first document, or not at all', async (t) => {
  const directory = tempDirectory();
  mkdirSync(join(directory, 'main.first'));
  writeFileSync(join(directory, 'main.first', 'data.mdb'), '');
  const store = await open(directory);
  t.false(existsSync(join(directory, 'main.first')), 'one that was killed meanwhile has left it');
  t.is(users(store).read(100), null);
  await users(store).write('one');
  t.deepEqual(readdirSync(directory), ['main']);
  t.is(statSync(join(directory, 'main')).mode & 0o777, 0o700);
  await store.close();
});

test('files that are taken in are told', async (t) => {
  const directory = tempDirectory();
  writeFileSync(join(directory, 'users.json'), 'old');
  const store = await open(directory);
  users(store);
  store.document('bans', 'bans.json');
  const told: string[] = [];
  await store.adoptFiles((file) => told.push(file));
  await store.adoptFiles((file) => told.push(file));
  t.deepEqual(told, [join(directory, 'users.json')]);
  await store.close();
});
