import test from 'ava';
import { connectAsync } from 'mqtt';
import { withApi } from '../helpers/api.js';
import { addressOf, breakShard, RecordingLogger, until } from '../helpers/with-broker.js';
import { writePlugin } from '../plugins/written.js';
import { client } from './lists.js';
import { DONE, MISSING, NODE_DOWN, publish, said, subscribe, TALKER, unsubscribe, WRONG } from './mqtt.js';

test.serial(
  'a subscription holds on all shards when the answer comes, and ends with unsubscribe',
  withApi({ config: { 'node.shards': 3 } }, async (ask, broker, t) => {
    const { host, port } = addressOf(broker);
    const reader = await connectAsync(`mqtt://${host}:${port}`, { clientId: 'a/b', reconnectPeriod: 0 });
    const got: string[] = [];
    reader.on('message', (topic, payload) => void got.push(`${topic} ${payload}`));
    t.teardown(() => reader.end(true));
    const publishers = await Promise.all(['1', '2', '3', '4', '5'].map((id) => client(broker, id)));
    for (let round = 0; round < 10; round++) {
      const topic = `t/${round}`;
      t.is(await subscribe(ask, { client_id: 'a/b', topic: `t/${round}/+`, qos: 1 }), DONE);
      for (const [i, publisher] of publishers.entries())
        await publisher.publish({ topic: `${topic}/${i}`, qos: 1 });
      await until(() => got.length === 5 * (round + 1), 'all of a round');
      t.is(await unsubscribe(ask, { client_id: 'a/b', topic: `t/${round}/+` }), DONE);
      for (const publisher of publishers) await publisher.publish({ topic: `${topic}/late`, qos: 1 });
    }
    t.false(got.some((each) => each.includes('late')));
    t.is(await unsubscribe(ask, { client_id: 'a/b', topic: 't/0/+' }), DONE, 'also where there is none');
  }),
);

test.serial(
  'an absent persistent session is subscribed; retained messages come when its client is back, newest state only',
  withApi({}, async (ask, broker, t) => {
    const absent = await client(broker, 'absent', { clean: false });
    await absent.disconnect();
    t.is(await publish(ask, { topic: 'r/1', payload: 'old', retain: true, qos: 1 }), DONE);
    t.is(await publish(ask, { topic: 'r/2', payload: 'two', retain: true, qos: 1 }), DONE);
    t.is(await subscribe(ask, { client_id: 'absent', topic: 'r/#', qos: 1 }), DONE);
    t.is(await publish(ask, { topic: 'r/1', payload: 'new', retain: true, qos: 1 }), DONE);
    t.is(await publish(ask, { topic: 'live', payload: 'not wanted' }), DONE);
    const back = await client(broker, 'absent', { clean: false });
    t.true(back.connack!.sessionPresent);
    const got = [await back.receive(), await back.receive()];
    t.deepEqual(
      got.map(({ topic, payload, retain }) => [topic, payload, retain]),
      [
        ['r/1', 'new', false],
        ['r/2', 'two', true],
      ],
    );
    await back.expectSilence();
  }),
);

test.serial(
  'a connected client gets retained messages with each subscription, and its QoS changes',
  withApi({}, async (ask, broker, t) => {
    t.is(await publish(ask, { topic: 'r', payload: 'kept', retain: true, qos: 1 }), DONE);
    const reader = await client(broker, 'reader');
    t.is(await subscribe(ask, { client_id: 'reader', topic: 'r', qos: 1 }), DONE);
    t.is((await reader.receive('kept')).qos, 1);
    t.is(await subscribe(ask, { client_id: 'reader', topic: 'r' }), DONE);
    t.is((await reader.receive('kept')).qos, 0);
    const { json } = await ask('GET subscriptions/reader');
    t.deepEqual((json as { result: { objects: unknown } }).result.objects, [
      { client_id: 'reader', topic: 'r', qos: 0 },
    ]);
  }),
);

test.serial(
  'what an MQTT 5 client has asked for with its subscription stays, but for the QoS',
  withApi({}, async (ask, broker, t) => {
    const NO_LOCAL = 4;
    const reader = await client(broker, 'reader', {}, 5);
    await reader.subscribe([['t', NO_LOCAL]], { subscriptionIdentifiers: [7] });
    t.is(await subscribe(ask, { client_id: 'reader', topic: 't', qos: 1 }), DONE);
    await reader.publish({ topic: 't', payload: 'own', qos: 1 });
    t.is(await publish(ask, { topic: 't', payload: 'other', qos: 1 }), DONE);
    const got = await reader.receive('other');
    t.is(got.qos, 1);
    t.deepEqual(got.properties.subscriptionIdentifiers, [7]);
  }),
);

test.serial(
  'prefixes are parsed: shared, queued and local subscriptions',
  withApi({}, async (ask, broker, t) => {
    const one = await client(broker, 'one');
    const two = await client(broker, 'two');
    for (const client_id of ['one', 'two']) {
      for (const topic of ['$share/g/s/+', '$queue/q', '$local/l']) {
        t.is(await subscribe(ask, { client_id, topic, qos: 1 }), DONE);
      }
    }
    for (const topic of ['s/1', 'q', 'l']) t.is(await publish(ask, { topic, qos: 1 }), DONE);
    const topics: (string | undefined)[] = [];
    for (const each of [one, two]) topics.push(...(await each.collectFrom(each)).map(({ topic }) => topic));
    t.deepEqual(topics.sort(), ['l', 'l', 'q', 's/1']);
    for (const client_id of ['one', 'two']) {
      for (const topic of ['$share/g/s/+', '$queue/q', '$local/l']) {
        t.is(await unsubscribe(ask, { client_id, topic }), DONE);
      }
    }
    t.is((await ask('GET subscriptions/one')).text, '{"code":0,"result":{"objects":[]}}');
  }),
);

test.serial('nobody is asked whether it may; plugins hear of it, in the client’s own words', async (t) => {
  const logger = new RecordingLogger();
  const plugins = [writePlugin('', TALKER).path];
  const config = { 'listener.tcp.external.mountpoint': 'home/' };
  const scene = withApi({ plugins, logger, config }, async (ask, broker) => {
    const reader = await client(broker, 'reader');
    t.is(await subscribe(ask, { client_id: 'reader', topic: '$share/g/home/a', qos: 2 }), DONE);
    t.is(await subscribe(ask, { client_id: 'reader', topic: 'elsewhere' }), DONE);
    t.is(await publish(ask, { topic: 'home/a', payload: 'in' }), DONE);
    t.is((await reader.receive('in')).topic, 'a', 'topics are whole; the client knows its own part');
    t.is(await publish(ask, { topic: 'elsewhere', payload: 'out' }), DONE);
    t.is((await reader.receive('out')).topic, 'elsewhere');
    t.is(await unsubscribe(ask, { client_id: 'reader', topic: '$share/g/home/a' }), DONE);
    await until(() => said(logger, /^unsubscribed/).length === 1);
    t.deepEqual(said(logger, /subscribed|asked/), [
      'subscribed reader $share/g/a 2',
      'subscribed reader elsewhere 0',
      'unsubscribed reader $share/g/a',
    ]);
  });
  await scene(t);
});

test.serial(
  'bad filters are 102, unknown sessions 112, too many subscriptions 102, parameters as usual',
  withApi({ config: { 'mqtt.session.max_subscriptions': 1 } }, async (ask, broker, t) => {
    await client(broker, 'c');
    for (const ask1 of [subscribe, unsubscribe]) {
      for (const topic of ['', 'a/#/b', 'a+', '$share/g', '$share//a', '$local/$local/a']) {
        const text = JSON.stringify({ code: 102, message: `validate topic: ${topic} fail` });
        t.is(await ask1(ask, { client_id: 'c', topic }), text);
      }
      const unknown = await ask1(ask, { client_id: 'no/body', topic: 'a' });
      t.is(unknown, '{"code":112,"message":"Clientid: no/body not found"}');
      t.is(await ask1(ask, { topic: 'a' }), MISSING);
      t.is(await ask1(ask, { client_id: 'c' }), MISSING);
      t.is(await ask1(ask, { client_id: 1, topic: 'a' }), WRONG);
      t.is(await ask1(ask, { client_id: 'c', topic: [] }), WRONG);
    }
    for (const qos of [3, -1, '0', true])
      t.is(await subscribe(ask, { client_id: 'c', topic: 'a', qos }), WRONG);
    t.is(await subscribe(ask, { client_id: 'c', topic: 'a' }), DONE);
    const text = '{"code":102,"message":"Clientid: c has too many subscriptions"}';
    t.is(await subscribe(ask, { client_id: 'c', topic: 'b' }), text);
    t.is(await subscribe(ask, { client_id: 'c', topic: 'a', qos: 2 }), DONE, 'the same one again');
  }),
);

test.serial(
  'while the session’s shard is down the answer is 101',
  withApi({ config: { 'shard.silence_timeout': '3s' } }, async (ask, broker, t) => {
    let id = 0;
    while (broker.shardOf(`c${id}`) !== 1) id++;
    await breakShard(broker, 1, 'hang');
    const body = { client_id: `c${id}`, topic: 'a' };
    t.deepEqual(await Promise.all([subscribe(ask, body), unsubscribe(ask, body)]), [NODE_DOWN, NODE_DOWN]);
  }),
);
