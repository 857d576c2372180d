/** Files of rules and passwords that are empty, unreadable or wrong: nobody gets more than before by it. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { BrokerError } from '../../src/base/errors.js';
import { hashPassword } from '../../src/passwords/hash.js';
import { parseHashFormat } from '../../src/passwords/hash-format.js';
import { writePasswords } from '../../src/plugins/shared/password-document.js';
import { runCli } from '../cli/run-cli.js';
import { MemoryDocument } from '../helpers/documents.js';
import { ON_ONE_SHARD, startTestBroker, tempDirectory } from '../helpers/with-broker.js';
import { type Guarded, guarded } from './guarded.js';

/** Puts something in the place of the file; null: nothing is there. */
function put(path: string, content: string | Buffer | 'directory' | null): void {
  rmSync(path, { recursive: true, force: true });
  if (content === 'directory') mkdirSync(path, { recursive: true });
  else if (content !== null) writeFileSync(path, content);
}

/** What is wrong with a file of rules, and what is said of it behind its path. */
const BROKEN_RULES = {
  missing: [null, /: cannot be read: ENOENT/],
  empty: ['', /:1:1: expected a rule, found none/],
  'nothing but comments': ['%% {allow, all}.\n', /:1:1: expected a rule, found none/],
  'a directory': ['directory', /: cannot be read: it is not a file/],
  'not UTF-8': [Buffer.from('{allow, all}.\n%% \xff\n', 'latin1'), /:2: not UTF-8/],
  'cut off': ['{allow, all}.\n{deny, all', /:2:11: expected a comma or }/],
  'wrong in its last line': [
    '{allow, all}.\n\n{deny, all, publish, ["a/#/b"]}.\n',
    /:3:23: expected a valid/,
  ],
} as const;

const SHUT = '{deny, all, pubsub, ["shut"]}.';

for (const [what, [content, said]] of Object.entries(BROKEN_RULES)) {
  const place = new RegExp(`^mqtt\\.acl_file: .*acl\\.conf${said.source}`);

  test.serial(`a file of rules that is ${what} refuses the start and says where`, async (t) => {
    const directory = tempDirectory();
    const path = join(directory, 'acl.conf');
    put(path, content);
    const starting = startTestBroker({ config: { ...ON_ONE_SHARD, 'mqtt.acl_file': path } }, directory);
    const error = await t.throwsAsync(starting, { instanceOf: BrokerError });
    t.is(error.code, 'ACL_FAILED');
    t.regex(error.message, place);
  });

  test.serial(
    `a file of rules that is ${what} at reload changes nothing, is logged, and is an alarm until it is right`,
    guarded({ rules: SHUT, config: ON_ONE_SHARD }, async (g, t) => {
      const client = await g.connect();
      const codes = async (): Promise<unknown[]> => [
        (await client.publish({ topic: 'shut', qos: 1 }))?.code,
        ...(await client.subscribe([['shut', 1]])).codes,
        (await client.publish({ topic: 'open', qos: 1 }))?.code,
      ];
      put(g.path, content);
      const error = await t.throwsAsync(g.broker.reloadAcl(), { instanceOf: BrokerError });
      t.regex(error.message, place);
      t.deepEqual(await codes(), [0x87, 0x87, 0x10]);
      t.true(
        g.logger.lines.some(({ level, message }) => level === 'error' && message.includes(error.message)),
      );
      t.like(g.broker.alarms()[0], { id: 'acl_reload_failed', summary: error.message });
      put(g.path, null);
      await g.reload(`${SHUT}\n{deny, all, pubsub, ["open"]}.`);
      t.deepEqual(await codes(), [0x87, 0x87, 0x87]);
      t.deepEqual(g.broker.alarms(), []);
    }),
  );
}

test.serial(
  'the alarm of rules that could not be read again is published',
  guarded({ rules: '{allow, all}.', config: ON_ONE_SHARD }, async (g, t) => {
    const client = await g.connect();
    await client.subscribe(`$SYS/brokers/${g.broker.name}/alarms/#`);
    await t.throwsAsync(g.reload('{deny, al}.'));
    const raised = await client.receive();
    t.regex(raised.topic, /\/alarms\/acl_reload_failed\/alert$/);
    t.regex(raised.payload, /acl\.conf:1:8: expected all/);
    await g.reload('{allow, all}.');
    t.regex((await client.receive()).topic, /\/alarms\/acl_reload_failed\/clear$/);
  }),
);

const PASSWORDS = 'emq_auth_username';

function passwordsIn(directory: string): string {
  const path = join(directory, 'plugins', PASSWORDS, 'passwords');
  mkdirSync(dirname(path), { recursive: true });
  return path;
}

/** What is wrong with a file of passwords, and what is said of it. */
const BROKEN_PASSWORDS = {
  empty: ['', /line 1 is not the head/],
  'a directory': ['directory', /cannot be read: EISDIR/],
  'not UTF-8': [Buffer.from('{"format":"\xff"}\n', 'latin1'), /not UTF-8/],
  'another file': ['alice:wonderland\n', /line 1 is not the head/],
  'wrong in its second line': [
    '{"format":"shardmq passwords","version":1,"entries":1,"sha256":""}\n["alice","plain","","wonderland"]x\n',
    /line 2 is not the password/,
  ],
  'one name short': [
    '{"format":"shardmq passwords","version":1,"entries":2,"sha256":""}\n["alice","plain","","wonderland"]\n',
    /1 names and should have 2/,
  ],
} as const;

/** What each of them is told: somebody without a name, with the right and with a wrong password. */
async function answers(g: Guarded): Promise<number[]> {
  const codes: number[] = [];
  for (const login of [
    {},
    { username: 'alice', password: 'wonderland' },
    { username: 'alice', password: 'wrong' },
  ]) {
    const client = await g.open(5);
    codes.push((await client.connect({ clientId: g.clientId(), ...login })).code);
  }
  return codes;
}

async function writeAlice(path: string): Promise<void> {
  const format = parseHashFormat('plain');
  const hash = hashPassword(Buffer.from('wonderland'), format, '')!;
  const document = new MemoryDocument();
  await writePasswords(document, new Map([['alice', { format, salt: '', hash }]]));
  put(path, document.text);
}

for (const [what, [content, said]] of Object.entries(BROKEN_PASSWORDS)) {
  const place = new RegExp(`${PASSWORDS}.*passwords.*${said.source}`);

  test.serial(
    `a file of passwords that is ${what} refuses the start of its plugin, and the door stays as it was`,
    guarded({ config: ON_ONE_SHARD }, async (g, t) => {
      put(passwordsIn(dirname(g.path)), content);
      const outcome = await g.broker.plugins.start(PASSWORDS);
      t.false(outcome.ok);
      if (!outcome.ok) t.regex(outcome.message, place);
      t.deepEqual(await answers(g), [0, 0, 0]);
    }),
  );

  test.serial(
    `a file of passwords that is ${what} when its plugin is restarted lets nobody in, until it is right`,
    guarded({ config: ON_ONE_SHARD }, async (g, t) => {
      const path = passwordsIn(dirname(g.path));
      await writeAlice(path);
      t.true((await g.broker.plugins.start(PASSWORDS)).ok);
      t.deepEqual(await answers(g), [0x86, 0, 0x86]);
      put(path, content);
      const outcome = await g.broker.plugins.configure(PASSWORDS, { 'auth.user.password_hash': 'sha256' });
      t.false(outcome.ok);
      if (!outcome.ok) t.regex(outcome.message, place);
      t.deepEqual(await answers(g), [0x88, 0x88, 0x88]);
      put(path, null);
      await writeAlice(path);
      t.true((await g.broker.plugins.start(PASSWORDS)).ok);
      t.deepEqual(await answers(g), [0x86, 0, 0x86]);
    }),
  );

  test.serial(
    `a file of passwords that is ${what} refuses the start of the broker and says where`,
    async (t) => {
      const directory = tempDirectory();
      put(passwordsIn(directory), content);
      writeFileSync(join(directory, 'loaded_plugins'), `${PASSWORDS}.\n`);
      const starting = startTestBroker({ config: ON_ONE_SHARD }, directory);
      const error = await t.throwsAsync(starting, { instanceOf: BrokerError, code: 'CONFIG_INVALID' });
      t.regex(error.message, place);
    },
  );
}

test.serial('a guard that is to start and is not there refuses the start of the broker', async (t) => {
  const directory = tempDirectory();
  writeFileSync(join(directory, 'loaded_plugins'), 'emq_recon.\nemq_auth_mysql.\n');
  const starting = startTestBroker({ config: ON_ONE_SHARD }, directory);
  const error = await t.throwsAsync(starting, { instanceOf: BrokerError, code: 'CONFIG_INVALID' });
  t.regex(error.message, /loaded_plugins: there is no plugin emq_auth_mysql; shardmq plugins unload/);
});

test.serial('check-config says of these files what a start would say', async (t) => {
  for (const [what, [content, said]] of Object.entries(BROKEN_RULES)) {
    const directory = tempDirectory();
    put(join(directory, 'acl.conf'), content);
    const checked = await checkedIn(directory, `mqtt.acl_file: ${join(directory, 'acl.conf')}\n`);
    t.is(checked.code, 3, what);
    t.regex(checked.stderr, new RegExp(`^error: mqtt\\.acl_file: .*acl\\.conf${said.source}.*\n$`));
  }
  for (const [what, [content, said]] of Object.entries(BROKEN_PASSWORDS)) {
    const directory = tempDirectory();
    put(passwordsIn(directory), content);
    writeFileSync(join(directory, 'loaded_plugins'), `${PASSWORDS}.\n`);
    const checked = await checkedIn(directory, '');
    t.is(checked.code, 3, what);
    t.regex(checked.stderr, new RegExp(`^error: ${PASSWORDS}: .*passwords.*${said.source}.*\n$`));
  }
});

/** What `check-config` says of a configuration with its data in this directory. */
function checkedIn(directory: string, more: string): ReturnType<typeof runCli> {
  const file = join(directory, 'broker.yaml');
  writeFileSync(file, `node.data_dir: ${directory}\n${more}`);
  return runCli('check-config', file);
}
