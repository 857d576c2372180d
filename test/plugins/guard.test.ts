import test from 'ava';
import { connectAsync } from 'mqtt';
import type { Plugin } from '../../src/plugins/api.js';
import { addressOf, breakShard, until } from '../helpers/with-broker.js';
import { brokerWith, type Scene } from './asking.js';

/** @returns what a client with this password is told: `in`, or why not. */
async function tryToConnect({ broker }: Scene, password?: string, clientId = 'client'): Promise<string> {
  const { host, port } = addressOf(broker);
  try {
    const login = password === undefined ? {} : { username: 'ann', password };
    const url = `mqtt://${host}:${port}`;
    const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0, clientId, ...login });
    await client.endAsync();
    return 'in';
  } catch (error) {
    return (error as Error).message;
  }
}

const USERS = {
  'auth.user.1.username': 'ann',
  'auth.user.1.password': 'secret',
  'mqtt.allow_anonymous': true,
};
const CLOSED = /unavailable/i;

test.serial(
  'a guard that cannot start when the broker does lets nobody in, and the log says what to do',
  async (t) => {
    const guard: Plugin = {
      name: 'door',
      description: 'asks a service that is not there',
      isGuard: true,
      shard: new URL('./probe/shard.js', import.meta.url),
      start: () => {
        throw new Error('the service is not there');
      },
    };
    const scene = await brokerWith(t, { plugins: [guard] });
    t.true(scene.logger.has('error', /plugin door did not start: .*the service is not there/));
    t.true(scene.logger.has('error', /nobody may connect.* until door runs or is stopped/));
    t.regex(await tryToConnect(scene), CLOSED, 'nor with mqtt.allow_anonymous');
    t.regex(await tryToConnect(scene, 'secret'), CLOSED);
    await breakShard(scene.broker, 0, 'throw');
    await until(() => scene.logger.has('info', /shard 0 is back/), 'the shard');
    for (const clientId of ['a', 'b', 'c', 'd'])
      t.regex(await tryToConnect(scene, 'secret', clientId), CLOSED);
    t.true((await scene.broker.plugins.stop('door')).ok);
    t.is(await tryToConnect(scene), 'in');
  },
);

test.serial('a guard that is restarted while clients connect never lets a wrong password in', async (t) => {
  const scene = await brokerWith(t, { plugins: [], config: USERS });
  await scene.broker.plugins.start('emq_auth_username');
  let isRestarting = true;
  const restarts = (async () => {
    for (let round = 0; round < 5; round++) {
      const { ok } = await scene.broker.plugins.configure('emq_auth_username', {
        'auth.user.1.username': 'ann',
        'auth.user.1.password': 'secret',
      });
      t.true(ok);
    }
    isRestarting = false;
  })();
  const answers = new Set<string>();
  for (let number = 0; isRestarting; number++) {
    const tries = [0, 1, 2, 3].map((each) => tryToConnect(scene, 'wrong', `${number} ${each}`));
    for (const answer of await Promise.all(tries)) answers.add(answer);
  }
  await restarts;
  t.false(answers.has('in'), [...answers].join(', '));
  t.is(await tryToConnect(scene, 'secret'), 'in');
});

test.serial(
  'keys of a plugin that does not run are warned of, and so is a directory that is not there',
  async (t) => {
    const config = { ...USERS, 'mqtt.plugins.etc_dir': './no/such/place' };
    const { logger } = await brokerWith(t, { plugins: [], config });
    t.true(
      logger.has(
        'warn',
        /^keys of emq_auth_username are set, and .* plugins load emq_auth_username lets it start/,
      ),
    );
    t.true(logger.has('warn', /^mqtt\.plugins\.etc_dir: \.\/no\/such\/place is not there/));
    // A busy machine is warned of as well.
    const warnings = logger.lines.filter(({ message }) => /no effect|etc_dir/.test(message));
    t.is(warnings.length, 2);
  },
);
