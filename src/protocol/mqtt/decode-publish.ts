/** Decodes PUBLISH into a `PublishView` without copying or allocating. Runs in shards, per message. */
import { copyBytes } from '../../base/bytes.js';
import { isSysTopic } from '../message.js';
import { binaryEnd, isPlainTopic, readUint16, readUint32, stringEnd } from './fields.js';
import type { ProtocolVersion } from './packet-type.js';
import type { PublishView } from './publish-view.js';
import { ReasonCode } from './reason-code.js';
import { readVarint, varintBytes } from './varint.js';

const TOPIC_ALIAS_BYTES = 3;
const EXPIRY_BYTES = 5;

// What the properties of the packet in hand hold of those that do not travel; offsets of their first bytes,
// or -1.
let aliasAt = -1;
let expiryAt = -1;

/**
 * Decodes the PUBLISH whose body is `bytes[bodyStart, bodyEnd)`; `readFrame` has checked its flags. The
 * length of the topic is checked, its content is not: the topic cache does that once per topic. `view.nowMs`
 * becomes the time of receipt. The input is not changed, so a packet may be decoded again after a stall.
 * @returns 0, or the reason code with which to end the connection; then the view's content means nothing.
 */
export function decodePublish(
  bytes: Buffer,
  firstByte: number,
  bodyStart: number,
  bodyEnd: number,
  version: ProtocolVersion,
  view: PublishView,
): number {
  if (bodyEnd - bodyStart < 2) return ReasonCode.MalformedPacket;
  const topicStart = bodyStart + 2;
  const topicEnd = topicStart + readUint16(bytes, bodyStart);
  if (topicEnd > bodyEnd) return ReasonCode.MalformedPacket;
  const qos = (firstByte >> 1) & 3;
  const dup = (firstByte & 8) !== 0;
  let at = topicEnd;
  let packetId = 0;
  if (qos > 0) {
    if (qos === 3 || at + 2 > bodyEnd) return ReasonCode.MalformedPacket;
    packetId = readUint16(bytes, at);
    if (packetId === 0) return ReasonCode.ProtocolError;
    at += 2;
  } else if (dup && version === 5) {
    // v5 [MQTT-3.3.1-2]. In 3.x brokers have always let it pass, and clients that do it exist.
    return ReasonCode.MalformedPacket;
  }
  view.bytes = bytes;
  view.stored = null;
  view.author = null;
  view.qos = qos;
  view.dup = dup && qos > 0;
  view.retain = (firstByte & 1) !== 0;
  view.packetId = packetId;
  view.topicBytes = bytes;
  view.topicStart = topicStart;
  view.topicEnd = topicEnd;
  view.isSys = isSysTopic(bytes, topicStart, topicEnd);
  view.payloadEnd = bodyEnd;
  if (version === 5) return finishWithProperties(bytes, at, bodyEnd, view);
  view.propertyBytes = bytes;
  view.propertiesStart = view.propertiesEnd = view.payloadStart = at;
  view.topicAlias = 0;
  view.stamp(-1);
  return topicEnd === topicStart ? ReasonCode.ProtocolError : 0;
}

function finishWithProperties(bytes: Buffer, at: number, bodyEnd: number, view: PublishView): number {
  const length = readVarint(bytes, at, bodyEnd);
  if (length < 0) return ReasonCode.MalformedPacket;
  const start = at + varintBytes(length);
  const end = start + length;
  if (end > bodyEnd) return ReasonCode.MalformedPacket;
  view.payloadStart = end;
  view.propertyBytes = bytes;
  view.propertiesStart = start;
  view.propertiesEnd = end;
  view.topicAlias = 0;
  let expirySeconds = -1;
  if (length > 0) {
    const reason = checkProperties(bytes, start, end);
    if (reason !== 0) return reason;
    if (expiryAt >= 0) expirySeconds = readUint32(bytes, expiryAt + 1);
    if (aliasAt >= 0) {
      view.topicAlias = readUint16(bytes, aliasAt + 1);
      if (view.topicAlias === 0) return ReasonCode.TopicAliasInvalid;
    }
    if (expiryAt >= 0 || aliasAt >= 0) leaveOut(bytes, view);
  }
  view.stamp(expirySeconds);
  // 3.3.2.1: an empty topic needs an alias that stands for it.
  return view.topicEnd === view.topicStart && view.topicAlias === 0 ? ReasonCode.ProtocolError : 0;
}

/** Walks the properties by the rules of PUBLISH from a client, and sets `aliasAt` and `expiryAt`. */
function checkProperties(bytes: Buffer, start: number, end: number): number {
  aliasAt = -1;
  expiryAt = -1;
  let seen = 0;
  let at = start;
  while (at < end) {
    const id = bytes[at]!;
    let next: number;
    if (id === 0x26) {
      next = stringEnd(bytes, at + 1, end);
      if (next > 0) next = stringEnd(bytes, next, end);
    } else {
      // Bit 0 belongs to no property, so topic alias, which has no bit of its own, takes it.
      const bit = 1 << (id === 0x23 ? 0 : id);
      next = propertyEnd(bytes, at, id, end);
      if (next > 0 && (seen & bit) !== 0) return ReasonCode.ProtocolError;
      seen |= bit;
    }
    if (next <= 0) return -next;
    at = next;
  }
  return 0;
}

/**
 * @returns the offset behind the property at `at` that may stand once, or a reason code as a negative number.
 */
function propertyEnd(bytes: Buffer, at: number, id: number, end: number): number {
  let next: number;
  switch (id) {
    case 0x01:
      next = at + 2;
      if (next <= end && bytes[at + 1]! > 1) return -ReasonCode.ProtocolError;
      break;
    case 0x02:
      expiryAt = at;
      next = at + EXPIRY_BYTES;
      break;
    case 0x03:
      return stringEnd(bytes, at + 1, end);
    case 0x08:
      next = stringEnd(bytes, at + 1, end);
      // v5 [MQTT-3.3.2-14]
      if (next > 0 && !isPlainTopic(bytes, at + 3, next)) return -ReasonCode.ProtocolError;
      return next;
    case 0x09:
      return binaryEnd(bytes, at + 1, end);
    case 0x0b:
      // v5 [MQTT-3.3.4-6]
      return -ReasonCode.ProtocolError;
    case 0x23:
      aliasAt = at;
      next = at + TOPIC_ALIAS_BYTES;
      break;
    default:
      return -ReasonCode.MalformedPacket;
  }
  return next <= end ? next : -ReasonCode.MalformedPacket;
}

/**
 * Takes topic alias and expiry out of the view's properties: by a narrower range where they stand at an end,
 * else in a copy.
 */
function leaveOut(bytes: Buffer, view: PublishView): void {
  // Twice, because the second of the two may come to stand at an end once the first is gone.
  trimEnds(view);
  trimEnds(view);
  if (aliasAt < 0 && expiryAt < 0) return;
  const isAliasFirst = expiryAt < 0 || (aliasAt >= 0 && aliasAt < expiryAt);
  const out = view.propertyScratch(view.propertiesEnd - view.propertiesStart);
  const first = isAliasFirst ? aliasAt : expiryAt;
  let length = copyBytes(bytes, view.propertiesStart, first, out, 0);
  let at = first + (isAliasFirst ? TOPIC_ALIAS_BYTES : EXPIRY_BYTES);
  if (aliasAt >= 0 && expiryAt >= 0) {
    const second = isAliasFirst ? expiryAt : aliasAt;
    length = copyBytes(bytes, at, second, out, length);
    at = second + (isAliasFirst ? EXPIRY_BYTES : TOPIC_ALIAS_BYTES);
  }
  length = copyBytes(bytes, at, view.propertiesEnd, out, length);
  view.propertyBytes = out;
  view.propertiesStart = 0;
  view.propertiesEnd = length;
}

/** Cuts off what stands at either end, and forgets it. */
function trimEnds(view: PublishView): void {
  if (aliasAt >= 0) {
    if (aliasAt === view.propertiesStart) {
      view.propertiesStart += TOPIC_ALIAS_BYTES;
      aliasAt = -1;
    } else if (aliasAt + TOPIC_ALIAS_BYTES === view.propertiesEnd) {
      view.propertiesEnd = aliasAt;
      aliasAt = -1;
    }
  }
  if (expiryAt >= 0) {
    if (expiryAt === view.propertiesStart) {
      view.propertiesStart += EXPIRY_BYTES;
      expiryAt = -1;
    } else if (expiryAt + EXPIRY_BYTES === view.propertiesEnd) {
      view.propertiesEnd = expiryAt;
      expiryAt = -1;
    }
  }
}
