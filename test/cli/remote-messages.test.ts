/** Commands about what clients send and get: publish, kick, trace. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { client } from '../api/lists.js';
import { withApi } from '../helpers/api.js';
import { accessTo, says, stubApi, typing } from './remote.js';
import { CliProcess, temporaryDir } from './run-cli.js';

test(
  'publish: text, an empty message, bytes of a file; what is no topic name is refused',
  withApi({}, async (_ask, broker, t) => {
    const type = typing(broker.apiPort);
    const subscriber = await client(broker, 'sub');
    await subscriber.subscribe([['plant/#', 1]]);
    t.deepEqual(await type(['publish', 'plant/1', 'on – ü', '--qos', '1']), {
      code: 0,
      stdout: '9 bytes published to plant/1\n',
      stderr: '',
    });
    t.like(await subscriber.expectPublish('on – ü'), { topic: 'plant/1', qos: 1 });
    t.is((await type(['publish', 'plant/1', ''])).code, 0);
    await subscriber.expectPublish('');
    const file = join(temporaryDir(t), 'bytes');
    writeFileSync(file, Buffer.from([0xff, 0x00, 0xfe]));
    t.is((await type(['publish', 'plant/1', '--file', file])).stdout, '3 bytes published to plant/1\n');
    t.is((await subscriber.expectPublish()).payload, Buffer.from([0xff, 0x00, 0xfe]).toString());
    t.deepEqual(await type('publish plant/# x'), {
      code: 1,
      stdout: '',
      stderr: 'shardmq: plant/# is not a topic that MQTT allows there\n',
    });
    t.like(await type(['publish', 'plant/1', '--file', '/dev/zero']), {
      code: 1,
      stderr: 'shardmq: the message is larger than a request may be\n',
    });
    t.is((await type(['publish', 'plant/1', '--file', '/does/not/exist'])).code, 2);
  }),
);

test('publish sends what is no text as Base64, so that every byte arrives', async (t) => {
  const stub = await stubApi(t, () => says([]));
  const file = join(temporaryDir(t), 'bytes');
  writeFileSync(file, Buffer.from([0xff, 0x00, 0xfe]));
  await typing(stub.port)(['publish', 'a', '--retain', '--client-id', 'me', '--file', file]);
  t.deepEqual(stub.requests, [
    'POST /api/v2/mqtt/publish {"topic":"a","payload":"/wD+","payload_encoding":"base64","qos":0,"retain":true,"client_id":"me"}',
  ]);
});

test(
  'clients kick ends a connection',
  withApi({}, async (_ask, broker, t) => {
    const victim = await client(broker, 'a/b');
    const type = typing(broker.apiPort);
    t.like(await type('clients kick a/b'), { code: 0, stdout: 'a/b is disconnected\n' });
    await victim.expectClosed();
    t.like(await type('clients kick a/b'), { code: 1, stderr: 'shardmq: no client a/b is connected\n' });
  }),
);

test(
  'trace tells what happens while it happens, and ends by itself',
  withApi({}, async (_ask, broker, t) => {
    const access = accessTo(broker.apiPort);
    const topic = new CliProcess(['trace', 'topic', 'plant/#', '--duration', '3'], access);
    const json = new CliProcess(['trace', 'client', 'one', '--duration', '3', '--json'], access);
    await topic.complains('watching topic plant/# for 3 s; Ctrl-C ends it\n');
    await json.says('"event":"started"');
    const one = await client(broker, 'one');
    await one.subscribe([['plant/+', 0]]);
    t.is((await typing(broker.apiPort)(['publish', 'plant/1', 'a\tb'])).code, 0);
    const { code, stdout, stderr } = await topic.ended();
    t.is(code, 0);
    t.regex(stdout, /^\S+Z {2}publish {2}http {2}plant\/1 {2}.*payload=a\\tb$/m);
    t.regex(stderr, /the time is over: \d+ events\n$/);
    const lines = (await json.ended()).stdout.trimEnd().split('\n');
    const events = lines.map((line) => (JSON.parse(line) as { event: string }).event);
    t.deepEqual(events, ['started', 'connected', 'subscribed', 'delivered', 'ended']);
    t.like(await typing(broker.apiPort)(['trace', 'topic', 'a/#/b']), {
      code: 1,
      stderr: 'shardmq: a/#/b is not a topic that MQTT allows there\n',
    });
  }),
);

test('a trace that breaks off, and one that ends early, are failures', async (t) => {
  const broken = await stubApi(t, () => ({ text: '{"event":"started"}\n', type: 'application/x-ndjson' }));
  t.like(await typing(broken.port)('trace client x'), {
    code: 1,
    stderr:
      'watching client x for 60 s; Ctrl-C ends it\n' +
      'shardmq: the broker has ended the trace without a word; is it stopping?\n',
  });
  const text = '{"event":"ended","reason":"shard"}\n';
  const early = await stubApi(t, () => ({ text, type: 'application/x-ndjson' }));
  t.like(await typing(early.port)('trace client x'), {
    code: 1,
    stderr: 'shardmq: the trace has ended early: shard\n',
  });
  const full = await stubApi(t, () => ({ text: '{"code":102,"message":"too many traces run already"}' }));
  t.like(await typing(full.port)('trace client x'), {
    code: 1,
    stderr: 'shardmq: the broker refuses: too many traces run already (code 102)\n',
  });
  t.is((await typing((await stubApi(t, () => says([]))).port)('publish a b --client-id x')).code, 0);
});
