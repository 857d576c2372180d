import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { AclFile } from '../../../src/access/acl-file.js';
import type { AclRule } from '../../../src/access/acl-rule.js';
import { BrokerError } from '../../../src/base/errors.js';
import { RecordingLogger, tempDirectory } from '../../helpers/with-broker.js';

function stage(content?: string | Buffer) {
  const path = join(tempDirectory(), 'acl.conf');
  if (content !== undefined) writeFileSync(path, content);
  const told: (readonly AclRule[])[] = [];
  const logger = new RecordingLogger();
  const outcomes: string[] = [];
  const file = new AclFile(path, logger, {
    update: async (rules) => void told.push(rules),
    reloadFailed: () => void outcomes.push('failed'),
    reloaded: () => void outcomes.push('reloaded'),
  });
  return { path, told, logger, file, outcomes };
}

test('rules are read before the start, and again on request', async (t) => {
  const { file, path, told, logger } = stage('\uFEFF{deny, all}.');
  await file.load();
  t.is(file.rules.length, 1);
  t.deepEqual(told, []);
  writeFileSync(path, '{allow, {user, "a"}, publish, ["x-%c"]}. {deny, all}.');
  await file.reload();
  t.is(told[0]?.length, 2);
  t.true(logger.has('info', /access rules have been read again/));
  t.true(logger.has('warn', /acl\.conf:1:32: %c and %u/));
});

test('without a file there are no rules and nothing to read', async (t) => {
  const never = (): never => {
    throw new Error('told');
  };
  const file = new AclFile('', new RecordingLogger(), {
    update: never,
    reloadFailed: never,
    reloaded: never,
  });
  await file.load();
  await file.reload();
  t.deepEqual(file.rules, []);
});

test('of a file that is asked about is said where it is wrong, and not what stands there', async (t) => {
  for (const content of ['root:$6$secret:1:0', '{secret, all}.', '{allow, {user, "a"}, secret, ["t"]}.']) {
    const { file, path } = stage(content);
    const error = await t.throwsAsync(file.check(path), { instanceOf: BrokerError });
    t.regex(error.message, /^mqtt\.acl_file: \S*acl\.conf:1:\d+: what stands here is no access rule$/);
  }
  const { file, path } = stage('{deny, all}.');
  await file.check(path);
  t.deepEqual(file.rules, []);
});

test('a file that is missing, empty, too large or wrong is named with the line', async (t) => {
  const failure = async (content?: string | Buffer): Promise<string> => {
    const { file } = stage(content);
    const error = await t.throwsAsync(file.load(), { instanceOf: BrokerError });
    t.is(error.code, 'ACL_FAILED');
    t.deepEqual(file.rules, []);
    return error.message.replace(/: \S*acl\.conf/, ': acl.conf');
  };
  t.regex(await failure(), /^mqtt\.acl_file: acl\.conf: cannot be read: ENOENT/);
  t.regex(await failure(''), /^mqtt\.acl_file: acl\.conf:1:1: expected a rule, found none/);
  t.regex(
    await failure('{deny, all}.\n{deny, al}.'),
    /^mqtt\.acl_file: acl\.conf:2:8: expected all, .* found al$/,
  );
  t.regex(await failure('%'.repeat((1 << 20) + 1)), /longer than 1048576 bytes$/);
  t.is(
    await failure(Buffer.from('% a\n{deny, all}.\n% \xff', 'latin1')),
    'mqtt.acl_file: acl.conf:3: not UTF-8',
  );
});

test('what is no file is not read', async (t) => {
  const { file, path } = stage();
  mkdirSync(path);
  await t.throwsAsync(file.load(), { message: /not a file/ });
  const pipe = stage();
  execFileSync('mkfifo', [pipe.path]);
  await t.throwsAsync(pipe.file.load(), { message: /not a file/ });
});

test('a reload that fails leaves the rules as they were', async (t) => {
  const { file, path, told, logger, outcomes } = stage('{deny, all}.');
  await file.load();
  const { rules } = file;
  writeFileSync(path, '{deny, all}.\n{allow, all');
  await t.throwsAsync(file.reload(), { message: /acl\.conf:2:12: / });
  t.is(file.rules, rules);
  t.deepEqual(told, []);
  t.true(logger.has('error', /access rules could not be read again: mqtt\.acl_file: .*acl\.conf:2:12/));
  writeFileSync(path, '{allow, all}.');
  await file.reload();
  t.deepEqual(outcomes, ['failed', 'reloaded']);
});

test('a shard that does not answer is another failure than a file that is wrong', async (t) => {
  const { path } = stage('{deny, all}.');
  const logger = new RecordingLogger();
  const outcomes: string[] = [];
  const file = new AclFile(path, logger, {
    update: () => Promise.reject(new Error('shard 1 does not answer')),
    reloadFailed: (reason) => void outcomes.push(reason),
    reloaded: () => void outcomes.push('reloaded'),
  });
  await file.load();
  writeFileSync(path, '{allow, all}. {deny, all}.');
  await t.throwsAsync(file.reload(), { message: 'shard 1 does not answer' });
  t.is(file.rules.length, 2, 'it gets them when it starts again');
  t.true(
    logger.has('error', /have been read again, and may not be in force in every shard: shard 1 does not/),
  );
  t.deepEqual(outcomes, ['shard 1 does not answer']);
});

test('reloads asked for during one are one', async (t) => {
  const { file, told } = stage('{deny, all}.');
  await file.load();
  await Promise.all([file.reload(), file.reload(), file.reload()]);
  t.true(told.length <= 2);
});
