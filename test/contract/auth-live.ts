/** What clients see of a provider that checks passwords in a whole broker: codes, real clients, those who leave. */
import test, { type ExecutionContext } from 'ava';
import { connectAsync, type IClientOptions } from 'mqtt';
import type { RunningBroker } from '../../src/broker.js';
import { Program } from '../clients/program.js';
import { needs } from '../helpers/needs.js';
import { connect } from '../helpers/packets.js';
import { RawClient } from '../helpers/raw-client.js';
import { addressOf, NOT_KEPT, startTestBroker, tempDirectory } from '../helpers/with-broker.js';
import type { AuthProvider } from './auth-provider.js';

const RIGHT = { name: 'alice', password: 'wonderland' } as const;
/** CONNACK of those who are refused: bad user name or password. */
const REFUSED = { 3: 4, 4: 4, 5: 0x86 } as const;

interface Live {
  readonly broker: RunningBroker;
  /** CONNECT of this name in the place where the provider looks. */
  login(name: string, password?: string): { readonly clientId: string; username?: string; password?: string };
}

type Body = (t: ExecutionContext, live: Live) => Promise<void>;

export function testAuthProviderLive(provider: AuthProvider): void {
  const { name } = provider.plugin;
  const on = (title: string, body: Body, config: Record<string, string | boolean> = {}): void =>
    test.serial(`${name}, live: ${title}`, (t) => onStage(t, provider, body, config));

  for (const version of [3, 4, 5] as const) {
    on(`MQTT ${version}: right, wrong, unknown and missing passwords`, async (t, { broker, login }) => {
      const codeOf = async (options: ReturnType<Live['login']>): Promise<number> => {
        const client = await RawClient.open(addressOf(broker), version);
        const { code } = await client.connect(options);
        if (code !== 0) await client.expectClosed();
        else client.drop();
        return code;
      };
      t.is(await codeOf(login(RIGHT.name, RIGHT.password)), 0);
      t.is(await codeOf(login(RIGHT.name, 'wrong')), REFUSED[version]);
      t.is(await codeOf(login('somebody-else', RIGHT.password)), 0);
      t.is(await codeOf(login(RIGHT.name)), REFUSED[version]);
    });
  }

  on(
    'who is unknown is refused where nobody may be anonymous',
    async (t, { broker, login }) => {
      const client = await RawClient.open(addressOf(broker), 5);
      t.not((await client.connect(login('somebody-else', RIGHT.password))).code, 0);
      const known = await RawClient.open(addressOf(broker), 5);
      t.is((await known.connect(login(RIGHT.name, RIGHT.password))).code, 0);
      known.drop();
    },
    { 'mqtt.allow_anonymous': 'false' },
  );

  for (const protocolVersion of [4, 5] as const) {
    on(`MQTT.js ${protocolVersion} logs in, and is told why not`, async (t, { broker, login }) => {
      const { port } = addressOf(broker);
      const options: IClientOptions = { protocolVersion, reconnectPeriod: 0 };
      const url = `mqtt://127.0.0.1:${port}`;
      const client = await connectAsync(url, { ...options, ...login(RIGHT.name, RIGHT.password) });
      await client.endAsync();
      const refused = connectAsync(url, { ...options, ...login(RIGHT.name, 'wrong') }, false);
      const error = await t.throwsAsync(refused);
      t.regex(error.message, /not authorized|bad user/i);
    });
  }

  needs('mosquitto_pub')(`${name}, live: mosquitto_pub logs in, and is told why not`, (t) =>
    onStage(t, provider, async (_t, { broker, login }) => {
      const { port } = addressOf(broker);
      const publish = ({ clientId, username = 'x', password = '' }: ReturnType<Live['login']>): Program =>
        new Program(
          'mosquitto_pub',
          `-h 127.0.0.1 -p ${port} -i ${clientId} -u ${username} -P ${password} -t t -m m -q 1`.split(' '),
        );
      await publish(login(RIGHT.name, RIGHT.password)).succeeded();
      await t.throwsAsync(publish(login(RIGHT.name, 'wrong')).succeeded(), {
        message: /bad user name or password/,
      });
    }),
  );

  on('clients that leave before the answer leave nothing behind', async (t, { broker, login }) => {
    const address = addressOf(broker);
    for (let i = 0; i < 50; i++) {
      const client = await RawClient.open(address, 5);
      client.send(connect({ version: 5, ...login(RIGHT.name, i % 2 === 0 ? RIGHT.password : 'wrong') }));
      client.drop();
    }
    const client = await RawClient.open(address, 5);
    t.is((await client.connect(login(RIGHT.name, RIGHT.password))).code, 0);
    await client.disconnect();
  });

  on('stopped in mid-answer, it leaves nobody waiting', async (t, { broker, login }) => {
    const address = addressOf(broker);
    const clients = await Promise.all(Array.from({ length: 30 }, () => RawClient.open(address, 5)));
    const answers = clients.map((client) => client.connect(login(RIGHT.name, 'wrong')));
    t.deepEqual(await broker.plugins.stop(name), { ok: true });
    for (const { code } of await Promise.all(answers)) t.true([0, 0x86, 0x89].includes(code));
    for (const client of clients) client.drop();
  });
}

async function onStage(
  t: ExecutionContext,
  provider: AuthProvider,
  body: Body,
  config: Record<string, string | boolean> = {},
): Promise<void> {
  const prepared = await provider.prepare(new Map([[RIGHT.name, RIGHT.password]]));
  const broker = await startTestBroker(
    { config: { ...NOT_KEPT, ...prepared.values, ...config } },
    tempDirectory(),
  );
  try {
    t.deepEqual(await broker.plugins.start(provider.plugin.name), { ok: true });
    await body(t, { broker, login: (name, password) => loginOf(provider, name, password) });
  } finally {
    await broker.stop();
    await prepared.release?.();
  }
}

let clients = 0;

function loginOf({ nameIn }: AuthProvider, name: string, password?: string): ReturnType<Live['login']> {
  const given = password === undefined ? {} : { password };
  if (nameIn === 'clientId') return { clientId: name, username: 'anybody', ...given };
  return { clientId: `client${clients++}`, username: name, ...given };
}
