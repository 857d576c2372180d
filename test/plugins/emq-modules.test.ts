import test, { type ExecutionContext } from 'ava';
import { connect, connectAsync, type MqttClient } from 'mqtt';
import { addressOf, until } from '../helpers/with-broker.js';
import { brokerWith, nextIn, type Scene } from './asking.js';

async function join(
  t: ExecutionContext,
  scene: Scene,
  clientId: string,
  username?: string,
): Promise<MqttClient> {
  const { host, port } = addressOf(scene.broker);
  const url = `mqtt://${host}:${port}`;
  const name = username === undefined ? {} : { username };
  const client = await connectAsync(url, { clientId, protocolVersion: 4, reconnectPeriod: 0, ...name });
  t.teardown(() => client.end(true));
  return client;
}

/** @returns what the client gets when `publish` is done, up to the message that ends it. */
async function receivedBy(client: MqttClient, publish: () => Promise<unknown>): Promise<string[]> {
  const received: string[] = [];
  const listen = (topic: string, payload: Buffer): void => void received.push(`${topic} ${payload}`);
  client.on('message', listen);
  await client.subscribeAsync('end', { qos: 1 });
  const end = nextIn(client, 'end');
  await publish();
  await client.publishAsync('end', '', { qos: 1 });
  await end;
  client.off('message', listen);
  return received.filter((each) => each !== 'end ');
}

test.serial(
  'module.subscription subscribes clients when they connect, with %c and %u as whole levels',
  async (t) => {
    const scene = await brokerWith(t, {
      plugins: [],
      config: {
        'module.subscription': 'on',
        'module.subscription.1.topic': '$client/%c',
        'module.subscription.1.qos': 2,
        'module.subscription.2.topic': 'user/%u/news',
        'module.subscription.10.topic': 'x%c/all',
      },
    });
    const publisher = await join(t, scene, 'publisher');
    const publish = async (): Promise<void> => {
      for (const topic of [
        '$client/ann',
        '$client/%c',
        'user/bob/news',
        'user/%u/news',
        'x%c/all',
        'xann/all',
      ]) {
        await publisher.publishAsync(topic, topic, { qos: 2 });
      }
    };
    const ann = await join(t, scene, 'ann', 'bob');
    t.deepEqual(
      (await receivedBy(ann, publish)).map((each) => each.split(' ')[0]),
      ['$client/ann', 'user/bob/news', 'x%c/all'],
    );
    const nameless = await join(t, scene, 'nameless');
    t.deepEqual(
      (await receivedBy(nameless, publish)).map((each) => each.split(' ')[0]),
      ['user/%u/news', 'x%c/all'],
      'without a user name %u stays',
    );
  },
);

test.serial(
  'a ClientId or user name with a wildcard subscribes its client to nothing of others',
  async (t) => {
    const scene = await brokerWith(t, {
      plugins: [],
      config: {
        'module.subscription': 'on',
        'module.subscription.1.topic': 'client/%c',
        'module.subscription.2.topic': 'user/%u',
      },
    });
    const publisher = await join(t, scene, 'publisher');
    const publish = async (): Promise<void> => {
      for (const topic of ['client/ann', 'client/a/b', 'user/ann']) {
        await publisher.publishAsync(topic, topic, { qos: 1 });
      }
    };
    for (const name of ['#', '+'])
      t.deepEqual(await receivedBy(await join(t, scene, name, name), publish), []);
    const slashed = await join(t, scene, 'a/b', '#');
    t.deepEqual(await receivedBy(slashed, publish), ['client/a/b client/a/b']);
  },
);

test.serial(
  'module.rewrite puts other topics in place of those of publish, subscribe and unsubscribe',
  async (t) => {
    const scene = await brokerWith(t, {
      plugins: [],
      config: {
        'module.rewrite': 'on',
        'module.rewrite.rule.10': 'y/# ^y/(.+)$ late/$1',
        'module.rewrite.rule.2': 'y/+/z/# ^y/(.+)/z/(.+)$ y/z/$2',
        'module.rewrite.rule.1': 'x/# ^x/y/(.+)$ z/y/$1',
      },
    });
    const client = await join(t, scene, 'client');
    await client.subscribeAsync(['x/y/#', '$share/g/x/y/shared', 'late/#', 'y/z/#', 'x/other'], { qos: 1 });
    const publisher = await join(t, scene, 'publisher');
    const publish = async (): Promise<void> => {
      for (const topic of ['x/y/1', 'z/y/2', 'x/other', 'y/a/z/b', 'y/5', 'x/y/shared']) {
        await publisher.publishAsync(topic, '', { qos: 1 });
      }
    };
    const rewritten = ['z/y/1 ', 'z/y/2 ', 'x/other ', 'y/z/b ', 'late/5 ', 'z/y/shared ', 'z/y/shared '];
    t.deepEqual(
      (await receivedBy(client, publish)).sort(),
      // The subscription to y/z/# was rewritten by rule 10, the first whose filter matches it.
      rewritten.filter((each) => each !== 'y/z/b ').sort(),
    );
    await client.unsubscribeAsync(['x/y/#', '$share/g/x/y/shared', 'late/#']);
    t.deepEqual(await receivedBy(client, publish), ['x/other ']);
  },
);

test.serial('rules and subscriptions that make no sense are refused with their key', async (t) => {
  const { broker } = await brokerWith(t, { plugins: [] });
  for (const [key, value, message] of [
    [
      'module.rewrite.rule.1',
      'x/# ^x$',
      /^module\.rewrite\.rule\.1: expected a topic filter, a regular expr/,
    ],
    ['module.rewrite.rule.1', 'x/#/y ^x$ y', /^module\.rewrite\.rule\.1: x\/#\/y is not a topic filter/],
    ['module.rewrite.rule.b', 'x/# ( y', /^module\.rewrite\.rule\.b: Invalid regular expression/],
    ['module.subscription.1.topic', 'a/#/b', /^module\.subscription\.1\.topic is not a topic filter/],
    ['module.subscription.1.qos', '1', /^module\.subscription\.1\.qos has no module\.subscription\.1\.topic/],
  ] as const) {
    const outcome = await broker.plugins.configure('emq_modules', { [key]: value });
    t.like(outcome, { ok: false, why: 'invalid' });
    t.regex(outcome.ok ? '' : outcome.message, message);
  }
});

test.serial('what is switched off at run time is off, and nobody is disconnected', async (t) => {
  const scene = await brokerWith(t, { plugins: [] });
  const watcher = await join(t, scene, 'watcher');
  await watcher.subscribeAsync('$SYS/brokers/+/clients/#', { qos: 1 });
  const come = (clientId: string) => () => join(t, scene, clientId).then((client) => client.endAsync());
  t.true((await receivedBy(watcher, come('one'))).length > 0);
  t.true((await scene.broker.plugins.configure('emq_modules', { 'module.presence': 'off' })).ok);
  t.deepEqual(await receivedBy(watcher, come('two')), []);
  t.true((await scene.broker.plugins.configure('emq_modules', {})).ok);
  t.true((await scene.broker.plugins.stop('emq_modules')).ok);
  t.deepEqual(await receivedBy(watcher, come('three')), []);
});

test.serial('an expression that takes for ever refuses the topic, and the shard goes on', async (t) => {
  const scene = await brokerWith(t, {
    plugins: [],
    config: {
      'module.rewrite': 'on',
      'module.rewrite.rule.1': 'evil/# ^evil/(a+)+$ good/$1',
      'module.rewrite.rule.2': 'long/# ^long/(.+)-z-(.+)$ short/$2',
    },
  });
  const client = await join(t, scene, 'client');
  const evil = `evil/${'a'.repeat(50)}b`;
  const granted = await client.subscribeAsync([evil, 'good/#', 'short/#'], { qos: 1 }).catch(String);
  t.regex(String(granted), /Unspecified error|128/);
  const long = `long/${'-z-'.repeat(20)}${'x'.repeat(300)}`;
  const received = new Set<string>();
  client.on('message', (topic) => void received.add(topic));
  // With a line feed it does not match, after having tried every way to.
  for (const topic of [evil, evil, `long/${'-z-'.repeat(20_000)}\n`]) {
    await client.publishAsync(topic, '', { qos: 1 });
  }
  // A busy machine may refuse a good one as well, for a moment.
  await until(async () => {
    for (const topic of ['evil/aaa', long]) await client.publishAsync(topic, '', { qos: 1 });
    return received.size >= 2;
  }, 'the good topics');
  t.deepEqual([...received].sort(), ['good/aaa', `short/${'x'.repeat(300)}`]);
  t.true(scene.logger.has('warn', /^emq_modules: .* takes too long: a topic is refused/));
  t.false(scene.logger.has('error', /./));
  await client.unsubscribeAsync(evil);
});

test.serial('a session that is resumed is not sent again what is retained', async (t) => {
  const scene = await brokerWith(t, {
    plugins: [],
    config: { 'module.subscription': 'on', 'module.subscription.1.topic': 'news/#' },
  });
  const publisher = await join(t, scene, 'publisher');
  await publisher.publishAsync('news/1', 'old', { qos: 1, retain: true });
  const { host, port } = addressOf(scene.broker);
  const options = { clientId: 'reader', clean: false, protocolVersion: 4, reconnectPeriod: 0 } as const;
  for (const expected of [['old', 'new'], ['new']]) {
    const reader = connect(`mqtt://${host}:${port}`, options);
    t.teardown(() => reader.end(true));
    const received: string[] = [];
    reader.on('message', (_topic, payload) => void received.push(payload.toString()));
    await until(async () => {
      await publisher.publishAsync('news/2', 'new', { qos: 1 });
      return received.filter((each) => each === 'new').length > 5;
    }, 'the subscription');
    t.deepEqual([...new Set(received)].sort().reverse(), expected);
    await reader.endAsync();
  }
});
