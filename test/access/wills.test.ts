/** A will goes only where its client may publish at the moment at which it is sent. */
import test from 'ava';
import { PERSISTENT } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { until } from '../helpers/with-broker.js';
import { type Guarded, type GuardedClient, guarded } from './guarded.js';

const RULES = `
  {allow, {user, "watch"}, pubsub, ["#"]}.
  {allow, all, publish, ["open/#", "own/%c/%u"]}.
  {deny, all}.
`;

/** Somebody on another shard who sees everything. */
async function watcherOf(g: Guarded): Promise<RawClient> {
  const watcher = await g.connect({ at: 1, username: 'watch' });
  await watcher.subscribe('#');
  return watcher;
}

/** What the watcher has got, retained and live, by topic. */
async function topicsAt(g: Guarded, watcher: RawClient): Promise<string[]> {
  const found = await watcher.collectFrom(await g.connect({ username: 'watch' }));
  return found.map(({ topic }) => topic).sort();
}

function withWill(topic: string, delay = 0): Partial<GuardedClient> {
  return { will: { topic, payload: 'gone', qos: 1, retain: true, properties: { willDelay: delay } } };
}

/** Only these are connected. */
async function untilLeft(g: Guarded, count: number): Promise<void> {
  await until(() => g.broker.listenerFigures()[0]!.current === count, `${count} connections`);
}

for (const version of [3, 4, 5] as const) {
  test.serial(
    `MQTT ${version}: at a crash the will to a denied topic is neither sent nor retained, the other one is`,
    guarded({ rules: RULES }, async (g, t) => {
      const watcher = await watcherOf(g);
      for (const topic of ['shut', 'open/a', 'open', 'own/other/u'])
        (await g.connect({ version, username: 'u', ...withWill(topic) })).drop();
      const clientId = g.clientId();
      (await g.connect({ version, clientId, username: 'u', ...withWill(`own/${clientId}/u`) })).drop();
      await untilLeft(g, 1);
      const sent = ['open', 'open/a', `own/${clientId}/u`];
      t.deepEqual(await topicsAt(g, watcher), sent);
      const later = await g.connect({ at: 1, username: 'watch' });
      await later.subscribe('#');
      t.deepEqual(await topicsAt(g, later), sent, 'what is retained');
    }),
  );

  test.serial(
    `MQTT ${version}: at a takeover the will to a denied topic is not sent`,
    guarded({ rules: RULES }, async (g, t) => {
      const watcher = await watcherOf(g);
      for (const clean of [true, false]) {
        for (const topic of ['shut', 'open/a']) {
          const first = await g.connect({ ...PERSISTENT, version, ...withWill(topic) });
          await g.connect({ ...PERSISTENT, version, clientId: first.clientId, clean });
          await first.expectEnd(0x8e);
        }
      }
      // [MQTT-3.1.4-3]: 5 sends the will where the session ends, or has no delay to wait.
      t.deepEqual(await topicsAt(g, watcher), ['open/a', 'open/a']);
    }),
  );

  test.serial(
    `MQTT ${version}: a will is judged by the rules of the moment, not by those of CONNECT`,
    guarded({ rules: RULES }, async (g, t) => {
      const watcher = await watcherOf(g);
      const clients = [];
      for (const topic of ['shut', 'open/a']) clients.push(await g.connect({ version, ...withWill(topic) }));
      await g.reload(RULES.replace('"open/#"', '"shut"'));
      for (const client of clients) client.drop();
      await untilLeft(g, 1);
      t.deepEqual(await topicsAt(g, watcher), ['shut']);
    }),
  );
}

test.serial(
  'a delayed will is judged when its delay is over, with the client that has left',
  guarded({ rules: RULES }, async (g, t) => {
    const watcher = await watcherOf(g);
    const leave = async (topic: string): Promise<void> =>
      (await g.connect({ ...PERSISTENT, username: 'u', ...withWill(topic, 60) })).drop();
    const clientId = g.clientId();
    const own = withWill(`own/${clientId}/u`, 60);
    (await g.connect({ ...PERSISTENT, clientId, username: 'u', ...own })).drop();
    await leave('shut');
    await leave('open/a');
    await leave('open/b');
    await untilLeft(g, 1);
    t.deepEqual(await topicsAt(g, watcher), []);
    await g.reload(RULES.replace('"open/#"', '"open/b"'));
    await g.advanceClock(61_000);
    t.deepEqual(await topicsAt(g, watcher), ['open/b', `own/${clientId}/u`]);
  }),
);

test.serial(
  'a delayed will that a Clean Start brings forward is judged as that of the old client, not of the new one',
  guarded({ rules: RULES }, async (g, t) => {
    const watcher = await watcherOf(g);
    const first = await g.connect({ ...PERSISTENT, username: 'u', ...withWill('shut', 60) });
    first.drop();
    await untilLeft(g, 1);
    await g.connect({ clientId: first.clientId, username: 'watch', clean: true });
    t.deepEqual(await topicsAt(g, watcher), []);
  }),
);

test.serial(
  'a will with a delay, whose client comes back as another user, stays a matter of who left it',
  guarded({ rules: RULES }, async (g, t) => {
    const watcher = await watcherOf(g);
    const first = await g.connect({ ...PERSISTENT, username: 'watch', ...withWill('shut', 60) });
    first.drop();
    await untilLeft(g, 1);
    const second = await g.connect({
      ...PERSISTENT,
      clientId: first.clientId,
      username: 'u',
      ...withWill('shut', 60),
    });
    second.drop();
    await untilLeft(g, 1);
    await g.advanceClock(61_000);
    t.deepEqual(await topicsAt(g, watcher), []);
  }),
);
