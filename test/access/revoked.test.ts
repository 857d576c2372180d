/** A rule that is revoked under subscriptions that are there. */
import test from 'ava';
import { PERSISTENT } from '../helpers/packets.js';
import { until } from '../helpers/with-broker.js';
import { type Guarded, guarded } from './guarded.js';

const FILTERS = ['exact', 'plus/+', 'hash/#', '$share/g/shared/+', '$queue/queued', '$local/local', 'keep'];
const TOPICS = ['exact', 'plus/x', 'hash', 'hash/x/y', 'shared/x', 'queued', 'local', 'keep'];
const OPEN = '{allow, all}.';
const REVOKED = '{allow, all, publish, ["#"]}. {allow, all, subscribe, ["keep", "marker/#"]}. {deny, all}.';

async function revoke(g: Guarded, sessions: number): Promise<void> {
  await g.reload(REVOKED);
  const ended = (): unknown[] => g.logger.lines.filter(({ message }) => /no longer allowed/.test(message));
  await until(() => ended().length === sessions, 'the end of what is no longer allowed');
}

/** From the session's own shard, so that `$local` is tried as well. */
async function publishAll(g: Guarded): Promise<void> {
  const publisher = await g.connect();
  for (const topic of TOPICS) await publisher.publish({ topic, payload: topic, qos: 1 });
}

for (const version of [3, 4, 5] as const) {
  test.serial(
    `MQTT ${version}: exact, wildcard, shared and local subscriptions end, and nothing else does`,
    guarded({ rules: OPEN }, async (g, t) => {
      const client = await g.connect({ version });
      await client.subscribe(FILTERS.map((filter) => [filter, 1]));
      await publishAll(g);
      t.is((await client.receiveAll(TOPICS.length)).length, TOPICS.length);
      await revoke(g, 1);
      await publishAll(g);
      await client.receive('keep');
      await client.expectSilence();
      const { codes } = await client.unsubscribe(...FILTERS);
      if (version === 5) t.deepEqual(codes, [0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0]);
    }),
  );

  test.serial(
    `MQTT ${version}: a session that is away comes back without them, also when they are allowed again`,
    guarded({ rules: OPEN }, async (g, t) => {
      const client = await g.connect({ ...PERSISTENT, version });
      await client.subscribe(FILTERS.map((filter) => [filter, 1]));
      client.drop();
      await until(() => g.broker.listenerFigures()[0]!.current === 0, 'the client to be away');
      await revoke(g, 1);
      await publishAll(g);
      const back = await g.connect({ ...PERSISTENT, version, clientId: client.clientId });
      await back.receive('keep');
      await back.expectSilence();
      await g.reload(OPEN);
      await publishAll(g);
      await back.receive('keep');
      await back.expectSilence();
      t.deepEqual((await back.subscribe([['exact', 1]])).codes, [1]);
    }),
  );
}

test.serial(
  'a share group goes on with the members who are still allowed, on all shards',
  guarded({ rules: OPEN }, async (g, t) => {
    const lost = [await g.connect({ username: 'a' }), await g.connect({ at: 1, username: 'a' })];
    const stays = await g.connect({ at: 1, username: 'b' });
    for (const client of [...lost, stays]) await client.subscribe([['$share/g/s', 1]]);
    await g.reload('{deny, {user, "a"}, subscribe, ["s"]}. {allow, all}.');
    const ended = (): unknown[] => g.logger.lines.filter(({ message }) => /no longer allowed/.test(message));
    await until(() => ended().length === 2);
    const publisher = await g.connect();
    for (let i = 0; i < 9; i++) await publisher.publish({ topic: 's', payload: `${i}`, qos: 1 });
    t.is((await stays.receiveAll(9)).length, 9);
    for (const client of lost) await client.expectSilence();
  }),
);

for (const version of [4, 5] as const) {
  test.serial(
    `MQTT ${version}: nothing retained is replayed of what is denied, nor retained of what was denied to be published`,
    guarded({ rules: '{deny, all, publish, ["never"]}. {allow, all}.' }, async (g, t) => {
      const publisher = await g.connect({ version, at: 1 });
      for (const topic of ['keep', 'exact', 'plus/x', 'never'])
        await publisher.publish({ topic, payload: topic, qos: 1, retain: true });
      const before = await g.connect({ version });
      await before.subscribe('#');
      t.deepEqual((await before.receiveAll(3)).map(({ payload }) => payload).sort(), [
        'exact',
        'keep',
        'plus/x',
      ]);
      await before.expectSilence();
      await revoke(g, 1);
      const client = await g.connect({ version, at: 1 });
      const no = version === 5 ? 0x87 : 0x80;
      const filters = ['exact', 'plus/+', '#', '$share/g/exact', 'keep'];
      const { codes } = await client.subscribe(filters.map((filter) => [filter, 0]));
      t.deepEqual(codes, [no, no, no, no, 0]);
      await client.receive('keep');
      await client.expectSilence();
    }),
  );
}
