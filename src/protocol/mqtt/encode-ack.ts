/**
 * Encodes PUBACK, PUBREC, PUBREL, PUBCOMP and PINGRESP into an output buffer. Runs in shards, per message.
 */
import { copyBytes } from '../../base/bytes.js';
import { type AckType, PacketType, type ProtocolVersion } from './packet-type.js';
import { ReasonCode } from './reason-code.js';
import { varintBytes, writeVarint } from './varint.js';

/** Bytes of an acknowledgement without a reason string, at most. */
export const ACK_BYTES_MAX = 5;

/** Bytes of PINGRESP. */
export const PINGRESP_BYTES = 2;

/**
 * Writes an acknowledgement of at most `ACK_BYTES_MAX` bytes at `at`: 4 bytes for success and in 3.x (which
 * knows no reasons, so `reason` is left out), 5 with a reason. @returns the offset behind it.
 */
export function writeAck(
  out: Uint8Array,
  at: number,
  type: AckType,
  packetId: number,
  reason: number,
  version: ProtocolVersion,
): number {
  const hasReason = version === 5 && reason !== ReasonCode.Success;
  out[at] = firstByte(type);
  out[at + 1] = hasReason ? 3 : 2;
  out[at + 2] = packetId >> 8;
  out[at + 3] = packetId & 0xff;
  if (!hasReason) return at + 4;
  out[at + 4] = reason;
  return at + 5;
}

/**
 * An MQTT 5 acknowledgement with a reason string, which is left out where it would take the packet over the
 * client's maximum packet size (v5 [MQTT-3.4.2-2], [MQTT-3.5.2-2], [MQTT-3.6.2-2], [MQTT-3.7.2-2]). The
 * caller honours Request Problem Information.
 */
export function encodeAckWithText(
  type: AckType,
  packetId: number,
  reason: number,
  reasonString: string,
  packetBytesMax: number,
): Buffer {
  const text = Buffer.from(reasonString, 'utf8');
  const properties = 3 + text.length;
  const body = 3 + varintBytes(properties) + properties;
  const total = 1 + varintBytes(body) + body;
  if (text.length > 0xffff || total > packetBytesMax) {
    const short = Buffer.allocUnsafe(ACK_BYTES_MAX);
    return short.subarray(0, writeAck(short, 0, type, packetId, reason, 5));
  }
  const out = Buffer.allocUnsafe(total);
  out[0] = firstByte(type);
  let at = writeVarint(out, 1, body);
  out[at] = packetId >> 8;
  out[at + 1] = packetId & 0xff;
  out[at + 2] = reason;
  at = writeVarint(out, at + 3, properties);
  out[at] = 0x1f;
  out[at + 1] = text.length >> 8;
  out[at + 2] = text.length & 0xff;
  copyBytes(text, 0, text.length, out, at + 3);
  return out;
}

/** Writes PINGRESP at `at`. @returns the offset behind it. */
export function writePingresp(out: Uint8Array, at: number): number {
  out[at] = PacketType.Pingresp << 4;
  out[at + 1] = 0;
  return at + PINGRESP_BYTES;
}

function firstByte(type: AckType): number {
  // PUBREL alone carries flags, 0010 [MQTT-3.6.1-1].
  return (type << 4) | (type === PacketType.Pubrel ? 2 : 0);
}
