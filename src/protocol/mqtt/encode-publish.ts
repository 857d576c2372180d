/**
 * Encodes PUBLISH from a `PublishView` straight into an output buffer. Runs in shards, once per variant of a
 * message.
 */
import { copyBytes } from '../../base/bytes.js';
import { readUint16 } from './fields.js';
import type { ProtocolVersion } from './packet-type.js';
import type { PublishView } from './publish-view.js';
import { readVarint, varintBytes, writeVarint } from './varint.js';

/**
 * Exact bytes of the frame that `encodePublish` writes with the same arguments. More than a client's maximum
 * packet size (or `PACKET_BYTES_MAX`) means that the message must be dropped for it (v5 [MQTT-3.1.2-24],
 * [MQTT-3.1.2-25]).
 */
export function publishFrameBytes(
  view: PublishView,
  version: ProtocolVersion,
  qos: number,
  identifiers: readonly number[] | null,
  topicAlias: number,
  writeTopic: boolean,
  expirySeconds: number,
): number {
  const length = bodyBytes(view, version, qos, identifiers, topicAlias, writeTopic, expirySeconds);
  return 1 + varintBytes(length) + length;
}

/**
 * Writes one PUBLISH at `at`; `out` must have room for `publishFrameBytes` of it.
 * @param qos what the subscriber gets, not what the publisher sent; `packetId` counts only above 0.
 * @param identifiers subscription identifiers, MQTT 5 only, or null.
 * @param topicAlias 0 for none; @param writeTopic false where the alias alone stands for the topic.
 * @param expirySeconds what is left of the message's life; -1 for none.
 * @returns the offset behind the frame.
 */
export function encodePublish(
  out: Uint8Array,
  at: number,
  view: PublishView,
  version: ProtocolVersion,
  qos: number,
  retain: boolean,
  dup: boolean,
  packetId: number,
  identifiers: readonly number[] | null,
  topicAlias: number,
  writeTopic: boolean,
  expirySeconds: number,
): number {
  out[at] = 0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
  const length = bodyBytes(view, version, qos, identifiers, topicAlias, writeTopic, expirySeconds);
  at = writeVarint(out, at + 1, length);
  const topicLength = writeTopic ? view.topicEnd - view.topicStart : 0;
  out[at] = topicLength >> 8;
  out[at + 1] = topicLength & 0xff;
  at += 2;
  if (qos === 0 && version !== 5 && view.payloadStart === view.topicEnd && view.topicBytes === view.bytes) {
    // Topic and payload lie side by side, as in every QoS 0 PUBLISH from 3.x: one copy instead of two.
    return copyBytes(view.bytes, view.topicStart, view.payloadEnd, out, at);
  }
  at = copyBytes(view.topicBytes, view.topicStart, view.topicStart + topicLength, out, at);
  if (qos > 0) {
    out[at] = packetId >> 8;
    out[at + 1] = packetId & 0xff;
    at += 2;
  }
  if (version === 5) at = writeProperties(out, at, view, identifiers, topicAlias, expirySeconds);
  return copyBytes(view.bytes, view.payloadStart, view.payloadEnd, out, at);
}

/** @returns the offset of the packet identifier in the PUBLISH of QoS 1 or 2 that begins at `at`. */
export function packetIdOffset(frame: Uint8Array, at: number): number {
  const topic = at + 1 + varintBytes(readVarint(frame, at + 1, at + 5));
  return topic + 2 + readUint16(frame, topic);
}

function bodyBytes(
  view: PublishView,
  version: ProtocolVersion,
  qos: number,
  identifiers: readonly number[] | null,
  topicAlias: number,
  writeTopic: boolean,
  expirySeconds: number,
): number {
  const topicLength = writeTopic ? view.topicEnd - view.topicStart : 0;
  const length = 2 + topicLength + (qos > 0 ? 2 : 0) + view.payloadEnd - view.payloadStart;
  if (version !== 5) return length;
  const properties = propertyBytes(view, identifiers, topicAlias, expirySeconds);
  return length + varintBytes(properties) + properties;
}

function propertyBytes(
  view: PublishView,
  identifiers: readonly number[] | null,
  topicAlias: number,
  expirySeconds: number,
): number {
  let length = view.propertiesEnd - view.propertiesStart;
  if (topicAlias > 0) length += 3;
  if (expirySeconds >= 0) length += 5;
  if (identifiers !== null) {
    for (let i = 0; i < identifiers.length; i++) length += 1 + varintBytes(identifiers[i]!);
  }
  return length;
}

function writeProperties(
  out: Uint8Array,
  at: number,
  view: PublishView,
  identifiers: readonly number[] | null,
  topicAlias: number,
  expirySeconds: number,
): number {
  at = writeVarint(out, at, propertyBytes(view, identifiers, topicAlias, expirySeconds));
  if (topicAlias > 0) {
    out[at] = 0x23;
    out[at + 1] = topicAlias >> 8;
    out[at + 2] = topicAlias & 0xff;
    at += 3;
  }
  if (expirySeconds >= 0) {
    out[at] = 0x02;
    out[at + 1] = expirySeconds >>> 24;
    out[at + 2] = (expirySeconds >>> 16) & 0xff;
    out[at + 3] = (expirySeconds >>> 8) & 0xff;
    out[at + 4] = expirySeconds & 0xff;
    at += 5;
  }
  if (identifiers !== null) {
    for (let i = 0; i < identifiers.length; i++) {
      out[at] = 0x0b;
      at = writeVarint(out, at + 1, identifiers[i]!);
    }
  }
  return copyBytes(view.propertyBytes, view.propertiesStart, view.propertiesEnd, out, at);
}
