import test from 'ava';
import { VERSION } from '../../src/base/version.js';
import type { Plugin } from '../../src/plugins/api.js';
import { type AskApi, withApi } from '../helpers/api.js';
import { RecordingLogger } from '../helpers/with-broker.js';
import { NODE } from './lists.js';

const PLUGINS = `nodes/${NODE}/plugins`;
const DONE = '{"code":0,"result":[]}';
const UNKNOWN = '{"code":102,"message":"unknown"}';

async function put(ask: AskApi, name: string, body: unknown): Promise<string> {
  return (await ask(`PUT ${PLUGINS}/${name}`, { body })).text;
}

const commands = async (ask: AskApi, name: string): Promise<string> =>
  (await ask(`GET ${PLUGINS}/${name}/commands`)).text;

async function run(ask: AskApi, name: string, body: unknown): Promise<string> {
  return (await ask(`POST ${PLUGINS}/${name}/run`, { body })).text;
}

test(
  'plugins are listed by name, with EMQ’s keys in their order',
  withApi({}, async (ask, broker, t) => {
    const { status, json, text } = await ask(`GET ${PLUGINS}/`);
    t.is(status, 200);
    const expected = broker.plugins
      .list()
      .map(({ name, description, active }) => ({ name, version: VERSION, description, active }));
    t.is(text, JSON.stringify({ code: 0, result: expected }));
    const names = expected.map(({ name }) => name);
    t.deepEqual(names, [...names].sort());
    t.true(names.includes('emq_retainer') && names.length > 5);
    const { result } = json as { result: { name: string; active: boolean }[] };
    t.true(result.find(({ name }) => name === 'emq_retainer')!.active);
    t.false(result.find(({ name }) => name === 'emq_auth_username')!.active);
    t.is((await ask('GET nodes/other@127.0.0.1/plugins')).text, '{"code":101,"message":"nodedown"}');
  }),
);

test(
  'a plugin is started and stopped, and is already what it was told before',
  withApi({}, async (ask, broker, t) => {
    const name = 'emq_plugin_template';
    const isActive = (): boolean =>
      broker.plugins.list().some((plugin) => plugin.name === name && plugin.active);
    t.is(await put(ask, name, { active: false }), '{"code":111,"message":"not_started"}');
    t.is(await put(ask, name, { active: true }), DONE);
    t.true(isActive());
    t.is(await put(ask, name, { active: true }), '{"code":110,"message":"already_started"}');
    t.is(await put(ask, name, { active: false }), DONE);
    t.false(isActive());
    t.is(await put(ask, 'emq_nothing', { active: true }), UNKNOWN);
    t.is(await put(ask, '__proto__', { active: false }), UNKNOWN);
    t.is(await put(ask, '..%2F..%2Fetc%2Fpasswd', { active: true }), UNKNOWN);
    const other = await ask(`PUT nodes/other@127.0.0.1/plugins/${name}`, { body: { active: true } });
    t.is(other.text, '{"code":101,"message":"nodedown"}');
  }),
);

const broken: Plugin = {
  name: 'broken',
  description: 'Does not start',
  start() {
    throw new Error('no such file');
  },
};
const logger = new RecordingLogger();

test(
  'a plugin that does not start is an error of its own, whose reason the log has',
  withApi({ plugins: [broken], logger }, async (ask, _broker, t) => {
    logger.lines.length = 0;
    t.is(await put(ask, 'broken', { active: true }), UNKNOWN);
    t.true(logger.has('error', /plugin broken did not start: .*no such file/));
    t.is(await put(ask, 'broken', { active: false }), '{"code":111,"message":"not_started"}');
  }),
);

test(
  'what it is to be has to be said, as a boolean, in JSON',
  withApi({}, async (ask, _broker, t) => {
    const name = 'emq_recon';
    t.is(await put(ask, name, {}), '{"code":107,"message":"params error"}');
    t.is((await ask(`PUT ${PLUGINS}/${name}`)).text, '{"code":107,"message":"params error"}');
    for (const active of [null, 'true', 1, [true]])
      t.is(await put(ask, name, { active }), '{"code":108,"message":"params type error"}');
    // As the seed writes it, with a comma too many.
    t.is(await put(ask, name, '{"active": true,}'), '{"code":109,"message":"Body not json"}');
  }),
);

test(
  'commands of a plugin are carried out, and refused with a sentence',
  withApi({}, async (ask, _broker, t) => {
    const name = 'emq_auth_username';
    t.is(await run(ask, name, { command: 'list' }), `{"code":111,"message":"${name} does not run"}`);
    t.is(await commands(ask, name), `{"code":111,"message":"${name} does not run"}`);
    t.is(await put(ask, name, { active: true }), DONE);
    t.regex(
      await commands(ask, name),
      /^\{"code":0,"result":\[\{"name":"list","usage":"","about":"[^"]+"\},\{"name":"add","usage":"NAME PASSWORD",/,
    );
    t.is(await commands(ask, 'emq_retainer'), '{"code":0,"result":[]}');
    t.is(await commands(ask, 'emq_nothing'), '{"code":102,"message":"there is no plugin emq_nothing"}');
    t.is(await run(ask, name, { command: 'list' }), '{"code":0,"result":{"lines":[]}}');
    t.is(
      await run(ask, name, { command: 'add', args: ['ben', 'lighthouse'] }),
      '{"code":0,"result":{"lines":["ok"]}}',
    );
    t.is(await run(ask, name, { command: 'list', args: [] }), '{"code":0,"result":{"lines":["ben"]}}');
    t.is(
      await run(ask, name, { command: 'del', args: ['eve'] }),
      `{"code":102,"message":"${name} del: there is no eve"}`,
    );
    t.is(
      await run(ask, 'emq_nothing', { command: 'list' }),
      '{"code":102,"message":"there is no plugin emq_nothing"}',
    );
    t.is(await run(ask, name, {}), '{"code":107,"message":"params error"}');
    for (const args of ['ben', null, [1], [null], {}])
      t.is(await run(ask, name, { command: 'add', args }), '{"code":108,"message":"params type error"}');
  }),
);
