/**
 * The few MQTT 3.1.1 packets a load generator needs, written by hand: what measures a broker must not share its codec,
 * or a mistake in it would go unseen. Runs on the generator's threads.
 */

export const PACKET = {
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  suback: 9,
  unsuback: 11,
} as const;

/** Bytes of a payload that carry the time, the sequence number and the publisher. */
export const STAMP_BYTES = 16;

export const DISCONNECT = Buffer.from([0xe0, 0]);

/** The one login of scenarios with any. */
export const LOGIN = { username: 'perf', password: 'benchmark' } as const;

const CLEAN_SESSION = 0x02;
const WITH_LOGIN = 0xc0;
/** At QoS 1. */
const WITH_WILL = 0x0c;

/** Sent at QoS 1 when its client goes without a word. */
export interface Will {
  readonly topic: string;
  readonly payload: Buffer;
}

export interface ConnectOptions {
  readonly hasLogin?: boolean;
  readonly isPersistent?: boolean;
  readonly will?: Will;
}

/** @returns a CONNECT, with clean session unless it is to be persistent. */
export function connectPacket(
  clientId: string,
  keepAliveS: number,
  { hasLogin = false, isPersistent = false, will }: ConnectOptions = {},
): Buffer {
  const flags =
    (isPersistent ? 0 : CLEAN_SESSION) | (hasLogin ? WITH_LOGIN : 0) | (will === undefined ? 0 : WITH_WILL);
  const body = Buffer.concat([
    text('MQTT'),
    Buffer.from([4, flags, keepAliveS >> 8, keepAliveS & 0xff]),
    text(clientId),
    ...(will === undefined ? [] : [text(will.topic), sized(will.payload)]),
    ...(hasLogin ? [text(LOGIN.username), text(LOGIN.password)] : []),
  ]);
  return Buffer.concat([Buffer.from([0x10]), lengthBytes(body.length), body]);
}

/** @returns a SUBSCRIBE with packet identifier 1. */
export function subscribePacket(filters: readonly string[], qos: number): Buffer {
  const wanted = filters.flatMap((filter) => [text(filter), Buffer.from([qos])]);
  const body = Buffer.concat([Buffer.from([0, 1]), ...wanted]);
  return Buffer.concat([Buffer.from([0x82]), lengthBytes(body.length), body]);
}

/** @returns an UNSUBSCRIBE with packet identifier 2. */
export function unsubscribePacket(filter: string): Buffer {
  const body = Buffer.concat([Buffer.from([0, 2]), text(filter)]);
  return Buffer.concat([Buffer.from([0xa2]), lengthBytes(body.length), body]);
}

/** A PUBLISH whose packet identifier and stamp are yet to be written. */
export interface PublishTemplate {
  readonly bytes: Buffer;
  /** Where the packet identifier goes; 0 at QoS 0. */
  readonly packetIdAt: number;
  readonly payloadAt: number;
  /** Where the topic's name begins. */
  readonly topicAt: number;
}

export function publishTemplate(
  topic: string,
  qos: number,
  payloadBytes: number,
  isRetained = false,
): PublishTemplate {
  const name = text(topic);
  const idBytes = qos > 0 ? 2 : 0;
  const length = lengthBytes(name.length + idBytes + payloadBytes);
  const head = Buffer.concat([Buffer.from([0x30 | (qos << 1) | (isRetained ? 1 : 0)]), length, name]);
  const bytes = Buffer.concat([head, Buffer.alloc(idBytes), Buffer.alloc(payloadBytes, 'x')]);
  return {
    bytes,
    packetIdAt: qos > 0 ? head.length : 0,
    payloadAt: head.length + idBytes,
    topicAt: head.length - Buffer.byteLength(topic),
  };
}

function text(value: string): Buffer {
  return sized(Buffer.from(value));
}

function sized(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

function lengthBytes(length: number): Buffer {
  const bytes: number[] = [];
  do {
    const low = length & 127;
    length >>>= 7;
    bytes.push(length > 0 ? low | 128 : low);
  } while (length > 0);
  return Buffer.from(bytes);
}
