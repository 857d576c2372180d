/** Who is refused is told why as its version can say it, and neither takes over nor ends nor sends anything. */
import test, { type ExecutionContext } from 'ava';
import { connect, PERSISTENT } from '../helpers/packets.js';
import { until } from '../helpers/with-broker.js';
import { type Guarded, type GuardedClient, guarded } from './guarded.js';

const PASSWORDS = {
  'mqtt.allow_anonymous': 'false',
  'auth.user.1.username': 'alice',
  'auth.user.1.password': 'wonderland',
  'auth.user.password_hash': 'sha256',
};
const ALICE = { username: 'alice', password: 'wonderland' } as const;
const WILL = { topic: 'will', payload: 'of who was refused', qos: 1, retain: true } as const;

/** CONNECT of somebody who wants alice's ClientId, and the codes of 3.x and 5. */
type Refused = readonly [what: string, login: Partial<GuardedClient>, code3: number, code5: number];

const LOGINS: readonly Refused[] = [
  ['a wrong password', { username: 'alice', password: 'wrong' }, 4, 0x86],
  ['no password', { username: 'alice' }, 4, 0x86],
  ['an unknown name', { username: 'bob', password: 'wonderland' }, 4, 0x86],
  ['no name', {}, 4, 0x86],
  ['a banned name', { username: 'mallory', password: 'x' }, 5, 0x8a],
];

for (const version of [3, 4, 5] as const) {
  test.serial(
    `MQTT ${version}: who is refused gets its code and a close, and touches no session, connected or not`,
    guarded({ config: PASSWORDS }, async (g, t) => {
      t.deepEqual(await g.broker.plugins.start('emq_auth_username'), { ok: true });
      await g.broker.bans.add({ kind: 'username', value: 'mallory' });
      const watcher = await g.connect({ at: 1, ...ALICE });
      await watcher.subscribe('#');
      const publisher = await g.connect(ALICE);
      const owner = await g.connect({ ...PERSISTENT, version, ...ALICE });
      await owner.subscribe([['mine', 1]]);
      const { clientId } = owner;
      const refuseAll = async (): Promise<void> => {
        for (const [what, login, code3, code5] of LOGINS) {
          for (const clean of [true, false]) {
            const client = await g.open(version);
            client.send(connect({ version, clientId, ...login, clean, will: WILL }));
            await client.expectRefusal(version === 5 ? code5 : code3).catch((error: Error) => {
              t.fail(`${what}: ${error.message}`);
            });
          }
        }
      };
      await refuseAll();
      await publisher.publish({ topic: 'mine', payload: 'one', qos: 1 });
      await owner.receive('one');
      await owner.expectSilence();
      owner.drop();
      await until(() => g.broker.listenerFigures()[0]!.current === 2, 'the owner to be away');
      await refuseAll();
      await publisher.publish({ topic: 'mine', payload: 'two', qos: 1 });
      const back = await g.connect({ ...PERSISTENT, version, clientId, ...ALICE });
      await back.receive('two');
      const seen = await watcher.collectFrom(publisher);
      t.deepEqual(
        seen.map(({ topic }) => topic),
        ['mine', 'mine'],
        'no will',
      );
      t.is(g.ended['auth_failure'], 16);
      t.is(g.ended['banned'], 4);
    }),
  );

  test.serial(
    `MQTT ${version}: where ClientIds are bound to user names, nobody takes over the session of another user`,
    guarded({ config: { 'mqtt.clientid_binding': 'username' } }, async (g, t) => {
      const owner = await g.connect({ ...PERSISTENT, version, clientId: 'alice', username: 'alice' });
      for (const login of [
        { username: 'bob' },
        { username: 'Alice' },
        { username: 'alice ' },
        { username: '' },
        {},
      ])
        await expectRefused(t, g, { version, clientId: 'alice', ...login }, version === 5 ? 0x85 : 2);
      await expectRefused(t, g, { version, clientId: 'alic', username: 'alice' }, version === 5 ? 0x85 : 2);
      await owner.expectSilence();
      const next = await g.connect({ ...PERSISTENT, version, clientId: 'alice', username: 'alice' });
      await owner.expectEnd(0x8e);
      await next.expectSilence();
    }),
  );

  test.serial(
    `MQTT ${version}: a ban of a user name ends when its time is up, and that of another goes on`,
    guarded({}, async (g, t) => {
      await g.broker.bans.add({ kind: 'username', value: 'short', durationMs: 60_000 });
      await g.broker.bans.add({ kind: 'username', value: 'long', durationMs: 600_000 });
      const banned = version === 5 ? 0x8a : 5;
      const tried = { version, clientId: g.clientId() };
      for (const username of ['short', 'long']) await expectRefused(t, g, { ...tried, username }, banned);
      await g.advanceClock(61_000);
      await g.connect({ ...tried, username: 'short' });
      await expectRefused(t, g, { ...tried, username: 'long' }, banned);
    }),
  );
}

async function expectRefused(
  t: ExecutionContext,
  g: Guarded,
  { version = 5, ...options }: GuardedClient,
  code: number,
): Promise<void> {
  const client = await g.open(version);
  t.is((await client.connect(options)).code, code, JSON.stringify(options));
  await client.expectClosed();
}

test.serial(
  'MQTT 5: an authentication method that nobody knows is refused before anybody is asked',
  guarded({ config: PASSWORDS }, async (g, t) => {
    t.deepEqual(await g.broker.plugins.start('emq_auth_username'), { ok: true });
    const properties = { authenticationMethod: 'SCRAM-SHA-256' };
    await expectRefused(t, g, { clientId: 'c', ...ALICE, properties }, 0x8c);
  }),
);

for (const version of [3, 4] as const) {
  test.serial(
    `MQTT ${version}: a denied QoS 2 publish goes through its whole handshake, and its identifier is free again`,
    guarded({ rules: '{deny, all, publish, ["shut"]}. {allow, all}.' }, async (g, t) => {
      const watcher = await g.connect({ at: 1 });
      await watcher.subscribe('#');
      const client = await g.connect({ version });
      t.is((await client.publish({ topic: 'shut', payload: 'no', qos: 2, id: 7 }))?.code, 0);
      t.is((await client.publish({ topic: 'open', payload: 'yes', qos: 2, id: 7 }))?.code, 0);
      await watcher.receive('yes');
      await watcher.expectNothingFrom(client);
    }),
  );
}
