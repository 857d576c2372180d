/** Wills: when they are published, with what, and when they are not. */
import { PERSISTENT } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { until } from '../helpers/with-broker.js';
import { type Stage, scenesWith } from './stage.js';

const scene = scenesWith();

/** Somebody on another place who sees the will. */
async function watcherOf(s: Stage, topic: string, qos = 2): Promise<RawClient> {
  const watcher = await s.connect({ at: 1 });
  await watcher.subscribe([[topic, qos]]);
  return watcher;
}

/** Nothing that happened so far has led to a message for the watcher. */
async function expectNone(s: Stage, watcher: RawClient): Promise<void> {
  await watcher.expectNothingFrom(await s.connect());
}

const ends: readonly [string, (s: Stage, client: RawClient) => Promise<unknown>][] = [
  ['a broken connection', (s, client) => s.lose(client)],
  ['a kick', (s, client) => s.kick(client.clientId)],
  ['silence', (s) => s.advanceClock(200)],
  ['a violation', async (_s, client) => client.send([0xc0, 1, 0])],
  ['a takeover with a clean start', (s, client) => s.connect({ clientId: client.clientId })],
];
for (const [kind, end] of ends) {
  for (const version of [3, 4, 5] as const) {
    scene(`MQTT level ${version}: ${kind} publishes the will, on every shard, with its QoS`, async (t, s) => {
      const topic = s.topic('will');
      const watchers = [await watcherOf(s, topic), await s.connect({ at: 2 })];
      await watchers[1]!.subscribe([[topic, 1]]);
      const will = { topic, payload: 'gone', qos: 2 };
      const client = await s.connect({ version, keepAlive: 100, will });
      await end(s, client);
      t.deepEqual(
        [(await watchers[0]!.receive('gone')).qos, (await watchers[1]!.receive('gone')).qos],
        [2, 1],
      );
      for (const watcher of watchers) await expectNone(s, watcher);
    });
  }
}

scene('DISCONNECT with 0x04 publishes the will, with the session expiry it brings', async (_t, s) => {
  const topic = s.topic('will');
  const watcher = await watcherOf(s, topic);
  const will = { topic, payload: 'gone', properties: { willDelay: 50 } };
  const client = await s.connect({ clean: false, properties: { sessionExpiry: 1_000 }, will });
  await client.disconnect(0x04, { sessionExpiry: 20 });
  await expectNone(s, watcher);
  await s.advanceClock(25);
  await watcher.receive('gone');
});

scene('a will without delay comes at once also when the session stays', async (t, s) => {
  const topic = s.topic('will');
  const watcher = await watcherOf(s, topic);
  const client = await s.connect({ ...PERSISTENT, will: { topic, payload: 'gone' } });
  await s.lose(client);
  await watcher.receive('gone');
  // The next connection has no will.
  const again = await s.resume(client);
  t.true(again.connack?.sessionPresent);
  await s.lose(again);
  await expectNone(s, watcher);
});

scene('a takeover within the delay replaces the will, and the new one counts', async (_t, s) => {
  const topic = s.topic('will');
  const watcher = await watcherOf(s, topic);
  const delayed = (payload: string) => ({ topic, payload, properties: { willDelay: 50 } });
  const client = await s.connect({ ...PERSISTENT, will: delayed('first') });
  const again = await s.resume(client, { will: delayed('second') });
  await s.advanceClock(60);
  await expectNone(s, watcher);
  await s.lose(again);
  await s.advanceClock(45);
  await expectNone(s, watcher);
  await s.advanceClock(10);
  await watcher.receive('second');
});

scene('a delayed will lives through a reconnect that breaks again: the delay begins anew', async (_t, s) => {
  const topic = s.topic('will');
  const watcher = await watcherOf(s, topic);
  const will = { topic, payload: 'gone', properties: { willDelay: 50 } };
  let client = await s.connect({ ...PERSISTENT, will });
  for (let n = 0; n < 3; n += 1) {
    await s.lose(client);
    await s.advanceClock(40);
    client = await s.resume(client, { will });
  }
  await expectNone(s, watcher);
  await s.lose(client);
  await s.advanceClock(51);
  await watcher.receive('gone');
});

scene('a will delay longer than the session, and a session without end', async (_t, s) => {
  const topic = s.topic('will');
  const watcher = await watcherOf(s, topic);
  const will = (payload: string) => ({ topic, payload, properties: { willDelay: 500 } });
  const short = await s.connect({ clean: false, properties: { sessionExpiry: 30 }, will: will('short') });
  const long = await s.connect({
    clean: false,
    properties: { sessionExpiry: 0xffff_ffff },
    will: will('long'),
  });
  const none = await s.connect({ will: will('none') });
  await s.lose(none);
  await watcher.receive('none');
  await s.lose(short);
  await s.lose(long);
  await s.advanceClock(31);
  await watcher.receive('short');
  await s.advanceClock(470);
  await watcher.receive('long');
});

scene(
  'a retained will is there for who comes later, and expires from when it was published',
  async (t, s) => {
    const topic = s.topic('will');
    const properties = { willDelay: 50, messageExpiry: 100, contentType: 'text', responseTopic: 'r' };
    const will = { topic, payload: 'gone', qos: 1, retain: true, properties };
    const client = await s.connect({ ...PERSISTENT, will });
    await s.lose(client);
    await s.advanceClock(60);
    for (const at of [0, 1, 2]) {
      const late = await s.connect({ at });
      await late.subscribe([[topic, 1]]);
      const found = await late.receive('gone');
      const { messageExpiry = 0, ...others } = found.properties;
      t.deepEqual(others, { contentType: 'text', responseTopic: 'r' });
      t.true(messageExpiry > 90 && messageExpiry <= 100, `${messageExpiry} s left`);
      t.like(found, { qos: 1, retain: true });
    }
    await s.advanceClock(110);
    const late = await s.connect();
    await late.subscribe(topic);
    await expectNone(s, late);
  },
);

scene('a will with an empty payload and RETAIN removes the retained message', async (_t, s) => {
  const topic = s.topic('will');
  const publisher = await s.connect({ at: 1 });
  await publisher.publish({ topic, payload: 'kept', qos: 1, retain: true });
  const client = await s.connect({ will: { topic, retain: true } });
  await s.lose(client);
  const late = await s.connect({ at: 2 });
  // The owner of the topic hears of it from the shard of the will.
  await s.settled(await s.connect({ at: 0 }), 2);
  await late.subscribe(topic);
  await late.expectNothingFrom(publisher);
});

scene('a will waits for a persistent subscriber and goes to one member of a group', async (t, s) => {
  const topic = s.topic('will');
  const absent = await s.connect({ ...PERSISTENT, at: 1 });
  await absent.subscribe([[topic, 1]]);
  await absent.disconnect();
  const members = [await s.connect({ at: 0 }), await s.connect({ at: 1 }), await s.connect({ at: 2 })];
  for (const member of members) await member.subscribe([[`$share/g/${topic}`, 1]]);
  const client = await s.connect({ will: { topic, payload: 'gone', qos: 1 } });
  await s.lose(client);
  const last = await s.connect();
  let count = 0;
  const collect = async (): Promise<boolean> => {
    for (const member of members) count += (await member.collectFrom(last)).length;
    return count > 0;
  };
  // What is kept goes to another shard when it is safe, and what others send meanwhile does not wait for that.
  await until(collect, 'the will');
  await (await s.resume(absent)).receive('gone');
  await collect();
  t.is(count, 1);
});
