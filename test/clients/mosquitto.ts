/** `mosquitto_sub` and `mosquitto_pub` as a client kind. */
import { program } from '../helpers/needs.js';
import {
  type ClientKind,
  type Identity,
  Inbox,
  type Outgoing,
  type Qos,
  type Subscriber,
} from './client-kind.js';
import { mqttJs } from './mqtt-js.js';
import { Program } from './program.js';

/**
 * The program prints nothing after SUBACK, so it also subscribes to this, which is retained: its arrival is
 * the sign.
 */
const SIGN = 'subscribed';

export function mosquitto(version: 'mqttv311' | 'mqttv5'): ClientKind {
  return {
    name: `mosquitto ${version === 'mqttv5' ? '5' : '3.1.1'}`,
    requirements: [program('mosquitto_sub'), program('mosquitto_pub')],
    subscribe: (identity, filter, qos) => subscribed(version, identity, filter, qos),
    publish: async (identity, message) => {
      const args = [
        ...common(version, identity),
        '-t',
        message.topic,
        '-m',
        message.payload,
        '-q',
        `${message.qos}`,
      ];
      await new Program('mosquitto_pub', message.retain ? [...args, '-r'] : args).succeeded();
    },
    connectWithWill: async (identity, will) => {
      const subscriber = await subscribed(version, identity, `${identity.clientId}/nothing`, 0, will);
      return () => void subscriber.kill();
    },
  };
}

interface KillableSubscriber extends Subscriber {
  kill(): void;
}

async function subscribed(
  version: string,
  identity: Identity,
  filter: string,
  qos: Qos,
  will?: Outgoing,
): Promise<KillableSubscriber> {
  const sign = `${identity.clientId}/${SIGN}`;
  await mqttJs(5).publish(
    { port: identity.port, clientId: `${identity.clientId}-sign` },
    { topic: sign, payload: SIGN, qos: 1, retain: true },
  );
  const inbox = new Inbox();
  const signs = new Inbox();
  const subscription = ['-t', filter, '-t', sign, '-q', `${qos}`, '-F', '%q %r %t %p'];
  const args = [...common(version, identity), ...subscription, ...(will ? willArgs(will) : [])];
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

function common(version: string, { port, clientId }: Identity): string[] {
  return ['-V', version, '-h', '127.0.0.1', '-p', `${port}`, '-i', clientId];
}

function willArgs({ topic, payload, qos, retain }: Outgoing): string[] {
  const args = ['--will-topic', topic, '--will-payload', payload, '--will-qos', `${qos}`];
  return retain ? [...args, '--will-retain'] : args;
}
