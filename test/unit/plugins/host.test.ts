/** The host with shards that answer, refuse and hang as a test wants, and timers that the test turns. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mock } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import type { MainEvent } from '../../../src/actor/shard-protocol.js';
import { SystemClock } from '../../../src/base/clock.js';
import {
  PLUGIN_MESSAGES_PER_REPORT,
  PLUGIN_MESSAGES_WAITING_MAX,
  PLUGIN_SETTINGS_MAX,
  PLUGIN_START_TIMEOUT_MS,
  PLUGIN_STOP_TIMEOUT_MS,
} from '../../../src/limits.js';
import type { MainContext, MainPart, Plugin, PluginOutcome } from '../../../src/plugins/api.js';
import { Catalogue } from '../../../src/plugins/catalogue.js';
import { PluginConfiguration } from '../../../src/plugins/configuration.js';
import { PluginHost } from '../../../src/plugins/host.js';
import { LoadedFile } from '../../../src/plugins/loaded-file.js';
import { MemoryDocuments } from '../../helpers/documents.js';
import { RecordingLogger, tempDirectory } from '../../helpers/with-broker.js';

mock.timers.enable({ apis: ['setTimeout'] });

const SHARD = new URL('file:///nowhere/shard.js');

interface Bench {
  readonly host: PluginHost;
  readonly logger: RecordingLogger;
  /** What the shards were asked: `start name run`, `empty name`, `stop name`. */
  readonly asked: string[];
  readonly told: MainEvent[];
  readonly directory: string;
  readonly documents: MemoryDocuments;
  /** What the shards answer to `plugin.start` of a module. */
  answer: () => Promise<void>;
}

async function benchOf(plugins: readonly Plugin[], directory = tempDirectory()): Promise<Bench> {
  const logger = new RecordingLogger();
  const catalogue = new Catalogue(plugins);
  const asked: string[] = [];
  const told: MainEvent[] = [];
  const documents = new MemoryDocuments();
  const host = new PluginHost({
    catalogue,
    configuration: new PluginConfiguration([], '', documents),
    loadedFile: new LoadedFile(join(directory, 'loaded_plugins')),
    allReady: () => Promise.resolve(),
    everywhere: (type, input) => {
      if (type === 'plugin.stop') asked.push(`stop ${input.name}`);
      else if (!('module' in input) || input.module === null) asked.push(`empty ${input.name}`);
      else {
        asked.push(`start ${input.name}`);
        return bench.answer();
      }
      return Promise.resolve();
    },
    around: {
      node: 'test@127.0.0.1',
      clock: new SystemClock(),
      logger,
      shards: 2,
      dataDirOf: (name) => join(directory, name),
      documentOf: (_plugin, name) => documents.document(name),
      tell: (_shard, event) => {
        told.push(event);
        return true;
      },
      publish: () => {},
      figures: () => [],
    },
  });
  const bench: Bench = { host, logger, asked, told, directory, documents, answer: () => Promise.resolve() };
  await host.boot();
  return bench;
}

/** Lets time pass in which nothing else happens. */
async function later<T>(outcome: Promise<T>, ms: number): Promise<T> {
  await nextTurn();
  mock.timers.tick(ms);
  return outcome;
}

function pluginOf(fields: Partial<Plugin> = {}): Plugin {
  return { name: 'one', description: 'One', shard: SHARD, ...fields };
}

/** A plugin whose context the test gets. */
function listening(part: MainPart = {}): { plugin: Plugin; context: () => MainContext } {
  let context: MainContext;
  const plugin = pluginOf({
    start(given) {
      context = given;
      return part;
    },
  });
  return { plugin, context: () => context };
}

const messageOf = (outcome: PluginOutcome): string => (outcome.ok ? '' : outcome.message);
const forever = new Promise<never>(() => undefined);

test.serial(
  'a main part that hangs at its start is given up, and stopped when it comes after all',
  async (t) => {
    let finish: (part: MainPart) => void = () => {};
    let stops = 0;
    const starting = new Promise<MainPart>((resolve) => {
      finish = resolve;
    });
    const bench = await benchOf([pluginOf({ start: () => starting })]);
    const outcome = await later(bench.host.start('one'), PLUGIN_START_TIMEOUT_MS);
    t.is(messageOf(outcome), 'one: it did not start in time');
    t.deepEqual(bench.asked, ['empty one', 'stop one'], 'no part was started in a shard');
    finish({
      stop() {
        stops++;
      },
    });
    await nextTurn();
    t.is(stops, 1);
  },
);

test.serial('shards that are late undo the start on all, then the main part is stopped', async (t) => {
  const order: string[] = [];
  const bench = await benchOf([
    pluginOf({
      start: () => ({
        stop() {
          order.push(bench.asked.join(', '));
        },
      }),
    }),
  ]);
  bench.answer = () => Promise.reject(new Error('shard 1 did not answer plugin.start in time'));
  t.is(messageOf(await bench.host.start('one')), 'one: shard 1 did not answer plugin.start in time');
  t.deepEqual(order, ['start one, empty one']);
  t.deepEqual(bench.asked, ['start one, empty one, stop one'.split(', ')].flat());
  t.deepEqual(bench.host.starts(), []);
});

test.serial('a main part that hangs at its stop is left behind, and says no more', async (t) => {
  const { plugin, context } = listening({ stop: () => forever });
  const bench = await benchOf([plugin]);
  t.true((await bench.host.start('one')).ok);
  t.true(context().tell('before'));
  t.deepEqual(await later(bench.host.stop('one'), PLUGIN_STOP_TIMEOUT_MS), { ok: true });
  t.true(bench.logger.has('error', /^one: it did not stop in order: it takes too long/));
  t.false(context().tell('after'));
  t.is(bench.told.length, 2);
});

test.serial('no more messages wait for a shard than the bound; what it reports makes room', async (t) => {
  const { plugin, context } = listening();
  const bench = await benchOf([plugin]);
  await bench.host.start('one');
  const [start] = bench.host.starts();
  for (let n = 0; n < PLUGIN_MESSAGES_WAITING_MAX; n++) t.true(context().tellShard(1, n));
  t.false(context().tellShard(1, 'more'));
  t.false(context().tell('more'), 'to all shards or none');
  t.true(context().tellShard(0, 'other'));
  t.false(context().tellShard(7, 'nobody'));
  const report = { name: 'one', run: start!.run, count: PLUGIN_MESSAGES_PER_REPORT };
  bench.host.heard(1, { ...report, run: start!.run + 1 });
  t.false(context().tell('more'), 'a report of another run');
  bench.host.heard(1, report);
  t.true(context().tell('more'));
  bench.host.shardEnded(1);
  for (let n = 0; n < PLUGIN_MESSAGES_WAITING_MAX; n++) context().tellShard(1, n);
  t.false(context().tellShard(1, 'more'));
});

test.serial(
  'main reports what it has looked at, and messages of an earlier run are not for a later one',
  async (t) => {
    const heard: unknown[] = [];
    const { plugin } = listening({ onMessage: (data, shard) => heard.push([data, shard]) });
    const bench = await benchOf([plugin]);
    await bench.host.start('one');
    const run = bench.host.starts()[0]!.run;
    for (let n = 0; n < PLUGIN_MESSAGES_PER_REPORT; n++) bench.host.told(1, { name: 'one', run, data: n });
    t.is(heard.length, PLUGIN_MESSAGES_PER_REPORT);
    t.deepEqual(bench.told, [
      {
        kind: 'event',
        type: 'plugin.heard',
        heard: { name: 'one', run, count: PLUGIN_MESSAGES_PER_REPORT },
      },
    ]);
    await bench.host.stop('one');
    await bench.host.start('one');
    bench.host.told(1, { name: 'one', run, data: 'late' });
    bench.host.told(1, { name: 'other', run, data: 'stray' });
    t.is(heard.length, PLUGIN_MESSAGES_PER_REPORT);
  },
);

test.serial(
  'a guard that fails at boot keeps a place where nobody passes, until it runs or is stopped',
  async (t) => {
    const directory = tempDirectory();
    let isBroken = true;
    const start = (): undefined => {
      if (isBroken) throw new Error('broken');
    };
    const guard = pluginOf({ isGuard: true, start });
    const before = await benchOf([guard], directory);
    isBroken = false;
    await before.host.start('one');
    await before.host.shutDown();
    isBroken = true;
    const bench = await benchOf([guard], directory);
    t.deepEqual(bench.asked, ['empty one']);
    t.like(bench.host.starts(), [{ name: 'one', module: null, isGuard: true }]);
    t.like(bench.host.list(), [{ active: false }]);
    t.is(messageOf(await bench.host.start('one')), 'one: broken');
    t.like(bench.host.starts(), [{ module: null, isGuard: true }], 'still nobody passes');
    isBroken = false;
    t.true((await bench.host.start('one')).ok);
    t.like(bench.host.starts(), [{ module: SHARD.href }]);
    isBroken = true;
    t.like(await bench.host.configure('one', {}), { ok: false, why: 'failed' });
    t.like(bench.host.starts(), [{ module: null, isGuard: true }], 'neither while it cannot be restarted');
    t.true((await bench.host.stop('one')).ok);
    t.deepEqual(bench.host.starts(), []);
    t.is(readFileSync(join(directory, 'loaded_plugins'), 'utf8'), '');
  },
);

test.serial('another plugin that fails at boot leaves no place', async (t) => {
  const directory = tempDirectory();
  mkdirSync(directory, { recursive: true });
  new LoadedFile(join(directory, 'loaded_plugins')).write(['one']);
  const bench = await benchOf([pluginOf({ start: () => Promise.reject(new Error('broken')) })], directory);
  t.deepEqual(bench.host.starts(), []);
  t.true(bench.logger.has('error', /plugin one did not start: broken/));
});

const configurable = (start: Plugin['start']): Plugin =>
  pluginOf({
    options: {
      'one.word': { type: { kind: 'string' }, default: 'preset', about: 'a word' },
      'one.size': { type: { kind: 'bytesize' }, default: null, about: 'a size' },
    },
    ...(start === undefined ? {} : { start }),
  });

test.serial(
  'a new configuration restarts the plugin in its place; one that does not start is taken back',
  async (t) => {
    const words: unknown[] = [];
    const plugin = configurable(({ values }) => {
      words.push(values.get('one.word'));
      if (values.get('one.word') === 'bad') throw new Error('a bad word');
      return undefined;
    });
    const two = pluginOf({ name: 'two' });
    const bench = await benchOf([plugin, two]);
    await bench.host.start('one');
    await bench.host.start('two');
    t.true((await bench.host.configure('one', { 'one.word': 'good', 'one.size': '1KB' })).ok);
    const outcome = await bench.host.configure('one', { 'one.word': 'bad' });
    t.is(messageOf(outcome), 'one: a bad word; it runs again as it was');
    t.deepEqual(words, ['preset', 'good', 'bad', 'good']);
    t.deepEqual(
      bench.host.starts().map(({ name }) => name),
      ['one', 'two'],
    );
    t.deepEqual(
      bench.host.config('one')!.map(({ key, value, isSet }) => [key, value, isSet]),
      [
        ['one.word', 'good', true],
        ['one.size', '1KB', true],
      ],
    );
    t.true((await bench.host.configure('one', {})).ok, 'keys left out have their defaults');
    t.is(words.at(-1), 'preset');
  },
);

test.serial('a new configuration with a mistake changes nothing, and all mistakes are named', async (t) => {
  const bench = await benchOf([configurable(undefined)]);
  const wrong = { 'one.size': 'large', 'one.other': '1', 'one.word': 'fine' };
  t.deepEqual(await bench.host.configure('one', wrong), {
    ok: false,
    why: 'invalid',
    message:
      'new configuration: one.size = "large": expected a size in bytes or with KB, MB or GB, at least 0\n' +
      'new configuration: one.other = "***": expected a key of one',
  });
  const notText = { 'one.size': 5 } as unknown as Record<string, string>;
  t.like(await bench.host.configure('one', notText), { why: 'invalid' });
  const many = Object.fromEntries(Array.from({ length: PLUGIN_SETTINGS_MAX + 1 }, (_, n) => [`k${n}`, '']));
  t.like(await bench.host.configure('one', many), { why: 'invalid' });
  t.like(await bench.host.configure('nobody', {}), { why: 'not_found' });
  t.is(bench.host.config('nobody'), null);
  t.true(bench.host.config('one')!.every(({ isSet }) => !isSet));
});

test.serial('a plugin that has no state for a shard that starts is stopped in all', async (t) => {
  let isBroken = false;
  const { plugin } = listening({
    shardState() {
      if (isBroken) throw new Error('no state');
      return 'state';
    },
  });
  const bench = await benchOf([plugin]);
  await bench.host.start('one');
  isBroken = true;
  t.deepEqual(
    bench.host.starts().map(({ module }) => module),
    [null],
  );
  // Operations are done in order.
  t.like(await bench.host.stop('one'), { why: 'not_started' });
  t.deepEqual(bench.asked, ['start one', 'empty one', 'stop one']);
  t.true(
    bench.logger.has('error', /plugin one cannot go on in a shard that starts, and is stopped: no state/),
  );
});

test.serial('a broker that stops does not wait for a plugin that hangs', async (t) => {
  const bench = await benchOf([pluginOf({ start: () => forever })]);
  const starting = bench.host.start('one');
  await nextTurn();
  await later(bench.host.shutDown(), PLUGIN_STOP_TIMEOUT_MS);
  mock.timers.tick(PLUGIN_START_TIMEOUT_MS);
  t.like(await starting, { why: 'failed' });
});

test.serial('a configuration that fails and cannot be taken back leaves the plugin stopped', async (t) => {
  const plugin = pluginOf({
    options: { 'one.word': { type: { kind: 'string' }, default: 'good', about: 'a word' } },
    start({ values }) {
      if (values.get('one.word') === 'good') return undefined;
      bench.documents.document('plugins/one').failure = 'the disk is full';
      throw new Error('a bad word');
    },
  });
  const bench = await benchOf([plugin]);
  t.true((await bench.host.start('one')).ok);
  const outcome = await bench.host.configure('one', { 'one.word': 'bad' });
  t.regex(messageOf(outcome), /^one: a bad word; and it does not start again as it was: the disk is full$/);
  t.like(await bench.host.stop('one'), { ok: false, why: 'not_started' });
});
