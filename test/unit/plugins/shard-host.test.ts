import { mock } from 'node:test';
import test from 'ava';
import type { PluginStart } from '../../../src/actor/shard-protocol.js';
import { PLUGIN_SHARD_TIMEOUT_MS } from '../../../src/limits.js';
import { settle, TestShard } from '../../helpers/test-shard.js';
import { until } from '../../helpers/with-broker.js';
import { events, release } from '../../plugins/parts/hanging.js';

const MODULE = new URL('../../plugins/parts/hanging.js', import.meta.url).href;
let lastRun = 0;

function startOf(name: string, fields: Partial<PluginStart> = {}, hangs = false): PluginStart {
  lastRun += 1;
  const values = new Map<string, string | boolean>([
    ['name', name],
    ['hangs', hangs],
  ]);
  return { name, run: lastRun, module: MODULE, isGuard: false, values, state: null, ...fields };
}

function tell(shard: TestShard, { name, run }: PluginStart, data: unknown): void {
  shard.shard.onEvent({ kind: 'event', type: 'plugin.told', message: { name, run, data } });
}

const taken = (): string[] => events.splice(0);

const logged = (shard: TestShard): string[] =>
  shard.events.flatMap((event) => (event.type === 'log' ? [event.message] : []));

test.beforeEach(() => void taken());

test.serial(
  'what main tells a part that is being started waits until it has, also in a shard that starts',
  async (t) => {
    const shard = new TestShard();
    t.teardown(() => shard.stop());
    const [one, two] = [startOf('one', {}, true), startOf('two')];
    const open = shard.shard.open([one, two]);
    tell(shard, two, 'a');
    tell(shard, one, 'b');
    tell(shard, { ...one, run: one.run + 100 }, 'stray');
    await until(() => events.length > 0);
    t.deepEqual(taken(), ['one starts'], 'in their order');
    t.false(shard.events.some(({ type }) => type === 'shard.ready'));
    release();
    await open;
    await settle();
    t.deepEqual(taken(), ['one hears b', 'two starts', 'two hears a']);
    t.true(shard.events.some(({ type }) => type === 'shard.ready'));
  },
);

test.serial('a start that is stopped meanwhile fails, and what comes of it later is stopped', async (t) => {
  const shard = new TestShard();
  t.teardown(() => shard.stop());
  await shard.shard.open([]);
  const start = startOf('one', {}, true);
  const starting = shard.main.request('plugin.start', start);
  await until(() => events.length > 0);
  await shard.main.request('plugin.stop', { name: 'one' });
  release();
  await t.throwsAsync(starting, { message: /plugin one was stopped before it had started/ });
  t.deepEqual(taken(), ['one starts', 'one stops']);
  shard.open('client');
  await settle();
  t.deepEqual(taken(), []);
});

test.serial('a stop while the shard itself starts does not end it', async (t) => {
  const shard = new TestShard();
  t.teardown(() => shard.stop());
  const open = shard.shard.open([startOf('one', {}, true), startOf('two')]);
  await until(() => events.length > 0);
  const stopped = shard.main.request('plugin.stop', { name: 'two' });
  await settle();
  release();
  await open;
  await stopped;
  t.deepEqual(taken(), ['one starts']);
});

const failures = (shard: TestShard): string[] =>
  shard.events.flatMap((event) => (event.type === 'plugin.failed' ? [event.failed.why] : []));

test.serial('a shard in which a plugin fails tells main, and opens without it', async (t) => {
  const shard = new TestShard();
  t.teardown(() => shard.stop());
  const module = new URL('./missing.js', import.meta.url).href;
  await shard.shard.open([startOf('one', { module }), startOf('two')]);
  await settle();
  t.is(failures(shard).length, 1);
  t.regex(failures(shard)[0]!, /^Cannot find module/);
  t.deepEqual(taken(), ['two starts']);
  t.true(shard.events.some(({ type }) => type === 'shard.ready'));
});

test.serial('a shard in which a guard fails lets nobody pass until main has decided', async (t) => {
  const shard = new TestShard();
  t.teardown(() => shard.stop());
  const module = new URL('./missing.js', import.meta.url).href;
  await shard.shard.open([startOf('one', { module, isGuard: true })]);
  const client = shard.open('client');
  await settle();
  t.true(client.isClosed);
  await shard.main.request('plugin.stop', { name: 'one' });
  t.false(shard.open('another').isClosed);
});

test.serial('a part that hangs while its shard starts is given up, and stopped when it comes', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const shard = new TestShard();
  t.teardown(() => shard.stop());
  const open = shard.shard.open([startOf('one', {}, true)]);
  while (events.length === 0) await settle();
  mock.timers.tick(PLUGIN_SHARD_TIMEOUT_MS);
  await open;
  await settle();
  t.deepEqual(failures(shard), ['it did not start in time']);
  release();
  await settle();
  t.deepEqual(taken(), ['one starts', 'one stops']);
});

test.serial(
  'a new start takes the place of the old one, whose part is stopped and says no more',
  async (t) => {
    const shard = new TestShard();
    t.teardown(() => shard.stop());
    await shard.shard.open([startOf('one'), startOf('two')]);
    taken();
    const again = startOf('one', {}, true);
    const starting = shard.main.request('plugin.start', again);
    await until(() => events.length > 0);
    shard.open('before');
    await settle();
    t.deepEqual(taken(), ['one starts', 'one sees before', 'two sees before'], 'the old one works on');
    release();
    await starting;
    t.deepEqual(taken(), ['one stops']);
    t.true(logged(shard).includes('one: late tell: false'));
    shard.open('after');
    await settle();
    t.deepEqual(taken(), ['one sees after', 'two sees after'], 'in its place');
  },
);

test.serial(
  'what a part throws at a message is logged; a topic that is none is an error in its hands',
  async (t) => {
    const shard = new TestShard();
    t.teardown(() => shard.stop());
    const start = startOf('one');
    await shard.shard.open([start]);
    tell(shard, start, 'throw');
    tell(shard, start, 'publish');
    await settle();
    t.deepEqual(taken(), ['one starts', 'one hears throw', 'one hears publish']);
    t.deepEqual(
      logged(shard).filter((line) => line.startsWith('one: ')),
      [
        'one: a message of its main part was not handled: not to its liking',
        'one: a message of its main part was not handled: not a topic name',
      ],
    );
  },
);

test.serial('all parts are stopped with the shard, the last one first', async (t) => {
  const shard = new TestShard();
  await shard.shard.open([startOf('one'), startOf('two')]);
  taken();
  await shard.stop();
  t.deepEqual(taken(), ['two stops', 'one stops']);
});
