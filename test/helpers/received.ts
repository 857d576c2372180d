/**
 * What a broker sent, read strictly: a packet that no broker may send is an error, so every test of the wire also
 * shows what never comes. It shares no code with the broker.
 */
import { type Kind, type PacketType, PROPERTY_BY_ID, type Properties, TYPES, type Version } from './wire.js';

/** Codes a server may send, by packet; those of PUBLISH acknowledgements and so on are MQTT 5's. */
const CODES_V5: Partial<Record<PacketType, readonly number[]>> = {
  connack: [0, ...range(0x80, 0x8a), 0x8c, 0x90, 0x95, 0x97, ...range(0x99, 0x9d), 0x9f],
  puback: [0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
  pubrec: [0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
  pubrel: [0, 0x92],
  pubcomp: [0, 0x92],
  suback: [0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
  unsuback: [0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91],
  disconnect: [0, ...range(0x80, 0x83), 0x87, 0x89, 0x8b, ...range(0x8d, 0x90), ...range(0x93, 0xa2)],
  auth: [0, 0x18],
};
const CODES_V3: Partial<Record<PacketType, readonly number[]>> = {
  connack: range(0, 5),
  suback: [0, 1, 2, 0x80],
};

/** Properties a server may send, by packet. */
const ALLOWED: Partial<Record<PacketType, readonly (keyof Properties)[]>> = {
  connack: [
    'sessionExpiry',
    'assignedClientId',
    'serverKeepAlive',
    'authenticationMethod',
    'authenticationData',
    'responseInformation',
    'serverReference',
    'reasonString',
    'receiveMaximum',
    'topicAliasMaximum',
    'maximumQos',
    'retainAvailable',
    'userProperties',
    'maximumPacketSize',
    'wildcardAvailable',
    'identifiersAvailable',
    'sharedAvailable',
  ],
  publish: [
    'payloadFormat',
    'messageExpiry',
    'contentType',
    'responseTopic',
    'correlationData',
    'subscriptionIdentifiers',
    'topicAlias',
    'userProperties',
  ],
  disconnect: ['serverReference', 'reasonString', 'userProperties'],
  auth: ['authenticationMethod', 'authenticationData', 'reasonString', 'userProperties'],
};

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Reads one packet's fields from left to right and notices when they do not fit. */
class Reader {
  at = 0;
  private readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  take(length: number): Buffer {
    if (length > this.left) throw new Error('a field reaches over the end of its packet');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  uint(length: number): number {
    return this.take(length).readUIntBE(0, length);
  }

  text(): string {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.data());
    if (text.includes('\0')) throw new Error('U+0000 in a string');
    return text;
  }

  data(): Buffer {
    return this.take(this.uint(2));
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.uint(1);
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) {
        if (byte === 0 && shift > 0) throw new Error('a variable byte integer longer than needed');
        return value;
      }
    }
    throw new Error('a variable byte integer of five bytes');
  }

  properties(): Properties {
    const end = this.varint() + this.at;
    const found: Record<string, unknown> = {};
    while (this.at < end) {
      const known = PROPERTY_BY_ID.get(this.varint());
      if (known === undefined) throw new Error('an unknown property');
      const value = this.value(known.kind);
      if (known.kind === 'pair' || known.kind === 'varint') {
        const list = (found[known.name] as unknown[] | undefined) ?? [];
        found[known.name] = [...list, value];
      } else {
        if (known.name in found) throw new Error(`${known.name} twice`);
        found[known.name] = value;
      }
    }
    if (this.at !== end) throw new Error('the properties reach over their length');
    return found as Properties;
  }

  private value(kind: Kind): unknown {
    switch (kind) {
      case 'byte':
        return this.uint(1);
      case 'u16':
        return this.uint(2);
      case 'u32':
        return this.uint(4);
      case 'varint':
        return this.varint();
      case 'text':
        return this.text();
      case 'data':
        return this.data();
      case 'pair':
        return [this.text(), this.text()];
    }
  }
}

/** A packet the broker sent. Fields that its type does not have keep their defaults. */
export interface Received {
  readonly type: PacketType;
  /** The low four bits of the first byte. */
  readonly flags: number;
  /** The whole packet as it came. */
  readonly frame: Buffer;
  id: number;
  /** Return or reason code. */
  code: number;
  /** Of SUBACK and UNSUBACK, one per filter. */
  codes: number[];
  sessionPresent: boolean;
  qos: number;
  dup: boolean;
  retain: boolean;
  topic: string;
  payload: string;
  properties: Properties;
}

const CLIENT_ONLY: readonly string[] = ['', 'connect', 'subscribe', 'unsubscribe', 'pingreq'];

/** Cuts the first whole packet off the bytes; null when there is none yet. Throws at what a broker must not send. */
export function decode(bytes: Buffer, version: Version): Received | null {
  const length = wholeLength(bytes);
  if (length === null) return null;
  const frame = bytes.subarray(0, length.end);
  const type = TYPES[frame[0]! >> 4]!;
  const flags = frame[0]! & 15;
  if (type === '' || CLIENT_ONLY.includes(type)) throw new Error(`a server sends no packet of type ${type}`);
  if (type !== 'publish' && flags !== (type === 'pubrel' ? 2 : 0))
    throw new Error(`flags ${flags} in ${type}`);
  const found: Received = {
    type,
    flags,
    frame,
    id: 0,
    code: 0,
    codes: [],
    sessionPresent: false,
    qos: 0,
    dup: false,
    retain: false,
    topic: '',
    payload: '',
    properties: {},
  };
  const reader = new Reader(frame.subarray(length.start));
  readBody(found, reader, version);
  if (reader.left > 0) throw new Error(`${reader.left} bytes too many in ${type}`);
  checkTables(found, version);
  return found;
}

function checkTables(found: Received, version: Version): void {
  const codes = (version === 5 ? CODES_V5 : CODES_V3)[found.type];
  for (const code of [found.code, ...found.codes]) {
    if (code !== 0 && !codes?.includes(code)) throw new Error(`code 0x${code.toString(16)} in ${found.type}`);
  }
  const allowed = ALLOWED[found.type] ?? ['reasonString', 'userProperties'];
  for (const name of Object.keys(found.properties)) {
    if (!allowed.includes(name as keyof Properties)) throw new Error(`property ${name} in ${found.type}`);
  }
}

function wholeLength(bytes: Buffer): { start: number; end: number } | null {
  let value = 0;
  for (let at = 1; at < bytes.length; at += 1) {
    if (at > 4) throw new Error('a remaining length of five bytes');
    const byte = bytes[at]!;
    value += (byte & 127) * 128 ** (at - 1);
    if (byte < 128) {
      if (byte === 0 && at > 1) throw new Error('a remaining length longer than needed');
      return at + 1 + value <= bytes.length ? { start: at + 1, end: at + 1 + value } : null;
    }
  }
  return null;
}

function readBody(found: Received, reader: Reader, version: Version): void {
  switch (found.type) {
    case 'connack': {
      const flags = reader.uint(1);
      if (flags > 1) throw new Error('reserved bits in the flags of CONNACK');
      found.sessionPresent = flags === 1;
      found.code = reader.uint(1);
      if (version === 5) found.properties = reader.properties();
      return;
    }
    case 'publish':
      readPublish(found, reader, version);
      return;
    case 'suback':
    case 'unsuback':
      found.id = reader.uint(2);
      if (version === 5) found.properties = reader.properties();
      found.codes = [...reader.take(reader.left)];
      return;
    case 'pingresp':
      return;
    case 'disconnect':
    case 'auth':
      if (version !== 5) throw new Error(`${found.type} from a server before MQTT 5`);
      if (reader.left > 0) found.code = reader.uint(1);
      if (reader.left > 0) found.properties = reader.properties();
      return;
    default:
      found.id = reader.uint(2);
      if (version === 5 && reader.left > 0) found.code = reader.uint(1);
      if (version === 5 && reader.left > 0) found.properties = reader.properties();
  }
}

function readPublish(found: Received, reader: Reader, version: Version): void {
  found.retain = (found.flags & 1) === 1;
  found.qos = (found.flags >> 1) & 3;
  found.dup = (found.flags & 8) === 8;
  if (found.qos === 3) throw new Error('QoS 3');
  if (found.qos === 0 && found.dup) throw new Error('DUP with QoS 0');
  found.topic = reader.text();
  if (/[+#]/.test(found.topic)) throw new Error('a wildcard in a topic name');
  if (found.qos > 0) {
    found.id = reader.uint(2);
    if (found.id === 0) throw new Error('packet identifier 0');
  }
  if (version === 5) found.properties = reader.properties();
  found.payload = reader.take(reader.left).toString();
}
