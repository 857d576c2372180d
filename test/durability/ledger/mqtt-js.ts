/** The same with MQTT.js, the client that most programs on Node.js have: one that publishes, one that subscribes. */
import net from 'node:net';
import { MqttClient } from 'mqtt';
import type { Note } from './entries.js';
import { payloadOf, seqOf } from './payload.js';
import type { Place } from './place.js';
import type { Random } from './random.js';
import type { Reader } from './readers.js';
import type { Writer } from './writers.js';

const AGAIN_MS = 40;
const CONNACK_TIMEOUT_MS = 12_000;
const WINDOW = 20;
const PAYLOAD_BYTES = 100;

function open(clientId: string, place: Place, note: Note): MqttClient {
  const client = new MqttClient(() => net.connect(place.address()), {
    ...{ clientId, clean: false, resubscribe: false, protocolId: 'MQTT', protocolVersion: 4 },
    ...{ reconnectPeriod: AGAIN_MS, connectTimeout: CONNACK_TIMEOUT_MS, keepalive: 0 },
  });
  let isOpen = false;
  // Its own event comes after acknowledgements of what it sends again.
  client.on('packetreceive', (packet) => {
    if (packet.cmd !== 'connack' || packet.returnCode !== 0) return;
    isOpen = true;
    note({ kind: 'connecting', client: clientId, isClean: false, expirySeconds: 3_600, will: null });
    note({ kind: 'connected', client: clientId, isPresent: packet.sessionPresent });
  });
  client.on('close', () => {
    if (isOpen) note({ kind: 'closed', client: clientId, how: 'lost' });
    isOpen = false;
  });
  client.on('error', () => undefined);
  return client;
}

class MqttJsWriter implements Writer {
  private underWay = 0;
  private readonly sequences = [0, 0, 0];
  private client: MqttClient | null = null;

  constructor(
    private readonly place: Place,
    private readonly note: Note,
    private readonly random: Random,
  ) {}

  act(): void {
    const { random } = this;
    this.client ??= open('mqttjs-writer', this.place, this.note);
    if (!this.client.connected || this.underWay >= WINDOW || random.percent(60)) return;
    const qos = random.percent(50) ? 1 : 2;
    const topic = `j/q${qos}`;
    const seq = this.sequences[qos]!++;
    const name = { client: 'mqttjs-writer', topic, seq };
    this.underWay += 1;
    this.note({ kind: 'sent', ...name, qos, isRetained: false, isRemoval: false });
    this.client.publish(topic, payloadOf(topic, seq, PAYLOAD_BYTES), { qos }, (error) => {
      this.underWay -= 1;
      // An error is MQTT.js's own: it has no connection, or forgets what it had sent.
      if (error == null) this.note({ kind: 'acked', ...name });
    });
  }

  finish(): boolean {
    return this.underWay === 0;
  }
}

export function createMqttJsWriters(place: Place, note: Note, random: Random): Writer[] {
  return [new MqttJsWriter(place, note, random)];
}

async function openReader(place: Place, note: Note): Promise<MqttClient> {
  await place.wait();
  const client = open('mqttjs-reader', place, note);
  client.on('message', (topic, payload, { qos, retain }) => {
    const seq = seqOf(topic, payload.toString());
    if (seq === null) note({ kind: 'broken', client: 'mqttjs-reader', what: `garbled on ${topic}` });
    else note({ kind: 'received', client: 'mqttjs-reader', topic, seq, qos, isRetained: retain });
  });
  return client;
}

export function createMqttJsReaders(
  place: Place,
  note: Note,
): Pick<Reader, 'settled' | 'start' | 'finish'>[] {
  const name = { client: 'mqttjs-reader', filter: 'j/+' };
  const settled = openReader(place, note).then(async (client) => {
    await new Promise((resolve) => client.once('connect', resolve));
    note({ kind: 'subscribing', ...name, qos: 2 });
    await client.subscribeAsync('j/+', { qos: 2 });
    note({ kind: 'subscribed', ...name });
  });
  return [{ settled, start: () => undefined, finish: () => settled }];
}
