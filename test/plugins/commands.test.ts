/** What a running plugin can be told to do: the words, the answers, and who gets in by it. */
import test from 'ava';
import { connectAsync } from 'mqtt';
import type { PluginAnswer } from '../../src/plugins/api.js';
import { addressOf } from '../helpers/with-broker.js';
import { brokerWith, type Scene } from './asking.js';

const PLUGIN = 'emq_auth_username';

async function getsIn({ broker }: Scene, username: string, password: string): Promise<boolean> {
  const { host, port } = addressOf(broker);
  try {
    const client = await connectAsync(`mqtt://${host}:${port}`, { username, password, reconnectPeriod: 0 });
    await client.endAsync();
    return true;
  } catch {
    return false;
  }
}

test.serial(
  'names are added, changed, listed and taken out while the broker runs, and stay over its restart',
  async (t) => {
    const scene = await brokerWith(t, { plugins: [] });
    const { plugins } = scene.broker;
    const run = (command: string, ...args: string[]): Promise<PluginAnswer> =>
      plugins.run(PLUGIN, command, args);
    t.true((await plugins.start(PLUGIN)).ok);
    t.deepEqual(
      plugins.commands(PLUGIN).map(({ name, usage }) => `${name} ${usage}`.trim()),
      ['list', 'add NAME PASSWORD', 'passwd NAME PASSWORD', 'del NAME'],
    );
    t.deepEqual(await run('add', 'ben', 'lighthouse'), { ok: true, lines: ['ok'] });
    t.deepEqual(await run('add', 'eve', 'garden'), { ok: true, lines: ['ok'] });
    t.true(await getsIn(scene, 'ben', 'lighthouse'));
    t.deepEqual(await run('passwd', 'ben', 'harbour'), { ok: true, lines: ['ok'] });
    t.false(await getsIn(scene, 'ben', 'lighthouse'));
    t.true(await getsIn(scene, 'ben', 'harbour'));
    t.deepEqual(await run('list'), { ok: true, lines: ['ben', 'eve'] });
    t.deepEqual(await run('del', 'eve'), { ok: true, lines: ['ok'] });
    t.deepEqual(await run('list'), { ok: true, lines: ['ben'] });
    await scene.broker.stop();
    const again = await brokerWith(t, { plugins: [] }, scene.directory);
    t.true(await getsIn(again, 'ben', 'harbour'));
    t.false(await getsIn(again, 'ben', 'lighthouse'));
  },
);

test.serial('what cannot be done is said in a sentence, and never with a password', async (t) => {
  const { broker } = await brokerWith(t, { plugins: [] });
  const { plugins } = broker;
  const why = async (name: string, command: string, ...args: string[]): Promise<string> => {
    const answer = await plugins.run(name, command, args);
    return answer.ok ? 'done' : `${answer.why}: ${answer.message}`;
  };
  t.is(await why('emq_auth_nobody', 'list'), 'not_found: there is no plugin emq_auth_nobody');
  t.is(await why(PLUGIN, 'list'), `not_started: ${PLUGIN} does not run`);
  await plugins.start(PLUGIN);
  t.is(
    await why(PLUGIN, 'constructor'),
    `no_command: ${PLUGIN} has no command constructor; there is list, add, passwd, del`,
  );
  t.is(await why('emq_recon', 'x'), 'no_command: emq_recon has no command x; there is none');
  t.is(await why(PLUGIN, 'add', 'ben'), `failed: ${PLUGIN} add: expected a name and a password`);
  t.is(await why(PLUGIN, 'add', '', 'secret'), `failed: ${PLUGIN} add: the name is empty`);
  t.is(await why(PLUGIN, 'passwd', 'ben', 'secret'), `failed: ${PLUGIN} passwd: there is no ben`);
  t.is(await why(PLUGIN, 'del', 'ben'), `failed: ${PLUGIN} del: there is no ben`);
  await plugins.run(PLUGIN, 'add', ['ben', 'secret']);
  t.is(await why(PLUGIN, 'add', 'ben', 'secret'), `failed: ${PLUGIN} add: ben is there already`);
  t.deepEqual(plugins.commands('emq_recon'), []);
});
