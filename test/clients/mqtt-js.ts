/** MQTT.js as a client kind; it is a package of the project, so these tests run everywhere. */

import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { type Transport, trust } from '../helpers/transports.js';
import {
  type ClientKind,
  type Identity,
  Inbox,
  type Outgoing,
  type Qos,
  type Subscriber,
} from './client-kind.js';

const SCHEMES = { tcp: 'mqtt', ssl: 'mqtts', ws: 'ws', wss: 'wss' } as const;

export function mqttJs(protocolVersion: 4 | 5, transport: Exclude<Transport, 'unix'> = 'tcp'): ClientKind {
  const connect = (identity: Identity, options: IClientOptions = {}): Promise<MqttClient> =>
    connectAsync(`${SCHEMES[transport]}://127.0.0.1:${identity.port}/mqtt`, {
      clientId: identity.clientId,
      protocolVersion,
      reconnectPeriod: 0,
      ...trust(),
      ...options,
    });
  return {
    name: `MQTT.js ${protocolVersion === 5 ? '5' : '3.1.1'} over ${transport}`,
    transport,
    requirements: [],
    subscribe: async (identity, filter, qos) => subscribed(await connect(identity), filter, qos),
    publish: async (identity, { topic, payload, qos, retain }) => {
      const client = await connect(identity);
      await client.publishAsync(topic, payload, { qos, retain });
      await client.endAsync();
    },
    connectWithWill: async (identity, { topic, payload, qos, retain }: Outgoing) => {
      const client = await connect(identity, { will: { topic, payload: Buffer.from(payload), qos, retain } });
      client.on('error', () => undefined);
      return () => client.stream.destroy();
    },
  };
}

async function subscribed(client: MqttClient, filter: string, qos: Qos): Promise<Subscriber> {
  const inbox = new Inbox();
  client.on('message', (topic, payload, packet) => {
    inbox.push({ topic, payload: payload.toString(), qos: packet.qos, retain: packet.retain });
  });
  await client.subscribeAsync(filter, { qos });
  return {
    received: (count) => inbox.received(count),
    soFar: () => inbox.messages,
    stop: () => client.endAsync(),
  };
}
