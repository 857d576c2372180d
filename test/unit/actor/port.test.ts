/** Requests and events between main and a shard, both ends in one thread. */
import { MessageChannel } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { PortClient } from '../../../src/actor/port-client.js';
import { PortServer, type ShardRequestHandlers } from '../../../src/actor/port-server.js';
import type { MainEvent, ShardEvent } from '../../../src/actor/shard-protocol.js';
import { BrokerError } from '../../../src/base/errors.js';
import { asClientId, asShardId } from '../../../src/protocol/ids.js';
import { until } from '../../helpers/with-broker.js';

const clientId = asClientId('somebody');

class HandClock {
  nowMs = 0;
  monotonicMs(): number {
    return this.nowMs;
  }
  wallMs(): number {
    return this.nowMs;
  }
}

function unexpected(): never {
  throw new Error('not expected in this test');
}

function joined(t: ExecutionContext, handlers: Partial<ShardRequestHandlers>) {
  const { port1, port2 } = new MessageChannel();
  const clock = new HandClock();
  const events: ShardEvent[] = [];
  const mainEvents: MainEvent[] = [];
  const client = new PortClient(port1, 'shard 7', clock, (event) => events.push(event));
  const server = new PortServer(
    port2,
    {
      'peer.connect': unexpected,
      'session.kick': unexpected,
      'session.remove': unexpected,
      'session.forgetDecision': unexpected,
      'session.subscribe': unexpected,
      'session.unsubscribe': unexpected,
      'messages.publish': unexpected,
      'trace.start': unexpected,
      'trace.take': unexpected,
      'trace.stop': unexpected,
      'session.owner': unexpected,
      'message.publish': unexpected,
      'shard.figures': unexpected,
      'list.marks': unexpected,
      'list.rows': unexpected,
      'list.route': unexpected,
      'list.client': unexpected,
      'list.session': unexpected,
      'list.subscriptions': unexpected,
      'config.update': unexpected,
      'plugin.start': () => null,
      'plugin.stop': () => null,
      'tls.update': unexpected,
      'access.update': unexpected,
      'shard.stop': unexpected,
      'test.advanceClock': unexpected,
      'test.fault': unexpected,
      ...handlers,
    },
    (event) => mainEvents.push(event),
  );
  t.teardown(() => {
    client.close('the test is over');
    server.close();
  });
  return { client, server, clock, events, mainEvents };
}

test('each request gets the answer to it, given at once or later, in whatever order', async (t) => {
  const answers: ((kicked: boolean) => void)[] = [];
  const { client } = joined(t, {
    'session.kick': () => new Promise((resolve) => answers.push((kicked) => resolve({ kicked }))),
    'session.owner': () => ({ shard: asShardId(3), connected: true }),
  });
  const first = client.request('session.kick', { clientId });
  const second = client.request('session.kick', { clientId });
  t.deepEqual(await client.request('session.owner', { clientId }), { shard: asShardId(3), connected: true });
  answers[1]!(true);
  t.deepEqual(await second, { kicked: true });
  answers[0]!(false);
  t.deepEqual(await first, { kicked: false });
});

test('what a handler throws or rejects with arrives as a BrokerError that says which shard', async (t) => {
  const { client } = joined(t, {
    'session.kick': () => Promise.reject(new BrokerError('SHARD_UNAVAILABLE', 'busy')),
  });
  const rejected = await t.throwsAsync(client.request('session.kick', { clientId }), {
    instanceOf: BrokerError,
  });
  t.is(rejected.code, 'SHARD_UNAVAILABLE');
  t.is(rejected.message, 'shard 7: busy');
  const thrown = await t.throwsAsync(client.request('shard.figures', null), { instanceOf: BrokerError });
  t.is(thrown.code, 'REQUEST_FAILED');
  t.is(thrown.message, 'shard 7: not expected in this test');
});

test('a request past its deadline fails at the next sweep, and its late reply is counted and dropped', async (t) => {
  let answer: (output: { kicked: boolean }) => void = () => {};
  const { client, clock } = joined(t, {
    'session.kick': () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
    'session.owner': () => null,
  });
  const slow = client.request('session.kick', { clientId }, 1_000);
  await client.request('session.owner', { clientId });
  clock.nowMs = 999;
  client.sweep(clock.nowMs);
  clock.nowMs = 1_000;
  client.sweep(clock.nowMs);
  const error = await t.throwsAsync(slow, { instanceOf: BrokerError });
  t.is(error.message, 'shard 7 did not answer session.kick in time');
  answer({ kicked: true });
  await until(() => client.lateReplies === 1);
  t.pass();
});

test('when a shard ends, its pending requests and all later ones fail with the reason', async (t) => {
  const { client } = joined(t, { 'session.kick': () => new Promise(() => {}) });
  const pending = client.request('session.kick', { clientId });
  client.close('it has ended: a test');
  for (const request of [pending, client.request('session.kick', { clientId })]) {
    const error = await t.throwsAsync(request, { instanceOf: BrokerError });
    t.is(error.code, 'SHARD_UNAVAILABLE');
    t.is(error.message, 'shard 7: it has ended: a test');
  }
});

test('events cross both ways in order, without an answer', async (t) => {
  const { client, server, events, mainEvents } = joined(t, {});
  for (const shard of [1, 2, 3]) client.tell({ kind: 'event', type: 'peer.lost', shard: asShardId(shard) });
  server.tell({ kind: 'event', type: 'alarm.cleared', id: 'a' });
  server.tell({ kind: 'event', type: 'alarm.cleared', id: 'b' });
  await until(() => events.length === 2 && mainEvents.length === 3);
  t.deepEqual(
    mainEvents.map((event) => (event.type === 'peer.lost' ? event.shard : -1)),
    [1, 2, 3].map(asShardId),
  );
  t.deepEqual(
    events.map((event) => (event.type === 'alarm.cleared' ? event.id : '')),
    ['a', 'b'],
  );
});
