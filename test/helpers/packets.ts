/** Builds whole MQTT packets for tests, right ones by default and wrong ones on request. */
import {
  type AckType,
  field,
  type Part,
  type Properties,
  packet,
  properties,
  TYPES,
  u16,
  type Version,
} from './wire.js';

export interface Will {
  readonly topic: string | Uint8Array;
  readonly payload?: string | Uint8Array;
  readonly qos?: number;
  readonly retain?: boolean;
  readonly properties?: Properties | Buffer;
}

/** A session that stays, in every version; 3.x has no expiry in CONNECT and ignores the property. */
export const PERSISTENT = { clean: false, properties: { sessionExpiry: 3_600 } } as const;

export interface ConnectOptions {
  readonly version: Version;
  readonly clientId?: string | Uint8Array;
  /** Clean session of 3.x, clean start of 5. */
  readonly clean?: boolean;
  /** Seconds. */
  readonly keepAlive?: number;
  readonly username?: string | Uint8Array;
  readonly password?: string | Uint8Array;
  readonly will?: Will;
  readonly properties?: Properties | Buffer;
  /** Bits to turn over in the connect flags, for packets that break the rules. */
  readonly flipFlags?: number;
  readonly protocolName?: string;
  readonly level?: number;
}

export function connect(options: ConnectOptions): Buffer {
  const { version, will } = options;
  const flags =
    (options.clean === false ? 0 : 2) |
    (will === undefined ? 0 : 4 | ((will.qos ?? 0) << 3) | (will.retain === true ? 32 : 0)) |
    (options.password === undefined ? 0 : 64) |
    (options.username === undefined ? 0 : 128);
  const parts: Part[] = [
    field(options.protocolName ?? (version === 3 ? 'MQIsdp' : 'MQTT')),
    [options.level ?? version, flags ^ (options.flipFlags ?? 0)],
    u16(options.keepAlive ?? 0),
  ];
  if (version === 5) parts.push(properties(options.properties));
  parts.push(field(options.clientId ?? ''));
  if (will !== undefined) {
    if (version === 5) parts.push(properties(will.properties));
    parts.push(field(will.topic), field(will.payload ?? ''));
  }
  if (options.username !== undefined) parts.push(field(options.username));
  if (options.password !== undefined) parts.push(field(options.password));
  return packet(0x10, ...parts);
}

export interface PublishOptions {
  readonly topic: string | Uint8Array;
  readonly payload?: string | Uint8Array;
  readonly qos?: number;
  readonly id?: number;
  readonly dup?: boolean;
  readonly retain?: boolean;
  readonly properties?: Properties | Buffer;
}

export function publish(version: Version, options: PublishOptions): Buffer {
  const qos = options.qos ?? 0;
  const parts: Part[] = [field(options.topic)];
  if (qos > 0) parts.push(u16(options.id ?? 1));
  if (version === 5) parts.push(properties(options.properties));
  parts.push(Buffer.from(options.payload ?? ''));
  return packet(0x30 | (options.dup ? 8 : 0) | (qos << 1) | (options.retain ? 1 : 0), ...parts);
}

/**
 * A filter with its options byte; in MQTT 5 bit 2 is no local, bit 3 retain as published, 4 and 5 retain
 * handling.
 */
export type Subscription = readonly [filter: string | Uint8Array, options: number];

export const NO_LOCAL = 4;
export const RETAIN_AS_PUBLISHED = 8;
export const retainHandling = (value: number): number => value << 4;

export function subscribe(
  version: Version,
  id: number,
  subscriptions: readonly Subscription[],
  given?: Properties | Buffer,
): Buffer {
  const parts: Part[] = [u16(id)];
  if (version === 5) parts.push(properties(given));
  for (const [filter, options] of subscriptions) parts.push(field(filter), [options]);
  return packet(0x82, ...parts);
}

export function unsubscribe(
  version: Version,
  id: number,
  filters: readonly (string | Uint8Array)[],
  given?: Properties | Buffer,
): Buffer {
  const parts: Part[] = [u16(id)];
  if (version === 5) parts.push(properties(given));
  return packet(0xa2, ...parts, ...filters.map((filter) => field(filter)));
}

/** PUBACK, PUBREC, PUBREL or PUBCOMP; a code goes to MQTT 5 only. */
export function ack(type: AckType, id: number, code = 0, given?: Properties | Buffer): Buffer {
  const parts: Part[] = [u16(id)];
  if (code !== 0 || given !== undefined) parts.push([code]);
  if (given !== undefined) parts.push(properties(given));
  return packet((TYPES.indexOf(type) << 4) | (type === 'pubrel' ? 2 : 0), ...parts);
}

export const PINGREQ: Buffer = packet(0xc0);

/** DISCONNECT; without a code it is the empty packet that ends a connection normally. */
export function disconnect(code = 0, given?: Properties | Buffer): Buffer {
  if (code === 0 && given === undefined) return packet(0xe0);
  return packet(0xe0, [code], ...(given === undefined ? [] : [properties(given)]));
}

export function auth(code: number, given?: Properties | Buffer): Buffer {
  return packet(0xf0, [code], properties(given));
}
