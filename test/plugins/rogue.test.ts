/** What people do wrong in plugins of their own stays with the plugin: no shard ends, and the log says what it was. */
import test, { type ExecutionContext } from 'ava';
import { connect, connectAsync } from 'mqtt';
import { addressOf, breakShard, until } from '../helpers/with-broker.js';
import { activeIn, ask, brokerWith, clientOf, type Scene } from './asking.js';
import { writePlugin } from './written.js';

function noShardHasEnded(t: ExecutionContext, { logger }: Scene): void {
  t.false(logger.has('error', /^shard \d has ended/));
}

test.serial('a module that was wrong is read again once it is right', async (t) => {
  const rogue = writePlugin('');
  const { broker } = await brokerWith(t, { plugins: [rogue.path] });
  const { plugins } = broker;
  rogue.writeMain('nonsense: 5');
  t.like(await plugins.reload('rogue'), { ok: false, why: 'failed' });
  rogue.writeMain('version: "2"');
  t.deepEqual(await plugins.reload('rogue'), { ok: true });
  rogue.writeShard('throw new Error("no")');
  t.like(await plugins.reload('rogue'), { ok: false, why: 'failed' });
  rogue.writeShard('return {}');
  rogue.writeMain('version: "3"');
  t.deepEqual(await plugins.reload('rogue'), { ok: true });
  t.is(plugins.list().find(({ name }) => name === 'rogue')!.version, '3');
});

test.serial('onMessage and stop that reject are logged, on main and in the shards', async (t) => {
  const main = `start: ({ tell }) => ({
    onMessage: async () => { tell('x'); throw new Error('late on main'); },
    stop: async () => { throw new Error('stop on main'); },
  })`;
  const shard = `setImmediate(() => context.tell('hello'));
    return {
      onMessage: async () => { throw new Error('late in shard'); },
      stop: async () => { throw new Error('stop in shard'); },
    };`;
  const scene = await brokerWith(t, { plugins: [writePlugin(main, shard).path] });
  const { logger } = scene;
  await until(() => logger.has('error', /was not handled: late on main/), 'main');
  await until(() => logger.has('error', /was not handled: late in shard/), 'the shard');
  t.deepEqual(await scene.broker.plugins.stop('rogue'), { ok: true });
  await until(() => logger.has('error', /did not stop in order: stop in shard/), 'the stop');
  t.true(logger.has('error', /did not stop in order: stop on main/));
  noShardHasEnded(t, scene);
});

test.serial('answers with holes are wrong answers', async (t) => {
  const rogue = writePlugin(
    '',
    `return { hooks: {
      'client.subscribe': (_, filters) => new Array(filters.length),
      'client.unsubscribe': (_, filters) => new Array(filters.length),
    } };`,
  );
  const scene = await brokerWith(t, { plugins: [rogue.path] });
  const client = await clientOf(t, scene, 0);
  const granted = await client.subscribeAsync(['a', 'b'], { qos: 1 });
  t.deepEqual(
    granted.map(({ qos }) => qos),
    [1, 1],
  );
  await client.unsubscribeAsync(['a', 'b']);
  const wrong = (): unknown[] =>
    scene.logger.lines.flatMap(({ message, fields }) =>
      message === 'hook gave a wrong answer' ? [fields['hook']] : [],
    );
  // A shard tells main of it while the client already has its answer.
  await until(() => wrong().length >= 2, 'both lines');
  t.deepEqual(wrong(), ['client.subscribe', 'client.unsubscribe']);
  noShardHasEnded(t, scene);
});

const WRONG_PUBLISHES = `
  const wrong = [
    [undefined, 'x', 'topic'], ['a/#', 'x', 'topic'], ['a', 5, 'payload'], ['a', ['x'], 'payload'],
    ['a', Buffer.alloc(2_000_000), 'max_packet_size'], ['a', 'x', 'qos', { qos: 3 }],
    ['a', 'x', 'retain', { retain: 'yes' }],
  ];
  for (const [topic, payload, word, options] of wrong) {
    try {
      context.publish(topic, payload, options);
      context.log.error('took a wrong ' + word);
    } catch (error) {
      if (!error.message.includes(word)) context.log.error(error.message + ' for a wrong ' + word);
    }
  }`;

test.serial('publish refuses what cannot be published, on main and in the shards', async (t) => {
  const main = `start(context) { ${WRONG_PUBLISHES} context.log.info('all tried'); }`;
  const shard = `${WRONG_PUBLISHES} context.log.info('all tried'); return {};`;
  const scene = await brokerWith(t, { plugins: [writePlugin(main, shard).path] });
  const tried = () => scene.logger.lines.filter(({ message }) => message === 'rogue: all tried').length;
  await until(() => tried() === 3, 'main and two shards');
  t.false(scene.logger.has('error', /./));
});

test.serial('subscribe refuses what is no filter and no QoS', async (t) => {
  const rogue = writePlugin(
    '',
    `const tryTo = (call) => { try { call(); } catch (error) { context.log.info(error.message); } };
    return { hooks: { 'message.publish': ({ clientId }) => {
      tryTo(() => context.subscribe(clientId, undefined, 0));
      tryTo(() => context.unsubscribe(clientId, null));
      tryTo(() => context.subscribe(clientId, 'a', 7));
      tryTo(() => context.subscribe(clientId, 'a/#/b', 0));
      tryTo(() => context.subscribe(undefined, 'a', 0));
    } } };`,
  );
  const scene = await brokerWith(t, { plugins: [rogue.path] });
  const client = await clientOf(t, scene, 0);
  await client.publishAsync('one', '', { qos: 1 });
  await client.publishAsync('two', '', { qos: 1 });
  const said = scene.logger.lines.flatMap(({ message }) => (/^rogue: (.*)/.exec(message) ?? []).slice(1));
  t.deepEqual([...new Set(said)], ['the filter is not a string', 'qos is not 0, 1 or 2']);
  noShardHasEnded(t, scene);
});

test.serial(
  'a part that fails in a shard that comes back: the plugin is stopped everywhere, the broker runs',
  async (t) => {
    const main = 'start: () => { let count = 0; return { shardState: () => ++count }; }';
    const rogue = writePlugin(main, 'if (context.state > 1) throw new Error("not twice"); return {};');
    const scene = await brokerWith(t, { plugins: [rogue.path] });
    t.true(activeIn(scene).includes('rogue'));
    await breakShard(scene.broker, 1, 'throw');
    await until(() => scene.logger.has('info', /shard 1 is back/), 'the shard');
    await until(() => !activeIn(scene).includes('rogue'), 'the end of the plugin');
    t.true(scene.logger.has('error', /^plugin rogue cannot go on in a shard that starts.*: not twice$/));
    t.deepEqual(await scene.broker.plugins.start('rogue'), { ok: true }, 'its count begins anew');
  },
);

test.serial('a plugin is a module in a file', async (t) => {
  const plugins = [new URL('data:text/javascript,export default { name: "rogue", description: "x" }')];
  const error = await t.throwsAsync(brokerWith(t, { plugins }));
  t.like(error, { code: 'CONFIG_INVALID' });
  t.regex((error as unknown as { issues: string[] }).issues[0]!, /it is not the URL of a file$/);
});

test.serial('bytes that a plugin uses again are not those that wait for a client', async (t) => {
  const rogue = writePlugin(
    '',
    `const scratch = Buffer.alloc(5000);
    return { hooks: { 'message.publish': (message) => {
      scratch.fill(message.payload[0]);
      return { ...message, payload: scratch.subarray(0, message.payload.length) };
    } } };`,
  );
  const scene = await brokerWith(t, { plugins: [rogue.path] });
  const { host, port } = addressOf(scene.broker);
  const url = `mqtt://${host}:${port}`;
  const options = { clientId: 'receiver', clean: false, protocolVersion: 4, reconnectPeriod: 0 } as const;
  const before = await connectAsync(url, options);
  await before.subscribeAsync('a', { qos: 1 });
  await before.endAsync();
  const publisher = await clientOf(t, scene, 1);
  const sent = [10, 4000].flatMap((bytes) => ['1', '2', '3'].map((letter) => letter.repeat(bytes)));
  for (const payload of sent) await publisher.publishAsync('a', payload, { qos: 1 });
  const received: string[] = [];
  const receiver = connect(url, options);
  t.teardown(() => receiver.end(true));
  receiver.on('message', (_topic, payload) => void received.push(payload.toString()));
  await until(() => received.length >= sent.length, 'what waited');
  t.deepEqual(received, sent);
});

test.serial('a plugin that has become a guard when it is read again is one', async (t) => {
  const main = 'start: () => { let count = 0; return { shardState: () => ++count }; }';
  const rogue = writePlugin(main, 'if (context.state > 1) throw new Error("not twice"); return {};');
  const scene = await brokerWith(t, { plugins: [rogue.path] });
  rogue.writeMain(`isGuard: true, ${main}`);
  t.deepEqual(await scene.broker.plugins.reload('rogue'), { ok: true });
  await breakShard(scene.broker, 1, 'throw');
  await until(() => scene.logger.has('error', /^nobody may connect.* until rogue runs or is stopped/));
  t.false(activeIn(scene).includes('rogue'));
  await t.throwsAsync(clientOf(t, scene, 0), { message: /unavailable/ });
});

test.serial(
  'a configuration that fails in one shard is taken back in all, also when it ends the shard',
  async (t) => {
    const scene = await brokerWith(t, { config: { 'probe.word': 'old' } });
    const { plugins } = scene.broker;
    for (const does of ['one-throws', 'ends']) {
      const outcome = await plugins.configure('probe', { 'probe.word': 'new', 'probe.shard': does });
      t.regex(outcome.ok ? '' : outcome.message, /; it runs again as it was$/, does);
      t.true(activeIn(scene).includes('probe'));
      for (const shard of [0, 1]) t.is(await ask(await clientOf(t, scene, shard), 'word'), 'old');
      t.like(
        plugins.config('probe')!.find(({ key }) => key === 'probe.word'),
        { value: 'old' },
      );
    }
  },
);

test.serial('a shard that ends while a plugin stops does not keep it', async (t) => {
  const scene = await brokerWith(t);
  const [, outcome] = await Promise.all([
    breakShard(scene.broker, 1, 'throw'),
    scene.broker.plugins.stop('probe'),
  ]);
  t.deepEqual(outcome, { ok: true });
  await until(() => scene.logger.has('info', /shard 1 is back/), 'the shard');
  const client = await clientOf(t, scene, 1);
  const answers: string[] = [];
  client.on('message', (topic) => void answers.push(topic));
  await client.publishAsync('probe/ask/word', '', { qos: 1 });
  await client.publishAsync('probe/answer/end', '', { qos: 1 });
  await until(() => answers.includes('probe/answer/end'));
  t.deepEqual(answers, ['probe/answer/end']);
});
