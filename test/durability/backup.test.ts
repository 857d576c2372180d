/** Backups are whole or not there, and restoring one is all or nothing. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { beginRestore, commitRestore, finishRestore } from '../../src/backup/restored-swap.js';
import type { BrokerError } from '../../src/base/errors.js';
import { backup, restore } from '../../src/index.js';
import { Environment } from '../../src/storage/environment.js';
import { framed } from '../../src/storage/framing.js';
import { retainedKey } from '../../src/storage/keys.js';
import { TABLES } from '../../src/storage/tables.js';
import { CliProcess, runCli } from '../cli/run-cli.js';
import { storedText } from '../helpers/documents.js';
import { needs } from '../helpers/needs.js';
import { RawClient } from '../helpers/raw-client.js';
import { addressOf, startTestBroker, tempDirectory, until } from '../helpers/with-broker.js';
import { MOUNT, SmallDisc } from './ledger/small-disc.js';

/** A data directory with users, settings and a session, as a broker leaves it. */
async function dataDirectory(): Promise<string> {
  const data = tempDirectory();
  const broker = await startTestBroker({ config: { 'listener.api.mgmt': '127.0.0.1:0' } }, data);
  const client = await RawClient.open(addressOf(broker), 4);
  await client.connect({ clientId: 'reader', clean: false });
  await client.subscribe([['load/#', 2]]);
  await client.disconnect();
  await broker.bans.add({ kind: 'clientid', value: 'nobody' });
  await broker.stop();
  mkdirSync(join(data, 'plugins', 'mine'), { recursive: true });
  writeFileSync(join(data, 'plugins', 'mine', 'file'), 'content');
  writeFileSync(join(data, 'acl.conf'), '{allow, all}.');
  return data;
}

test.serial(
  'a backup without a broker has users, bans, plugins and files, and is a data directory itself',
  async (t) => {
    const data = await dataDirectory();
    const to = join(tempDirectory(), 'made', 'backup');
    const { rows, stores } = await backup(data, to);
    t.deepEqual(stores, ['shard-0', 'shard-1', 'main']);
    t.true(rows > 4);
    t.is(await storedText(to, 'users'), await storedText(data, 'users'));
    t.is(await storedText(to, 'bans'), await storedText(data, 'bans'));
    t.is(readFileSync(join(to, 'plugins', 'mine', 'file'), 'utf8'), 'content');
    t.is(readFileSync(join(to, 'acl.conf'), 'utf8'), '{allow, all}.');
    t.is(readFileSync(join(to, 'node.json'), 'utf8'), readFileSync(join(data, 'node.json'), 'utf8'));
    t.false(existsSync(`${to}.partial`));
    const broker = await startTestBroker({}, to);
    t.is(broker.bans.list().length, 1);
    const error = await t.throwsAsync<BrokerError>(restore(to, tempDirectory()));
    t.regex(error.message, /^nothing was restored: a broker runs on /);
    await broker.stop();
  },
);

test.serial('a backup never takes the place of anything, and wants a data directory', async (t) => {
  const data = await dataDirectory();
  const to = join(tempDirectory(), 'backup');
  await backup(data, to);
  for (const [from, place, reason] of [
    [data, to, /backup is there already$/],
    [data, join(data, 'inside'), /inside lies in /],
    [tempDirectory(), join(tempDirectory(), 'x'), /is no data directory of a broker$/],
  ] as const) {
    const error = await t.throwsAsync<BrokerError>(backup(from, place));
    t.is(error.code, 'BACKUP_FAILED');
    t.regex(error.message, reason);
  }
  mkdirSync(join(data, 'restore.ready'));
  const error = await t.throwsAsync<BrokerError>(backup(data, join(tempDirectory(), 'y')));
  t.regex(error.message, /a start of a broker in .* is not finished; try again/);
});

test.serial(
  'a backup replaces what is kept only where that is said; what is somebody else’s stays',
  async (t) => {
    const data = await dataDirectory();
    const to = join(tempDirectory(), 'backup');
    await backup(data, to);
    const used = tempDirectory();
    const broker = await startTestBroker({ config: { 'node.shards': 3 } }, used);
    const inUse = await runCli('restore', to, '--data', used, '--force');
    t.is(inUse.code, 1);
    t.regex(inUse.stderr, /^shardmq: .* is in use by a broker that runs; stop it first/);
    await broker.stop();
    writeFileSync(join(used, 'users.json'), '{');
    writeFileSync(join(used, 'notes.txt'), 'mine');
    const refused = await runCli('restore', to, '--data', used);
    t.is(refused.code, 1);
    t.regex(refused.stderr, /^shardmq: nothing was restored: .* already; --force replaces what is there\n$/);
    t.true(existsSync(join(used, 'shard-2')));
    const done = await runCli('restore', '--force', to, '--data', used);
    t.deepEqual([done.code, done.stderr], [0, '']);
    t.regex(done.stdout, /has the \d+ rows of a backup that shardmq \S+ made at \d{4}-/);
    t.deepEqual(readdirSync(used).sort(), [
      ...[
        'acl.conf',
        'loaded_plugins',
        'lock',
        'main',
        'node.json',
        'notes.txt',
        'plugins',
        'shard-0',
        'shard-1',
      ],
    ]);
    const again = await startTestBroker({}, used);
    t.is(again.bans.list().length, 1);
    t.is(again.shards, 2);
    await again.stop();
  },
);

test.serial(
  'a backup that is damaged, cut or of a later version is not restored, and what was there stays',
  async (t) => {
    const data = await dataDirectory();
    const used = await dataDirectory();
    const before = readFileSync(join(used, 'node.json'), 'utf8');
    const spoil: Record<string, readonly [(to: string) => unknown, RegExp]> = {
      'cut store': [(to) => truncateSync(join(to, 'shard-1', 'data.mdb'), 9_000), /shard-1 is shorter/],
      'store that is gone': [(to) => rmSync(join(to, 'main'), { recursive: true }), /it has no main$/],
      'no node.json': [(to) => rmSync(join(to, 'node.json')), /it has no node\.json$/],
      'no backup.json': [
        (to) => rmSync(join(to, 'backup.json')),
        /is no whole backup: it has no backup\.json$/,
      ],
      'backup.json of nothing': [(to) => writeFileSync(join(to, 'backup.json'), 'null'), /is not as it was/],
      'backup.json of later': [
        (to) => writeFileSync(join(to, 'backup.json'), '{"formatVersion":2,"version":"9.0.0"}'),
        /was made by shardmq 9\.0\.0, and this version cannot read it$/,
      ],
      'rows of later': [(to) => put(to, 1, 200), /a later version has written the retained of shard-0$/],
    };
    for (const [what, [change, reason]] of Object.entries(spoil)) {
      const to = join(tempDirectory(), 'backup');
      await backup(data, to);
      await change(to);
      const error = await t.throwsAsync<BrokerError>(restore(to, used, { force: true }), undefined, what);
      t.is(error.code, 'BACKUP_FAILED');
      t.regex(error.message, reason);
      t.is(readFileSync(join(used, 'node.json'), 'utf8'), before);
      t.deepEqual(
        readdirSync(used).filter((name) => name.startsWith('restore')),
        [],
      );
    }
  },
);

test.serial('a restore that is interrupted once it counts is finished by the next start', async (t) => {
  for (let moved = 0; moved <= 3; moved++) {
    const directory = tempDirectory();
    for (const name of ['main', 'shard-0', 'shard-1', 'shard-2', 'other'])
      mkdirSync(join(directory, name, 'old'), { recursive: true });
    const growing = beginRestore(directory);
    for (const name of ['main', 'shard-0', 'shard-1'])
      mkdirSync(join(growing, name, 'new'), { recursive: true });
    commitRestore(directory);
    for (const name of ['main', 'shard-0', 'shard-1'].slice(0, moved)) {
      rmSync(join(directory, name), { recursive: true });
      mkdirSync(join(directory, name, 'new'), { recursive: true });
      rmSync(join(directory, 'restore.ready', name), { recursive: true });
    }
    t.true(finishRestore(directory));
    t.false(finishRestore(directory));
    t.deepEqual(readdirSync(directory, { recursive: true }).map(String).sort(), [
      'main',
      'main/new',
      'other',
      'other/old',
      'shard-0',
      'shard-0/new',
      'shard-1',
      'shard-1/new',
    ]);
  }
});

/** Retained messages, or what looks like them, in the first shard of a data directory. */
async function put(data: string, count: number, version: number): Promise<void> {
  const environment = new Environment(join(data, 'shard-0'), TABLES);
  const writes = Array.from({ length: count }, (_, i) => {
    const key = retainedKey(1, Buffer.from(`t${i}`));
    return { table: 'retained' as const, key, value: framed(key, Buffer.alloc(1_000, 'x'), version) };
  });
  // In lots, for room in the file is made for each.
  for (let at = 0; at < count; at += 100) await environment.writeSafely(writes.slice(at, at + 100));
  await environment.close();
}

/** Bytes that take a backup some time. */
async function largeDirectory(): Promise<string> {
  const data = await dataDirectory();
  await put(data, 40_000, 1);
  return data;
}

test.serial('a backup that is killed leaves nothing that looks whole, and the next one is', async (t) => {
  const data = await largeDirectory();
  const to = join(tempDirectory(), 'backup');
  const cli = new CliProcess(['backup', to, '--data', data]);
  await until(() => existsSync(join(`${to}.partial`, 'shard-0', 'data.mdb')));
  cli.signal('SIGKILL');
  await cli.ended();
  t.false(existsSync(to));
  const error = await t.throwsAsync<BrokerError>(restore(`${to}.partial`, tempDirectory()));
  t.regex(error.message, /is no whole backup/);
  const { code, stdout } = await runCli('backup', to, '--data', data);
  t.is(code, 0);
  t.regex(stdout, /backup is a backup of .*, with \d+ rows\n$/);
  t.false(existsSync(`${to}.partial`));
  await restore(to, tempDirectory());
});

test.serial('a backup is for its owner only, with everything below it', async (t) => {
  const data = await dataDirectory();
  const to = join(tempDirectory(), 'backup');
  mkdirSync(to, { mode: 0o755 });
  await backup(data, to);
  const restored = join(tempDirectory(), 'data');
  await restore(to, restored);
  for (const directory of [to, restored]) {
    for (const name of ['.', ...readdirSync(directory, { recursive: true }).map(String)]) {
      const stat = statSync(join(directory, name));
      t.is(stat.mode & 0o777, stat.isDirectory() ? 0o700 : 0o600, join(directory, name));
    }
  }
});

test.serial(
  'links to files become files, other links are left out, and what somebody else has prepared is not used',
  async (t) => {
    const data = await dataDirectory();
    symlinkSync(join(data, 'acl.conf'), join(data, 'plugins', 'rules'));
    symlinkSync('..', join(data, 'plugins', 'round'));
    symlinkSync('nowhere', join(data, 'plugins', 'broken'));
    const to = join(tempDirectory(), 'backup');
    await backup(data, to);
    t.deepEqual(readdirSync(join(to, 'plugins')).sort(), ['mine', 'rules']);
    t.true(lstatSync(join(to, 'plugins', 'rules')).isFile());
    const planted = join(tempDirectory(), 'backup');
    symlinkSync(tempDirectory(), `${planted}.partial`);
    const error = await t.throwsAsync<BrokerError>(backup(data, planted));
    t.regex(error.message, /partial is there already, and not a directory of this user$/);
    const linked = join(tempDirectory(), 'linked');
    symlinkSync(data, linked);
    const inside = await t.throwsAsync<BrokerError>(backup(linked, join(data, 'plugins', 'x')));
    t.regex(inside.message, / lies in /);
  },
);

test.serial('how far it has come is told, and rises', async (t) => {
  const data = await largeDirectory();
  const to = join(tempDirectory(), 'backup');
  const told: number[][] = [[], []];
  await backup(data, to, { onProgress: (share) => void told[0]!.push(share) });
  await restore(to, tempDirectory(), { onProgress: (share) => void told[1]!.push(share) });
  for (const shares of told) {
    t.true(shares.length > 3);
    t.deepEqual(
      shares,
      [...shares].sort((a, b) => a - b),
    );
    t.true(shares.every((share) => share >= 0 && share <= 1));
  }
});

test.serial('rows that are damaged already are counted and left out', async (t) => {
  const data = await dataDirectory();
  await put(data, 3, 1);
  const environment = new Environment(join(data, 'shard-0'), TABLES);
  const key = retainedKey(1, Buffer.from('t1'));
  await environment.writeSafely([{ table: 'retained', key, value: Buffer.from('bent') }]);
  await environment.close();
  const to = join(tempDirectory(), 'backup');
  const { code, stderr } = await runCli('backup', to, '--data', data);
  t.is(code, 0);
  t.regex(stderr, /^shardmq: 1 rows of .* are damaged, and not in the backup\n$/);
  await restore(to, tempDirectory());
});

test.serial('a backup that costs a running broker too much space is given up', async (t) => {
  const data = await largeDirectory();
  const to = join(tempDirectory(), 'backup');
  const environment = new Environment(join(data, 'shard-0'), TABLES);
  let writes = 0;
  const onProgress = (): void => {
    const key = retainedKey(1, Buffer.from(`t${writes++}`));
    environment.writeNow([{ table: 'retained', key, value: framed(key, Buffer.alloc(1 << 20, 'y'), 1) }]);
  };
  const growthBytesMax = 4 << 20;
  const error = await t.throwsAsync<BrokerError>(backup(data, to, { growthBytesMax, onProgress }));
  t.regex(error.message, /files have grown by \d+ bytes meanwhile; try again when less is written$/);
  await environment.close();
  t.false(existsSync(`${to}.partial`));
});

needs(MOUNT)('a disc that is too small holds no backup, and keeps what it had', async (t) => {
  const data = await largeDirectory();
  const disc = new SmallDisc(16 << 20);
  try {
    const to = join(disc.path, 'backup');
    const error = await t.throwsAsync<BrokerError>(backup(data, to));
    t.is(error.code, 'BACKUP_FAILED');
    t.deepEqual(readdirSync(disc.path), []);
    const whole = join(tempDirectory(), 'backup');
    await backup(data, whole);
    const used = join(disc.path, 'data');
    const broker = await startTestBroker({}, used);
    await broker.stop();
    const names = readdirSync(used);
    const full = await t.throwsAsync<BrokerError>(restore(whole, used, { force: true }));
    t.regex(full.message, /^nothing was restored: .*ENOSPC/);
    t.deepEqual(readdirSync(used), names);
    await (await startTestBroker({}, used)).stop();
  } finally {
    disc.unmount();
  }
});
