/**
 * Fields and properties of MQTT packets for tests. It shares no code with the broker and builds wrong packets as
 * easily as right ones.
 */

/** 3 is MQTT 3.1, 4 is 3.1.1. */
export type Version = 3 | 4 | 5;

export const TYPES = [
  '',
  'connect',
  'connack',
  'publish',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'subscribe',
  'suback',
  'unsubscribe',
  'unsuback',
  'pingreq',
  'pingresp',
  'disconnect',
  'auth',
] as const;
export type PacketType = Exclude<(typeof TYPES)[number], ''>;
export type AckType = 'puback' | 'pubrec' | 'pubrel' | 'pubcomp';

/** MQTT 5 properties. Those that may repeat are lists, in their order on the wire. */
export interface Properties {
  payloadFormat?: number;
  messageExpiry?: number;
  contentType?: string;
  responseTopic?: string;
  correlationData?: Buffer;
  subscriptionIdentifiers?: number[];
  sessionExpiry?: number;
  assignedClientId?: string;
  serverKeepAlive?: number;
  authenticationMethod?: string;
  authenticationData?: Buffer;
  requestProblemInformation?: number;
  willDelay?: number;
  requestResponseInformation?: number;
  responseInformation?: string;
  serverReference?: string;
  reasonString?: string;
  receiveMaximum?: number;
  topicAliasMaximum?: number;
  topicAlias?: number;
  maximumQos?: number;
  retainAvailable?: number;
  userProperties?: [string, string][];
  maximumPacketSize?: number;
  wildcardAvailable?: number;
  identifiersAvailable?: number;
  sharedAvailable?: number;
}

/** How a property is written. */
export type Kind = 'byte' | 'u16' | 'u32' | 'varint' | 'text' | 'data' | 'pair';

const PROPERTIES: readonly [number, keyof Properties, Kind][] = [
  [0x01, 'payloadFormat', 'byte'],
  [0x02, 'messageExpiry', 'u32'],
  [0x03, 'contentType', 'text'],
  [0x08, 'responseTopic', 'text'],
  [0x09, 'correlationData', 'data'],
  [0x0b, 'subscriptionIdentifiers', 'varint'],
  [0x11, 'sessionExpiry', 'u32'],
  [0x12, 'assignedClientId', 'text'],
  [0x13, 'serverKeepAlive', 'u16'],
  [0x15, 'authenticationMethod', 'text'],
  [0x16, 'authenticationData', 'data'],
  [0x17, 'requestProblemInformation', 'byte'],
  [0x18, 'willDelay', 'u32'],
  [0x19, 'requestResponseInformation', 'byte'],
  [0x1a, 'responseInformation', 'text'],
  [0x1c, 'serverReference', 'text'],
  [0x1f, 'reasonString', 'text'],
  [0x21, 'receiveMaximum', 'u16'],
  [0x22, 'topicAliasMaximum', 'u16'],
  [0x23, 'topicAlias', 'u16'],
  [0x24, 'maximumQos', 'byte'],
  [0x25, 'retainAvailable', 'byte'],
  [0x26, 'userProperties', 'pair'],
  [0x27, 'maximumPacketSize', 'u32'],
  [0x28, 'wildcardAvailable', 'byte'],
  [0x29, 'identifiersAvailable', 'byte'],
  [0x2a, 'sharedAvailable', 'byte'],
];
/** Name and kind by identifier. */
export const PROPERTY_BY_ID = new Map(PROPERTIES.map(([id, name, kind]) => [id, { name, kind }]));

export const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);

export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** A string or binary field: two length bytes, then the bytes. */
export function field(value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([u16(bytes.length), bytes]);
}

/** A variable byte integer in the fewest bytes. */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  do {
    bytes.push((value % 128) + (value >= 128 ? 128 : 0));
    value = Math.floor(value / 128);
  } while (value > 0);
  return Buffer.from(bytes);
}

export type Part = Uint8Array | readonly number[];

/** A packet from its first byte and its parts; the remaining length is what the parts come to. */
export function packet(firstByte: number, ...parts: readonly Part[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Uint8Array.from(part)));
  return Buffer.concat([Buffer.from([firstByte]), varint(body.length), body]);
}

/** One property on the wire, by its identifier, without looking whether it belongs there. */
export function property(name: keyof Properties, value: unknown): Buffer {
  const [id, , kind] = PROPERTIES.find((row) => row[1] === name)!;
  const values =
    name === 'userProperties' || name === 'subscriptionIdentifiers' ? (value as unknown[]) : [value];
  return Buffer.concat(values.map((one) => Buffer.concat([Buffer.from([id]), encodeValue(kind, one)])));
}

function encodeValue(kind: Kind, value: unknown): Buffer {
  switch (kind) {
    case 'byte':
      return Buffer.from([value as number]);
    case 'u16':
      return u16(value as number);
    case 'u32':
      return u32(value as number);
    case 'varint':
      return varint(value as number);
    case 'pair':
      return Buffer.concat((value as [string, string]).map((text) => field(text)));
    default:
      return field(value as string | Buffer);
  }
}

/** Property length and properties, in the order of the object's keys. Buffers are taken as they are. */
export function properties(given: Properties | Buffer = {}): Buffer {
  const bytes = Buffer.isBuffer(given)
    ? given
    : Buffer.concat(Object.entries(given).map(([name, value]) => property(name as keyof Properties, value)));
  return Buffer.concat([varint(bytes.length), bytes]);
}
