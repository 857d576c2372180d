/**
 * Decodes CONNECT of all versions strictly: in full for its shard, or only as far as the ClientId for main.
 * Any thread.
 */
import { PACKET_BYTES_MAX } from '../../limits.js';
import type { Connect, ConnectResult, Will } from './connect.js';
import { Cursor } from './cursor.js';
import { isPlainTopic } from './fields.js';
import { PacketType, type ProtocolVersion } from './packet-type.js';
import { Property, WILL } from './properties.js';
import { PropertyReader } from './property-reader.js';
import { ReasonCode } from './reason-code.js';
import { readVarint, varintBytes } from './varint.js';

const NEVER_SECONDS = 0xffff_ffff;
const BRIDGE_BIT = 0x80;

const CLEAN_START = 0x02;
const WILL_FLAG = 0x04;
const WILL_QOS = 0x18;
const WILL_RETAIN = 0x20;
const PASSWORD = 0x40;
const USERNAME = 0x80;

const properties = new PropertyReader();

interface Head {
  readonly version: ProtocolVersion;
  readonly bridge: boolean;
  readonly flags: number;
  readonly keepAliveSeconds: number;
}

/**
 * Decodes the CONNECT whose body is `bytes[bodyStart, bodyEnd)`; `readFrame` has checked its flags.
 * Everything given out is copied. An empty ClientId that may not be assigned is refused here; limits of
 * configuration are not looked at.
 */
export function decodeConnect(bytes: Buffer, bodyStart: number, bodyEnd: number): ConnectResult {
  const cursor = new Cursor(bytes, bodyStart, bodyEnd);
  const head = readHead(cursor);
  if (head === null) return refusal(cursor, null);
  const connect = readRest(cursor, head);
  properties.release();
  if (cursor.reason === ReasonCode.Success) return { ok: true, connect };
  return refusal(cursor, head.version);
}

function refusal(cursor: Cursor, version: ProtocolVersion | null): ConnectResult {
  return { ok: false, reason: cursor.reason as ReasonCode, version };
}

export interface ClientIdPeek {
  /** Null where the packet is not a CONNECT, or is malformed before the end of its ClientId. */
  readonly clientId: string | null;
  /** The ClientId is empty and the broker may choose one. */
  readonly mayAssign: boolean;
}

const MALFORMED: ClientIdPeek = { clientId: null, mayAssign: false };

/** Finds the ClientId in the whole packet `bytes[start, end)`, and looks at as little else as it can. */
export function peekClientId(bytes: Buffer, start: number, end: number): ClientIdPeek {
  if (start >= end || bytes[start] !== PacketType.Connect << 4) return MALFORMED;
  const length = readVarint(bytes, start + 1, end);
  if (length < 0) return MALFORMED;
  const bodyStart = start + 1 + varintBytes(length);
  if (bodyStart + length > end) return MALFORMED;
  const cursor = new Cursor(bytes, bodyStart, bodyStart + length);
  const head = readHead(cursor);
  if (head === null) return MALFORMED;
  if (head.version === 5) cursor.skipProperties();
  const clientId = cursor.string();
  if (cursor.reason !== ReasonCode.Success) return MALFORMED;
  return { clientId, mayAssign: clientId === '' && mayAssign(head) };
}

/** @returns null for a protocol name that is not MQTT's, so that nobody knows how to answer. */
function readHead(cursor: Cursor): Head | null {
  const name = cursor.string();
  if (name !== 'MQTT' && name !== 'MQIsdp') {
    cursor.fail(ReasonCode.UnsupportedProtocolVersion);
    return null;
  }
  const level = cursor.byte();
  const version = versionOf(name, level & ~BRIDGE_BIT);
  if (version === null) {
    // [MQTT-3.1.2-2]: a level above 5 is answered as MQTT 5 answers it, one below as 3.1.1 does.
    cursor.fail(ReasonCode.UnsupportedProtocolVersion);
    return { version: (level & ~BRIDGE_BIT) > 5 ? 5 : 4, bridge: false, flags: 0, keepAliveSeconds: 0 };
  }
  const flags = cursor.byte();
  checkFlags(cursor, flags, version);
  const keepAliveSeconds = cursor.uint16();
  return { version, bridge: level >= BRIDGE_BIT, flags, keepAliveSeconds };
}

function versionOf(name: string, level: number): ProtocolVersion | null {
  if (name === 'MQIsdp') return level === 3 ? 3 : null;
  return level === 4 || level === 5 ? level : null;
}

function checkFlags(cursor: Cursor, flags: number, version: ProtocolVersion): void {
  const hasWill = (flags & WILL_FLAG) !== 0;
  const isMalformed =
    // [MQTT-3.1.2-3]
    (flags & 1) !== 0 ||
    // v3 [MQTT-3.1.2-13], [MQTT-3.1.2-15]; v5 [MQTT-3.1.2-11], [MQTT-3.1.2-13]
    (!hasWill && (flags & (WILL_QOS | WILL_RETAIN)) !== 0) ||
    // v3 [MQTT-3.1.2-14]; v5 [MQTT-3.1.2-12]
    (flags & WILL_QOS) === WILL_QOS ||
    // v3 [MQTT-3.1.2-22]; MQTT 5 allows a password alone.
    (version !== 5 && (flags & (USERNAME | PASSWORD)) === PASSWORD);
  if (isMalformed) cursor.fail(ReasonCode.MalformedPacket);
}

function mayAssign(head: Head): boolean {
  return head.version === 5 || (head.version === 4 && (head.flags & CLEAN_START) !== 0);
}

function readRest(cursor: Cursor, head: Head): Connect {
  const { version, flags } = head;
  const cleanStart = (flags & CLEAN_START) !== 0;
  const settings = readSettings(cursor, version, cleanStart);
  const clientId = cursor.string();
  // v3 [MQTT-3.1.3-8]; MQTT 3.1 knows no empty ClientId at all.
  if (clientId === '' && !mayAssign(head)) cursor.fail(ReasonCode.ClientIdentifierNotValid);
  const will = (flags & WILL_FLAG) === 0 ? null : readWill(cursor, head);
  // MQTT 3.1 has the packet's length decide over the flags: name and password may be missing all the same.
  const isCutShort = (): boolean => version === 3 && cursor.at === cursor.end;
  const username = (flags & USERNAME) === 0 || isCutShort() ? null : cursor.string();
  const password = (flags & PASSWORD) === 0 || isCutShort() ? null : cursor.binary();
  cursor.finish();
  return {
    version,
    bridge: head.bridge,
    cleanStart,
    keepAliveSeconds: head.keepAliveSeconds,
    clientId,
    will,
    username,
    password,
    ...settings,
  };
}

type Settings = Omit<
  Connect,
  'version' | 'bridge' | 'cleanStart' | 'keepAliveSeconds' | 'clientId' | 'will' | 'username' | 'password'
>;

/** What MQTT 5 says in properties, or what 3.x means without them. */
function readSettings(cursor: Cursor, version: ProtocolVersion, cleanStart: boolean): Settings {
  if (version === 5) cursor.properties(properties, PacketType.Connect);
  else properties.clear(cursor.at);
  const authenticationMethod = properties.string(Property.AuthenticationMethod);
  const authenticationData = properties.binary(Property.AuthenticationData);
  if (authenticationData !== null && authenticationMethod === null) cursor.fail(ReasonCode.ProtocolError);
  const sessionExpiryDefault = version === 5 || cleanStart ? 0 : NEVER_SECONDS;
  return {
    sessionExpirySeconds: properties.number(Property.SessionExpiryInterval, sessionExpiryDefault),
    receiveMaximum: properties.number(Property.ReceiveMaximum, 65_535),
    maximumPacketBytes: Math.min(
      properties.number(Property.MaximumPacketSize, PACKET_BYTES_MAX),
      PACKET_BYTES_MAX,
    ),
    topicAliasMaximum: properties.number(Property.TopicAliasMaximum, 0),
    requestResponseInformation: properties.number(Property.RequestResponseInformation, 0) === 1,
    requestProblemInformation: properties.number(Property.RequestProblemInformation, 1) === 1,
    userProperties: properties.userProperties(),
    authenticationMethod,
    authenticationData,
  };
}

function readWill(cursor: Cursor, head: Head): Will {
  if (head.version === 5) cursor.properties(properties, WILL);
  else properties.clear(cursor.at);
  const responseTopic = properties.string(Property.ResponseTopic);
  // v5 [MQTT-3.3.2-14]
  if (responseTopic !== null && (responseTopic === '' || /[+#]/.test(responseTopic))) {
    cursor.fail(ReasonCode.ProtocolError);
  }
  const delaySeconds = properties.number(Property.WillDelayInterval, 0);
  const expirySeconds = properties.number(Property.MessageExpiryInterval, -1);
  const travelling = properties.copyWithout(Property.WillDelayInterval, Property.MessageExpiryInterval);
  const topic = cursor.stringBytes();
  const payload = cursor.binary();
  if (!isPlainTopic(topic, 0, topic.length)) cursor.fail(ReasonCode.TopicNameInvalid);
  return {
    topic,
    payload,
    qos: (head.flags & WILL_QOS) >> 3,
    retain: (head.flags & WILL_RETAIN) !== 0,
    delaySeconds,
    expirySeconds,
    properties: travelling,
  };
}
