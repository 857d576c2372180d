import test from 'ava';
import { type AskApi, withApi } from '../helpers/api.js';
import { advanceClock, breakShard, RecordingLogger, until, whileTimePasses } from '../helpers/with-broker.js';
import { writePlugin } from '../plugins/written.js';
import { client } from './lists.js';
import { DONE, MISSING, publish, said, TALKER, WRONG } from './mqtt.js';

async function dropped(ask: AskApi): Promise<unknown> {
  const { json } = await ask('GET monitoring/metrics');
  return (json as { result: Record<string, unknown> }).result['messages/dropped'];
}

test.serial(
  'what is published reaches subscribers on all shards, once, with its QoS; nobody is no error and counts as dropped',
  withApi({ config: { 'node.shards': 3, 'module.presence': 'off' } }, async (ask, broker, t) => {
    const clients = await Promise.all(['a', 'b', 'c', 'd', 'e', 'http'].map((id) => client(broker, id)));
    for (const each of clients) await each.subscribe([['t/+', 1]]);
    const whole = { topic: 't/1', payload: 'hällo', qos: 1, retain: false, client_id: 'http' };
    t.is(await publish(ask, whole), DONE);
    t.is(await publish(ask, { topic: 't/2' }), DONE);
    for (const each of clients) {
      const first = await each.receive('hällo');
      t.deepEqual([first.topic, first.qos, first.retain], ['t/1', 1, false]);
      const second = await each.receive('');
      t.deepEqual([second.topic, second.qos], ['t/2', 0]);
      await each.expectSilence();
    }
    t.is(await publish(ask, { topic: 'nobody', qos: 2 }), DONE);
    await until(async () => (await dropped(ask)) === 1, 'the drop');
  }),
);

test.serial(
  'topics are checked as names: 102 with EMQ’s text; missing ones are 107, wrong types and values 108',
  withApi({}, async (ask, _broker, t) => {
    for (const topic of ['', 'a/#', '+', 'a/+/b', 'a\u0000b', 'half\ud800']) {
      t.is(JSON.parse(await publish(ask, { topic })).message, `validate topic: ${topic} fail`);
    }
    t.is(await publish(ask, { topic: 'a/#' }), '{"code":102,"message":"validate topic: a/# fail"}');
    const later = [{ topic: 'b' }, { topic: 'half\udc00' }];
    t.is(JSON.parse(await publish(ask, { topic: 'a', messages: later })).code, 102);
    t.is(await publish(ask, { payload: 'x' }), MISSING);
    t.is(await publish(ask, { messages: [{ topic: 'a' }] }), MISSING, 'the first is never left out');
    t.is(await publish(ask, '{'), '{"code":109,"message":"Body not json"}');
    t.is(await publish(ask, [{ topic: 'a' }]), '{"code":109,"message":"Body not json"}');
    const wrong: Record<string, unknown>[] = [
      { topic: 1 },
      { topic: null },
      { payload: 1 },
      { payload: null },
      { payload: 'half \ud800' },
      { retain: 'true' },
      { retain: 1 },
      { client_id: 5 },
      { client_id: 'a\u0000b' },
      { payload_encoding: 'hex' },
      { payload: 'no base64', payload_encoding: 'base64' },
      { properties: [] },
      { properties: { message_expiry_interval: -1 } },
      { properties: { payload_format_indicator: 2 } },
      { properties: { response_topic: 'a/+' } },
      { properties: { content_type: 'half \ud800' } },
      { properties: { correlation_data: '*' } },
      { properties: { user_properties: [['a']] } },
      { properties: { user_properties: { a: 'b' } } },
      { messages: {} },
      { messages: ['a'] },
      { messages: [{ topic: 'a', qos: 3 }] },
      { messages: Array(1_001).fill({ topic: 'a' }) },
    ];
    for (const qos of [3, -1, '1', 0.5, null]) wrong.push({ qos });
    for (const each of wrong) t.is(await publish(ask, { topic: 't', ...each }), WRONG, JSON.stringify(each));
    t.is((await ask('POST mqtt/publish/', { body: { topic: 't' } })).status, 404);
    t.is((await ask('GET mqtt/publish')).status, 404);
  }),
);

test.serial(
  'a retained message is kept, and taken away by an empty one',
  withApi({}, async (ask, broker, t) => {
    t.is(await publish(ask, { topic: 'r', payload: 'kept', retain: true, qos: 1 }), DONE);
    const first = await client(broker, 'first');
    await first.subscribe('r');
    t.true((await first.receive('kept')).retain);
    t.is(await publish(ask, { topic: 'r', retain: true, qos: 1 }), DONE);
    const second = await client(broker, 'second');
    await second.subscribe('r');
    await second.expectSilence();
  }),
);

test.serial(
  'several messages of one call keep their order, and none is published where one is wrong',
  withApi({}, async (ask, broker, t) => {
    const reader = await client(broker, 'reader');
    await reader.subscribe([['#', 2]]);
    const messages = Array.from({ length: 500 }, (_, i) => ({
      topic: `t/${i % 7}`,
      payload: `${i}`,
      qos: 1,
    }));
    t.is(await publish(ask, { topic: 'first', payload: 'f', qos: 1, messages }), DONE);
    const got = await reader.receiveAll(501);
    t.deepEqual(
      got.map(({ payload }) => payload),
      ['f', ...messages.map(({ payload }) => payload)],
    );
    const bad = { topic: 'fine', messages: [{ topic: 'fine' }, { topic: 'not/#' }] };
    t.is(await publish(ask, bad), '{"code":102,"message":"validate topic: not/# fail"}');
    await reader.expectSilence();
  }),
);

test.serial(
  'MQTT 5 properties and bytes that are no text go with the message',
  withApi({}, async (ask, broker, t) => {
    const reader = await client(broker, 'reader', {}, 5);
    await reader.subscribe([['t', 1]]);
    const bytes = Buffer.from('\u0000\u0001ü');
    const properties = {
      content_type: 'application/x',
      response_topic: 'answers/1',
      correlation_data: Buffer.from([9, 0, 8]).toString('base64'),
      message_expiry_interval: 60,
      payload_format_indicator: 0,
      user_properties: [
        ['b', '1'],
        ['a', '2'],
        ['b', '3'],
      ],
    };
    const body = { topic: 't', payload: bytes.toString('base64'), payload_encoding: 'base64', properties };
    t.is(await publish(ask, body), DONE);
    const got = await reader.expect('publish');
    t.is(got.payload, '\u0000\u0001ü');
    t.like(got.properties, {
      contentType: 'application/x',
      responseTopic: 'answers/1',
      messageExpiry: 60,
      payloadFormat: 0,
    });
    t.deepEqual(got.properties.correlationData, Buffer.from([9, 0, 8]));
    t.deepEqual(got.properties.userProperties, properties.user_properties as [string, string][]);
  }),
);

test.serial(
  'a message that is larger than mqtt.max_packet_size is refused, with what its properties take',
  withApi({ config: { 'mqtt.max_packet_size': '1KB' } }, async (ask, _broker, t) => {
    const text = '{"code":102,"message":"message to t is larger than mqtt.max_packet_size"}';
    t.is(await publish(ask, { topic: 't', payload: 'x'.repeat(1_100) }), text);
    t.is(await publish(ask, { topic: 't', properties: { content_type: 'x'.repeat(1_100) } }), text);
    t.is(await publish(ask, { topic: 't', payload: 'x'.repeat(900) }), DONE);
  }),
);

test.serial(
  'plugins see who is said to have published, and may change it, drop it, and take their time',
  async (t) => {
    const logger = new RecordingLogger();
    const plugins = [writePlugin('', TALKER).path];
    const scene = withApi({ plugins, logger }, async (ask, broker) => {
      const reader = await client(broker, 'reader');
      for (const topic of ['p/#', 'o/#']) {
        t.is((await ask('POST mqtt/subscribe', { body: { client_id: 'reader', topic, qos: 1 } })).text, DONE);
      }
      t.is(await publish(ask, { topic: 'p/slow', qos: 1 }), DONE);
      t.is((await reader.receive()).topic, 'p/slow');
      t.is(await publish(ask, { topic: 'p/other', client_id: 'me', messages: [{ topic: 'p/drop' }] }), DONE);
      t.is((await reader.receive()).topic, 'o/other');
      await reader.expectSilence();
      await until(() => said(logger, /delivered o/).length === 1);
      // One may be said by another shard than the other.
      t.deepEqual(said(logger, /^publish/), [
        'publish p/slow http null',
        'publish p/other me null',
        'publish p/drop me null',
      ]);
      t.deepEqual(said(logger, /^delivered/), [
        'delivered p/slow reader http',
        'delivered o/other reader me',
      ]);
    });
    await scene(t);
  },
);

test.serial(
  'loops are not looked for: a client gets what is published under its own name',
  withApi({ config: { 'mqtt.session.ignore_loop_deliver': true } }, async (ask, broker, t) => {
    const self = await client(broker, 'self');
    await self.subscribe('t');
    t.is(await publish(ask, { topic: 't', payload: 'echo', client_id: 'self' }), DONE);
    await self.receive('echo');
  }),
);

test.serial(
  'one shard that is down does not keep the others from publishing',
  withApi({}, async (ask, broker, t) => {
    const shard = broker.shardOf('http');
    await breakShard(broker, shard, 'throw');
    // What it is asked before it is seen to have ended is not answered.
    await until(() =>
      broker.request(shard, 'shard.figures', null).then(
        () => false,
        () => true,
      ),
    );
    t.is(await publish(ask, { topic: 't', qos: 1 }), DONE);
  }),
);

for (const [mode, expected] of [
  ['failing', '{"code":102,"message":"the message could not be stored"}'],
  ['working', DONE],
] as const) {
  const seams =
    mode === 'failing' ? { store: new URL('../conformance/failing-store.js', import.meta.url).href } : {};
  test.serial(
    `with a ${mode} store QoS 1 for a persistent session is answered as PUBACK would be`,
    withApi({ seams }, async (ask, broker, t) => {
      const absent = await client(broker, 'absent', { clean: false });
      await absent.subscribe([['t', 1]]);
      await absent.disconnect();
      const body = { topic: 't', payload: 'p', qos: 1, client_id: 'absent' };
      t.is(await whileTimePasses(publish(ask, body), () => advanceClock(broker, 1_000)), expected);
      // The first may have shown that the store fails.
      t.is(await publish(ask, body), expected);
      t.is(await publish(ask, { ...body, qos: 0 }), DONE);
    }),
  );
}
