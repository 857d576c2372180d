import test from 'ava';
import {
  PLUGIN_LOG_LINES_PER_SECOND,
  PLUGIN_MESSAGES_PER_REPORT,
  PLUGIN_MESSAGES_WAITING_MAX,
} from '../../src/limits.js';
import { until } from '../helpers/with-broker.js';
import { ask, brokerWith, clientOf, nextIn } from './asking.js';

test.serial(
  'a part that floods the main part is bounded, what was taken arrives, and it may go on afterwards',
  async (t) => {
    const scene = await brokerWith(t);
    const client = await clientOf(t, scene, 0);
    await client.subscribeAsync('probe/counted', { qos: 1 });
    let all = 0;
    for (let round = 1; round <= 2; round++) {
      // Main has not reported the last few of those before.
      const told = Number(await ask(client, 'flood'));
      t.true(told <= PLUGIN_MESSAGES_WAITING_MAX, `${told}`);
      t.true(told > PLUGIN_MESSAGES_WAITING_MAX - PLUGIN_MESSAGES_PER_REPORT, `${told}`);
      all += told;
      const counted = nextIn(client, 'probe/counted');
      await client.publishAsync('probe/ask/counted', '', { qos: 1 });
      t.is(await counted, String(all));
    }
    t.true(scene.logger.has('warn', /^probe: messages to its main part are dropped/));
  },
);

test.serial('what cannot be cloned is not told, and logged', async (t) => {
  const scene = await brokerWith(t);
  const client = await clientOf(t, scene, 0);
  t.is(await ask(client, 'unclonable'), 'false');
  await until(() => scene.logger.has('error', /^probe: a message to its main part is dropped: .*clone/));
  t.is(await ask(client, 'ping'), 'pong');
});

test.serial('a message that its main part does not like is logged, and nothing else', async (t) => {
  const scene = await brokerWith(t);
  const client = await clientOf(t, scene, 1);
  await client.publishAsync('probe/ask/throw', '', { qos: 1 });
  await until(() => scene.logger.has('error', /^probe: a message of shard 1 was not handled: .*liking/));
  t.is(await ask(client, 'ping'), 'pong');
});

test.serial('a part that floods the log is cut short', async (t) => {
  const scene = await brokerWith(t);
  const client = await clientOf(t, scene, 0);
  t.is(await ask(client, 'log'), 'done');
  const lines = scene.logger.lines.filter(({ message }) => message === 'probe: a line');
  t.true(lines.length < PLUGIN_LOG_LINES_PER_SECOND * 10, `${lines.length} lines`);
});

test.serial('a part subscribes and unsubscribes a client of its shard, which gets no SUBACK', async (t) => {
  const scene = await brokerWith(t);
  const client = await clientOf(t, scene, 1);
  await client.publishAsync('probe/ask/subscribe', '', { qos: 1 });
  const own = nextIn(client, 'probe/own');
  await until(async () => {
    await client.publishAsync('probe/own', 'to me', { qos: 1 });
    return (await Promise.race([own, ask(client, 'shard')])) === 'to me';
  }, 'the subscription');
  await client.publishAsync('probe/ask/unsubscribe', '', { qos: 1 });
  await until(async () => {
    const later = nextIn(client, 'probe/own');
    await client.publishAsync('probe/own', 'again', { qos: 1 });
    return (await Promise.race([later, ask(client, 'shard')])) !== 'again';
  }, 'the end of the subscription');
  t.pass();
});
