/** `mosquitto_sub` and `mosquitto_pub` as a client kind. */
import { CERTS } from '../helpers/certs.js';
import { program } from '../helpers/needs.js';
import type { Transport } from '../helpers/transports.js';
import {
  type ClientKind,
  type Identity,
  Inbox,
  type Outgoing,
  type Qos,
  type Subscriber,
} from './client-kind.js';
import { Program } from './program.js';

/**
 * The program prints nothing after SUBACK, so it also subscribes to this, which is retained: its arrival is
 * the sign.
 */
const SIGN = 'subscribed';

type Version = 'mqttv311' | 'mqttv5';
/** It knows no WebSocket. */
type Carried = Extract<Transport, 'tcp' | 'unix' | 'ssl'>;

/** One version over one transport. */
interface Speech {
  readonly version: Version;
  readonly transport: Carried;
}

export function mosquitto(version: Version, transport: Carried = 'tcp'): ClientKind {
  const speech = { version, transport };
  return {
    name: `mosquitto ${version === 'mqttv5' ? '5' : '3.1.1'} over ${transport}`,
    transport,
    requirements: [program('mosquitto_sub'), program('mosquitto_pub')],
    subscribe: (identity, filter, qos) => subscribed(speech, identity, filter, qos),
    publish: (identity, message) => published(speech, identity, message),
    connectWithWill: async (identity, will) => {
      const subscriber = await subscribed(speech, identity, `${identity.clientId}/nothing`, 0, will);
      return () => void subscriber.kill();
    },
  };
}

async function published(speech: Speech, identity: Identity, message: Outgoing): Promise<void> {
  const { topic, payload, qos, retain } = message;
  const args = [...common(speech, identity), '-t', topic, '-m', payload, '-q', `${qos}`];
  await new Program('mosquitto_pub', retain ? [...args, '-r'] : args).succeeded();
}

interface KillableSubscriber extends Subscriber {
  kill(): void;
}

async function subscribed(
  speech: Speech,
  identity: Identity,
  filter: string,
  qos: Qos,
  will?: Outgoing,
): Promise<KillableSubscriber> {
  const sign = `${identity.clientId}/${SIGN}`;
  const publisher = { ...identity, clientId: `${identity.clientId}-sign` };
  await published(speech, publisher, { topic: sign, payload: SIGN, qos: 1, retain: true });
  const inbox = new Inbox();
  const signs = new Inbox();
  const subscription = ['-t', filter, '-t', sign, '-q', `${qos}`, '-F', '%q %r %t %p'];
  const args = [...common(speech, identity), ...subscription, ...(will ? willArgs(will) : [])];
  const child = new Program('mosquitto_sub', args, (line) => {
    const [, digit = '', retain, topic = '', payload = ''] = /^(\d) (\d) (\S+) (.*)$/.exec(line) ?? [];
    const message = { topic, payload, qos: Number(digit), retain: retain === '1' };
    (topic === sign ? signs : inbox).push(message);
  });
  await child.until(signs.received(1));
  return {
    received: (count) => child.until(inbox.received(count)),
    soFar: () => inbox.messages,
    stop: () => child.stop(),
    kill: () => child.kill(),
  };
}

function common({ version, transport }: Speech, { port, path, clientId }: Identity): string[] {
  const place = path === null ? ['-h', '127.0.0.1', '-p', `${port}`] : ['--unix', path];
  return ['-V', version, '-i', clientId, ...place, ...(transport === 'ssl' ? ['--cafile', CERTS.ca] : [])];
}

function willArgs({ topic, payload, qos, retain }: Outgoing): string[] {
  const args = ['--will-topic', topic, '--will-payload', payload, '--will-qos', `${qos}`];
  return retain ? [...args, '--will-retain'] : args;
}
