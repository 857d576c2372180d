/** The plugins with a table of passwords: their configuration, changes while they run, and what they do when busy. */
import test, { type ExecutionContext } from 'ava';
import { SystemClock } from '../../../src/base/clock.js';
import { HOOK_TIMEOUT_MS, LOGINS_WAITING_MAX } from '../../../src/limits.js';
import { hashPassword } from '../../../src/passwords/hash.js';
import { parseHashFormat } from '../../../src/passwords/hash-format.js';
import { HashPool, type HashThreads } from '../../../src/passwords/hash-pool.js';
import type { AuthAnswer, MainContext, ShardContext } from '../../../src/plugins/api.js';
import clientIds from '../../../src/plugins/emq_auth_clientid/plugin.js';
import usernames from '../../../src/plugins/emq_auth_username/plugin.js';
import { type PasswordAdmin, PasswordMainPart } from '../../../src/plugins/shared/password-main.js';
import type { PasswordQuestion } from '../../../src/plugins/shared/password-messages.js';
import { PasswordShardPart } from '../../../src/plugins/shared/password-shard.js';
import { PasswordTable } from '../../../src/plugins/shared/password-table.js';
import { MemoryDocument } from '../../helpers/documents.js';
import { ATTEMPT, PluginBench, type PluginBenchOptions } from '../../helpers/plugin-bench.js';
import { until } from '../../helpers/with-broker.js';

const FAST = { 'auth.user.password_hash': 'salt,sha256', 'auth.client.password_hash': 'salt,sha256' };
const ALICE = { ...FAST, 'auth.user.1.username': 'alice', 'auth.user.1.password': 'one' };
const DEVICE = { ...FAST, 'auth.client.1.clientid': 'device', 'auth.client.1.password': 'one' };

function startUsers(options: PluginBenchOptions = {}): Promise<PluginBench> {
  return PluginBench.start(usernames, { values: FAST, ...options });
}

function adminOf(bench: PluginBench): PasswordAdmin {
  return bench.main as unknown as PasswordAdmin;
}

async function letsIn(bench: PluginBench, username: string, password: string): Promise<boolean> {
  const answer = await bench.authenticate({ username, password: Buffer.from(password) });
  return answer !== 'ignore' && answer.allow;
}

test('a configured user is added once, and stays as it is when the configuration changes', async (t) => {
  const first = await startUsers({ values: ALICE });
  t.true(await letsIn(first, 'alice', 'one'));
  await first.stop();
  const second = await startUsers({
    documents: first.documents,
    values: { ...ALICE, 'auth.user.1.password': 'two' },
  });
  t.true(await letsIn(second, 'alice', 'one'));
  t.false(await letsIn(second, 'alice', 'two'));
  await second.stop();
});

test('a configured ClientId gets the configured password at each start', async (t) => {
  const lets = async (bench: PluginBench, password: string): Promise<boolean> => {
    const answer = await bench.authenticate({ clientId: 'device', password: Buffer.from(password) });
    return answer !== 'ignore' && answer.allow;
  };
  const first = await PluginBench.start(clientIds, { values: DEVICE });
  t.true(await lets(first, 'one'));
  await first.stop();
  const values = { ...DEVICE, 'auth.client.1.password': 'two' };
  const second = await PluginBench.start(clientIds, { documents: first.documents, values });
  t.true(await lets(second, 'two'));
  t.false(await lets(second, 'one'));
  await second.stop();
});

test('a user that the configuration no longer names stays', async (t) => {
  const first = await startUsers({ values: ALICE });
  await first.stop();
  const second = await startUsers({ documents: first.documents });
  t.true(await letsIn(second, 'alice', 'one'));
  await second.stop();
});

test('users are added, changed and removed while the plugin runs, and are there at its next start', async (t) => {
  const first = await startUsers();
  const admin = adminOf(first);
  t.is(await admin.add('alice', 'one'), 'ok');
  t.is(await admin.add('alice', 'two'), 'existed');
  t.is(await admin.add('bob', 'one'), 'ok');
  t.is(await admin.update('alice', 'three'), 'ok');
  t.is(await admin.update('carol', 'one'), 'not_found');
  t.is(await admin.remove('bob'), 'ok');
  t.is(await admin.remove('bob'), 'not_found');
  t.deepEqual(admin.list(), ['alice']);
  await first.stop();
  const second = await startUsers({ documents: first.documents });
  t.true(await letsIn(second, 'alice', 'three'));
  t.false(await letsIn(second, 'alice', 'one'));
  t.is(await second.authenticate({ username: 'bob', password: Buffer.from('one') }), 'ignore');
  await second.stop();
});

for (const [what, change] of [
  ['removed', (admin: PasswordAdmin) => admin.remove('alice')],
  ['changed', (admin: PasswordAdmin) => admin.update('alice', 'two')],
] as const) {
  test(`a password that is ${what} while a login with it waits lets nobody in any more`, async (t) => {
    const held: (() => void)[] = [];
    const threads: HashThreads = {
      count: 2,
      run: ({ password, format, salt }) => {
        const hash = hashPassword(password, format, salt);
        if (Buffer.from(password).toString() === 'two') return Promise.resolve(hash);
        return new Promise((resolve) => held.push(() => resolve(hash)));
      },
    };
    const format = parseHashFormat('pbkdf2,sha256,10,32');
    const table = await PasswordTable.open(new MemoryDocument());
    await table.change('alice', { format, salt: 's', hash: hashPassword(Buffer.from('one'), format, 's')! });
    const answers: unknown[] = [];
    const context = {
      log: { warn: () => {} },
      tellShard: (_shard: number, answer: unknown) => answers.push(answer) > 0,
    } as unknown as MainContext;
    const main = new PasswordMainPart(table, format, new HashPool(threads, new SystemClock()), context);
    const login = (id: number, password: string): void =>
      main.onMessage({ id, name: 'alice', password: Buffer.from(password), from: '10.0.0.1' }, 0);
    login(1, 'one');
    t.is(await change(main), 'ok');
    held.shift()!();
    await until(() => answers.length === 1);
    t.deepEqual(answers, [{ id: 1, verdict: 'busy' }]);
    login(2, 'two');
    await until(() => answers.length === 2);
    t.deepEqual(answers[1], { id: 2, verdict: what === 'changed' ? 'right' : 'unknown' });
  });
}

test('of two that add the same user at once, one is told that it exists', async (t) => {
  const bench = await startUsers();
  const answers = await Promise.all([adminOf(bench).add('alice', 'one'), adminOf(bench).add('alice', 'two')]);
  t.deepEqual(answers.sort(), ['existed', 'ok']);
  await bench.stop();
});

test('a stopped plugin changes no document under its successor', async (t) => {
  const bench = await startUsers();
  await bench.stop();
  await t.throwsAsync(adminOf(bench).add('alice', 'one'), { message: /stopped/ });
  await t.throwsAsync(adminOf(bench).remove('alice'), { message: /stopped/ });
});

test('neither the document nor what is thrown shows a password', async (t) => {
  const bench = await startUsers();
  await adminOf(bench).add('alice', 'wonderland');
  t.notRegex(bench.documents.document('passwords').text, /wonderland/);
  const error = await t.throwsAsync(adminOf(bench).add('', 'wonderland'));
  t.notRegex(error.message, /wonderland/);
  await bench.stop();
});

test('names and passwords that nobody can have are refused', async (t) => {
  const bench = await startUsers();
  for (const [name, password] of [
    ['', 'one'],
    ['alice', ''],
    ['\ud800', 'one'],
    ['x'.repeat(65_536), 'one'],
  ] as const) {
    await t.throwsAsync(adminOf(bench).add(name, password));
  }
  t.deepEqual(adminOf(bench).list(), []);
  await bench.stop();
});

test('a damaged document refuses the start and says which line', async (t) => {
  const bench = await startUsers({ values: ALICE });
  await bench.stop();
  const { documents } = bench;
  const document = documents.document('passwords');
  document.bytes = Buffer.from(document.text.replace('["alice"', '["alice'));
  await t.throwsAsync(startUsers({ documents }), { message: /line 2/ });
  document.bytes = Buffer.alloc(0);
  await t.throwsAsync(startUsers({ documents }), { message: /line 1/ });
});

const WRONG_VALUES: Readonly<Record<string, readonly [values: Record<string, string>, message: RegExp]>> = {
  'a user without a password': [{ 'auth.user.1.username': 'alice' }, /auth\.user\.1\.username.*password/],
  'an empty user name': [
    { 'auth.user.1.username': '', 'auth.user.1.password': 'one' },
    /auth\.user\.1\.username.*empty/,
  ],
  'a user that is there twice': [
    { ...ALICE, 'auth.user.2.username': 'alice', 'auth.user.2.password': 'secret' },
    /auth\.user\.2\.username.*twice/,
  ],
  'an unknown hash': [{ 'auth.user.password_hash': 'md4' }, /auth\.user\.password_hash/],
};

for (const [what, [values, message]] of Object.entries(WRONG_VALUES)) {
  test(`${what} in the configuration refuses the start`, async (t) => {
    const error = await t.throwsAsync(startUsers({ values: { ...FAST, ...values } }));
    t.regex(error.message, message);
    t.notRegex(error.message, /secret/);
  });
}

test('a password without a user is passed over', async (t) => {
  const bench = await startUsers({ values: { ...FAST, 'auth.user.1.password': 'one' } });
  t.deepEqual(adminOf(bench).list(), []);
  await bench.stop();
});

test('by default passwords are kept by pbkdf2, and checked on threads of their own', async (t) => {
  const bench = await startUsers({
    values: { ...ALICE, 'auth.user.password_hash': 'pbkdf2,sha256,20000,32' },
  });
  t.is(usernames.options!['auth.user.password_hash']!.default, 'pbkdf2,sha256,20000,32');
  t.regex(bench.documents.document('passwords').text, /\["alice","pbkdf2,sha256,20000,32"/);
  t.true(await letsIn(bench, 'alice', 'one'));
  t.false(await letsIn(bench, 'alice', 'two'));
  await bench.stop();
});

/** A shard part whose questions nobody answers but the test. */
function silentPart(t: ExecutionContext): {
  readonly part: PasswordShardPart;
  readonly questions: PasswordQuestion[];
  /** Whether main takes any more questions. */
  readonly hearing: { isOn: boolean };
  readonly clock: SystemClock;
  ask(password?: Buffer): Promise<AuthAnswer>;
} {
  const questions: PasswordQuestion[] = [];
  const hearing = { isOn: true };
  const clock = new SystemClock();
  const tell = (data: unknown): boolean => {
    if (!hearing.isOn) return false;
    questions.push(data as PasswordQuestion);
    return true;
  };
  const context = { tell };
  const part = new PasswordShardPart(context as unknown as ShardContext, ({ username }) => username, clock);
  const ask = async (password = Buffer.from('one')): Promise<AuthAnswer> =>
    await part.hooks['client.authenticate']!({ ...ATTEMPT, username: 'alice', password });
  t.teardown(() => part.stop());
  return { part, questions, hearing, clock, ask };
}

test('an answer that comes twice, late or for somebody else lets nobody in', async (t) => {
  const { part, questions, ask } = silentPart(t);
  const first = ask();
  part.onMessage({ id: questions[0]!.id, verdict: 'wrong' });
  part.onMessage({ id: questions[0]!.id, verdict: 'right' });
  const second = ask();
  part.onMessage({ id: questions[0]!.id, verdict: 'right' });
  part.onMessage({ id: -1, verdict: 'right' });
  part.onMessage({ id: questions[1]!.id, verdict: 'unknown' });
  t.deepEqual(await first, { allow: false });
  t.is(await second, 'ignore');
});

test('two parts never ask under the same number, so a successor takes no answer of another', (t) => {
  const parts = [silentPart(t), silentPart(t)];
  for (const { ask } of parts) void ask();
  t.not(parts[0]!.questions[0]!.id, parts[1]!.questions[0]!.id);
});

test('more logins than may wait are refused as busy, until the old ones are given up', async (t) => {
  const { questions, clock, ask } = silentPart(t);
  const asks = Array.from({ length: LOGINS_WAITING_MAX }, () => ask());
  t.deepEqual(await ask(), { allow: false, reason: 0x89 });
  t.is(questions.length, LOGINS_WAITING_MAX);
  clock.advance(HOOK_TIMEOUT_MS + 1);
  void ask();
  t.is(questions.length, LOGINS_WAITING_MAX + 1);
  t.deepEqual(await asks[0], { allow: false, reason: 0x89 });
});

test('a password that lies in a large buffer is asked about without the buffer', (t) => {
  const { questions, ask } = silentPart(t);
  void ask(Buffer.alloc(64 << 10, 'one').subarray(0, 3));
  t.is(questions[0]!.password.buffer.byteLength, 3);
});

test('a login that main takes no question about is refused as busy', async (t) => {
  const { hearing, ask } = silentPart(t);
  hearing.isOn = false;
  t.deepEqual(await ask(), { allow: false, reason: 0x89 });
});
