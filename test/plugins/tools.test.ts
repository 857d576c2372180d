import { copyFileSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { tempDirectory, until } from '../helpers/with-broker.js';
import { activeIn, ask, brokerWith, clientOf, nextIn } from './asking.js';

test.serial('emq_recon tells what every thread is doing', async (t) => {
  const scene = await brokerWith(t, { plugins: [], config: { 'recon.interval': '50ms' } });
  const client = await clientOf(t, scene);
  const prefix = `$SYS/brokers/${scene.broker.name}/recon`;
  await client.subscribeAsync(`${prefix}/#`);
  for (const thread of ['main', 'shard/0', 'shard/1']) {
    const figures = JSON.parse(await nextIn(client, `${prefix}/${thread}`)) as Record<string, number>;
    t.true(figures['heap_used']! > 1_000_000);
    t.true(figures['loop_delay_ms']! >= 0);
    t.is(figures['clients'] === undefined, thread === 'main');
  }
  t.true(scene.logger.has('debug', /^emq_recon: figures of shard\/1/));
});

for (const limit of ['mqtt.max_packet_size', 'mqtt.max_topic_levels']) {
  test.serial(`emq_recon lets the broker live where ${limit} is too small for what it tells`, async (t) => {
    const config = { 'recon.interval': '20ms', [limit]: limit === 'mqtt.max_packet_size' ? '64' : '1' };
    const { logger } = await brokerWith(t, { plugins: [], config });
    const refused = /^emq_recon: figures of main are not published: /;
    await until(() => logger.lines.filter(({ message }) => refused.test(message)).length > 1);
    t.pass();
  });
}

test.serial('emq_plugin_template logs every hook, and changes nothing', async (t) => {
  const scene = await brokerWith(t, { plugins: [], config: { 'log.level': 'debug' } });
  t.true((await scene.broker.plugins.start('emq_plugin_template')).ok);
  const client = await clientOf(t, scene);
  await client.publishAsync('probe/answer/x', 'x', { qos: 1 });
  await client.publishAsync('nobody', 'x', { qos: 1 });
  await client.unsubscribeAsync('probe/answer/#');
  await client.endAsync();
  for (const hook of [
    'client.authenticate',
    'client.authorize',
    'client.connected',
    'client.disconnected',
    'client.subscribe',
    'client.unsubscribe',
    'session.created',
    'session.subscribed',
    'session.unsubscribed',
    'session.terminated',
    'message.publish',
    'message.delivered',
    'message.acked',
    'message.dropped',
  ]) {
    const line = new RegExp(`^emq_plugin_template: ${hook.replace('.', '\\.')}$`);
    await until(() => scene.logger.has('debug', line), hook);
  }
});

/** The probe in a folder of its own, where it may be changed. */
function copyOfProbe(): {
  plugin: string;
  shard: string;
  change(file: string, from: string, to: string): void;
} {
  const directory = tempDirectory();
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  const [plugin, shard] = ['plugin.js', 'shard.js'].map((name) => {
    const copy = join(directory, name);
    copyFileSync(fileURLToPath(new URL(`./probe/${name}`, import.meta.url)), copy);
    return copy;
  }) as [string, string];
  let changes = 0;
  return {
    plugin,
    shard,
    change(file, from, to) {
      const text = readFileSync(file, 'utf8');
      writeFileSync(file, text.replace(from, to));
      // Two changes may come within what the file system can tell apart.
      const at = Date.now() / 1000 + ++changes;
      utimesSync(file, at, at);
    },
  };
}

test.serial('a user’s plugin that has changed is read again, in main and in the shards', async (t) => {
  const probe = copyOfProbe();
  const scene = await brokerWith(t, { plugins: [probe.plugin] });
  const { plugins } = scene.broker;
  t.deepEqual(plugins.list().find(({ name }) => name === 'probe')!.files, [probe.plugin, probe.shard]);
  const client = await clientOf(t, scene);
  probe.change(probe.plugin, "default: 'none'", "default: 'some'");
  probe.change(probe.shard, 'String(shard)', "'shard ' + String(shard)");
  t.deepEqual(await plugins.reload('probe'), { ok: true });
  t.is(await ask(client, 'word'), 'some');
  t.is(await ask(client, 'shard'), 'shard 0');
  probe.change(probe.plugin, 'export default', 'export default 5; //');
  t.like(await plugins.reload('probe'), {
    ok: false,
    message: 'probe: its default export is not a plugin, an object with a name and a description',
  });
  t.is(await ask(client, 'word'), 'some', 'it runs on as it was');
  t.like(await plugins.reload('emq_modules'), { ok: false, why: 'failed' });
});

test.serial('a change that does not start is taken back, and the plugin runs as it was', async (t) => {
  const probe = copyOfProbe();
  const scene = await brokerWith(t, { plugins: [probe.plugin] });
  probe.change(probe.shard, "=== 'throws'", "!== 'throws'");
  const outcome = await scene.broker.plugins.reload('probe');
  t.regex(outcome.ok ? '' : outcome.message, /does not want to; it runs again as it was$/);
  t.is(await ask(await clientOf(t, scene), 'shard'), '0');
});

test.serial('emq_reloader notices a change by itself', async (t) => {
  const probe = copyOfProbe();
  const config = { 'reloader.interval': '50ms' };
  const scene = await brokerWith(t, { plugins: [probe.plugin], config });
  t.true((await scene.broker.plugins.start('emq_reloader')).ok);
  probe.change(probe.plugin, "default: 'none'", "default: 'some'");
  await until(() => scene.logger.has('info', /^emq_reloader: probe has changed and was read again/));
  t.is(await ask(await clientOf(t, scene), 'word'), 'some');
  probe.change(probe.plugin, 'export default', 'export default 5; //');
  await until(() => scene.logger.has('error', /^emq_reloader: probe has changed and cannot be used: /));
  // As many editors write: aside, then renamed over the old one.
  const whole = readFileSync(probe.plugin, 'utf8').replace('export default 5; //', 'export default');
  writeFileSync(`${probe.plugin}~`, whole.replace("default: 'some'", "default: 'renamed'"));
  renameSync(`${probe.plugin}~`, probe.plugin);
  const reloads = () => scene.logger.lines.filter(({ message }) => message.endsWith('was read again')).length;
  await until(() => reloads() === 2, 'what was renamed');
  t.is(await ask(await clientOf(t, scene), 'word'), 'renamed');
  t.deepEqual(activeIn(scene), ['emq_modules', 'emq_recon', 'emq_reloader', 'emq_retainer', 'probe']);
});
