import test from 'ava';
import type { BanChange } from '../../../src/access/ban.js';
import { BanList } from '../../../src/access/bans.js';
import { SystemClock } from '../../../src/base/clock.js';
import { BrokerError } from '../../../src/base/errors.js';
import { BANS_RETRY_MS } from '../../../src/limits.js';
import { MemoryDocument } from '../../helpers/documents.js';
import { RecordingLogger } from '../../helpers/with-broker.js';

interface Stage {
  readonly document: MemoryDocument;
  readonly bans: BanList;
  readonly clock: SystemClock;
  readonly told: BanChange[];
  readonly logger: RecordingLogger;
}

function stage(document = new MemoryDocument()): Stage {
  const clock = new SystemClock();
  const told: BanChange[] = [];
  const logger = new RecordingLogger();
  const bans = new BanList(document, clock, logger, { update: async (change) => void told.push(change) });
  return { document, bans, clock, told, logger };
}

const names = (bans: BanList): string[] => bans.list().map(({ kind, value }) => `${kind} ${value}`);

test('bans are told to the shards and outlive the broker', async (t) => {
  const { document, bans, told } = stage();
  const ban = await bans.add({ kind: 'address', value: '10.1.2.3/8', reason: 'noise', durationMs: 60_000 });
  t.is(ban.value, '10.0.0.0/8');
  t.is(ban.untilMs! - ban.createdAtMs, 60_000);
  await bans.add({ kind: 'clientid', value: 'c' });
  t.deepEqual(told[0], { added: [ban], removed: [] });
  t.true(bans.bansAddress('10.200.0.1'));
  t.deepEqual(names(stage(document).bans), ['clientid c', 'address 10.0.0.0/8']);
  t.true(await bans.remove({ kind: 'address', value: '10.0.0.0/8' }));
  t.false(await bans.remove({ kind: 'address', value: '10.0.0.0/8' }));
  t.deepEqual(told.at(-1), { added: [], removed: [ban] });
  t.deepEqual(names(stage(document).bans), ['clientid c']);
});

test('a ban whose time is up is forgotten, here and in the shards', async (t) => {
  const { document, bans, clock, told } = stage();
  await bans.add({ kind: 'address', value: '10.0.0.1', durationMs: 1_000 });
  await bans.add({ kind: 'clientid', value: 'c', durationMs: 2_000 });
  clock.advance(1_500);
  t.false(bans.bansAddress('10.0.0.1'));
  t.deepEqual(names(bans), ['clientid c']);
  bans.sweep();
  t.deepEqual(
    told.at(-1)?.removed.map(({ value }) => value),
    ['10.0.0.1'],
  );
  clock.advance(1_000);
  bans.sweep();
  bans.sweep();
  t.is(told.length, 4);
  t.deepEqual(names(bans), []);
  t.is(stage(document).bans.list().length, 2, 'the time of the new clock is not up');
});

test('bans that could not be written down are told so, and written when that is possible again', async (t) => {
  const { document, bans, clock } = stage();
  document.failure = 'no space';
  await t.throwsAsync(bans.add({ kind: 'clientid', value: 'c' }), { message: /cannot be written: no space/ });
  t.deepEqual(names(bans), ['clientid c'], 'in force');
  bans.sweep();
  clock.advance(BANS_RETRY_MS);
  document.failure = 'still no space';
  bans.sweep();
  await bans.stop();
  t.is(document.bytes, null);
  clock.advance(BANS_RETRY_MS);
  bans.sweep();
  await bans.stop();
  t.deepEqual(names(stage(document).bans), ['clientid c']);
  clock.advance(BANS_RETRY_MS);
  bans.sweep();
  await bans.stop();
  t.is(document.writes, 3);
});

test('many changes at once are written once, and all of them', async (t) => {
  const { document, bans } = stage();
  await Promise.all(Array.from({ length: 200 }, (_, i) => bans.add({ kind: 'username', value: `u${i}` })));
  t.is(stage(document).bans.list().length, 200);
  t.is(document.writes, 1);
  await bans.stop();
});

test('what names nobody, lasts for no time or is one too many is refused', async (t) => {
  const { bans, told } = stage();
  const refused = async (value: string, durationMs?: number): Promise<void> => {
    const request = { kind: 'address' as const, value };
    const error = await t.throwsAsync(
      bans.add(durationMs === undefined ? request : { ...request, durationMs }),
    );
    t.is((error as BrokerError).code, 'BAN_INVALID');
  };
  await refused('everybody');
  await refused('10.0.0.1', 0);
  await refused('10.0.0.1', Number.NaN);
  await refused('10.0.0.1', Number.POSITIVE_INFINITY);
  t.deepEqual(told, []);
});

test('a document that cannot be understood stops the start: whom it keeps out is not known', (t) => {
  for (const text of [
    '',
    'null',
    '{"formatVersion":2,"bans":[]}',
    '{"formatVersion":1,"bans":[{}]}',
    '{"formatVersion":1,"bans":[{"kind":"address","value":"x","reason":"","createdAtMs":0,"untilMs":null}]}',
    '{"formatVersion":1,"bans":[{"kind":"clientid","value":"x","reason":"","createdAtMs":0}]}',
  ]) {
    const document = new MemoryDocument(Buffer.from(text));
    const error = t.throws(() => stage(document), { instanceOf: BrokerError }, text);
    t.is(error.code, 'DATA_DIR_FAILED');
    t.true(error.message.startsWith(document.where));
    t.true(error.message.endsWith('; restore it'));
  }
});

test('a ban that cannot be written down is in force, and the caller is told', async (t) => {
  const { document, bans, told } = stage();
  document.failure = 'the disk is full';
  const error = await t.throwsAsync(bans.add({ kind: 'clientid', value: 'c' }), { instanceOf: BrokerError });
  t.is(error.code, 'DATA_DIR_FAILED');
  t.is(told.length, 1);
  t.deepEqual(names(bans), ['clientid c']);
});

test('bans for flapping are not written, end by themselves, never touch others, and are bounded', async (t) => {
  const { document, bans, clock, told } = stage();
  await bans.add({ kind: 'clientid', value: 'mine' });
  bans.addFlapping('mine', 1_000);
  t.is(bans.list()[0]?.untilMs, null);
  for (let i = 0; i <= 4_096; i++) bans.addFlapping(`f${i}`, 60_000);
  t.is(bans.list().length, 4_097);
  t.deepEqual(
    told.at(-1)?.removed.map(({ value }) => value),
    ['f0'],
  );
  await bans.add({ kind: 'clientid', value: 'f7' });
  t.deepEqual(names(stage(document).bans), ['clientid mine', 'clientid f7']);
  clock.advance(61_000);
  bans.sweep();
  t.deepEqual(names(bans), ['clientid mine', 'clientid f7']);
  t.is((JSON.parse(document.text) as { bans: unknown[] }).bans.length, 2);
});
