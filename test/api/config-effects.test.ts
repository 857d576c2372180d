import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { RunningBroker } from '../../src/broker.js';
import { asking, withApi } from '../helpers/api.js';
import { RecordingLogger, startTestBroker, tempDirectory } from '../helpers/with-broker.js';
import { EFFECTS } from './config-effects.js';
import { ConfigStage } from './config-stage.js';

// One broker for all of them: each takes back what it has changed.
let broker: RunningBroker;
test.before(async () => {
  broker = await startTestBroker({ config: { 'listener.api.mgmt': '127.0.0.1:0' } }, tempDirectory());
});
test.after.always(() => broker.stop());

for (const [key, [value, effect]] of Object.entries(EFFECTS)) {
  test.serial(
    `${key} = ${value} is in force in every shard when the answer comes, and no longer once it is taken back`,
    async (t) => {
      const ask = asking(broker.apiPort);
      const first = broker.config[key as 'mqtt.max_packet_size'];
      const stages = [0, 1].map((shard) => new ConfigStage(t, ask, broker, shard));
      const before = await Promise.all(stages.map((stage) => stage.join()));
      for (const client of before) {
        client.sendPublish({ topic: 'cached/topic' });
        await client.expectSilence();
      }
      await stages[0]!.put(key, value);
      for (const [shard, stage] of stages.entries()) {
        await effect(stage, before[shard]!);
        stage.leave();
      }
      await stages[0]!.reset(key);
      t.deepEqual(broker.config[key as 'mqtt.max_packet_size'], first);
      t.pass();
    },
  );
}

test.serial(
  'mqtt.acl_file is read when it is set, and a file that is not right changes nothing',
  withApi({}, async (ask, broker, t) => {
    const stage = new ConfigStage(t, ask, broker, 1);
    const file = join(tempDirectory(), 'acl.conf');
    const before = await stage.join();
    await before.subscribe('no/entry');
    writeFileSync(file, '{deny, all, subscribe');
    const wrong = await ask('PUT configs/emqttd', { body: { key: 'mqtt.acl_file', value: file } });
    t.regex(wrong.text, /^\{"code":102,"message":"mqtt\.acl_file: /);
    t.is(broker.config['mqtt.acl_file'], '');
    writeFileSync(file, '{deny, all, subscribe, ["no/#"]}.\n');
    await stage.put('mqtt.acl_file', file);
    t.deepEqual((await before.subscribe('no/entry')).codes, [0x80]);
    await stage.reset('mqtt.acl_file');
    t.deepEqual((await before.subscribe('no/entry')).codes, [0]);
  }),
);

test.serial('log.level and log.console.level are told to the logger', async (t) => {
  const levels: string[] = [];
  const logger = Object.assign(new RecordingLogger(), { setLevel: (level: string) => levels.push(level) });
  await withApi({ logger }, async (ask, broker) => {
    const stage = new ConfigStage(t, ask, broker, 0);
    await stage.put('log.console.level', 'warning');
    await stage.put('log.level', 'debug');
    await stage.reset('log.console.level');
  })(t);
  t.deepEqual(levels, ['info', 'warn', 'debug', 'info']);
});

test.serial(
  'keys of a plugin that runs are listed, and changed with its name as the application',
  withApi({}, async (ask, broker, t) => {
    const stage = new ConfigStage(t, ask, broker, 1);
    const rows = async (): Promise<string> => (await ask(`GET nodes/${broker.name}/configs`)).text;
    t.true(
      (await rows()).includes(
        '{"key":"retainer.expiry_interval","value":"0","datatpye":"integer, duration","app":"emq_retainer"}',
      ),
    );
    await stage.put('retainer.max_payload_size', '3', 'emq_retainer');
    const client = await stage.join();
    await client.publish({ topic: 'kept/1', payload: 'abc', retain: true, qos: 1 });
    await client.publish({ topic: 'kept/2', payload: 'abcd', retain: true, qos: 1 });
    await client.subscribe('kept/#');
    t.is((await client.receive()).topic, 'kept/1');
    await client.expectSilence();
    t.true((await rows()).includes('"key":"retainer.max_payload_size","value":"3"'));
    await stage.reset('retainer.max_payload_size', 'emq_retainer');
    t.true((await rows()).includes('"key":"retainer.max_payload_size","value":"1048576"'));
    const put = async (key: string, value: string): Promise<string> =>
      (await ask('PUT configs/emq_retainer', { body: { key, value } })).text;
    t.regex(await put('retainer.max_payload_size', 'much'), /^\{"code":108,/);
    t.regex(await put('retainer.nothing', '1'), /^\{"code":102,/);
  }),
);
