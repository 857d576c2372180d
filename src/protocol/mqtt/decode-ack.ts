/** Decodes PUBACK, PUBREC, PUBREL and PUBCOMP without allocating. Runs in shards, per message. */
import { readUint16, stringEnd } from './fields.js';
import { type AckType, PacketType, type ProtocolVersion } from './packet-type.js';
import { ReasonCode } from './reason-code.js';
import { readVarint, varintBytes } from './varint.js';

/** An acknowledgement; one is used again and again. */
export class Ack {
  packetId = 0;
  /** 0x00 in 3.x. */
  reason: number = ReasonCode.Success;
}

/**
 * Decodes the acknowledgement whose body is `bytes[bodyStart, bodyEnd)`; `readFrame` has checked its flags.
 * @returns 0, or the reason code with which to end the connection; then `out` means nothing.
 */
export function decodeAck(
  bytes: Uint8Array,
  type: AckType,
  bodyStart: number,
  bodyEnd: number,
  version: ProtocolVersion,
  out: Ack,
): number {
  const length = bodyEnd - bodyStart;
  if (length < 2 || (length > 2 && version !== 5)) return ReasonCode.MalformedPacket;
  out.packetId = readUint16(bytes, bodyStart);
  out.reason = ReasonCode.Success;
  if (out.packetId === 0) return ReasonCode.ProtocolError;
  if (length === 2) return 0;
  out.reason = bytes[bodyStart + 2]!;
  if (!isAllowed(type, out.reason)) return ReasonCode.ProtocolError;
  return length === 3 ? 0 : checkProperties(bytes, bodyStart + 3, bodyEnd);
}

/** v5 [MQTT-3.4.2-1], [MQTT-3.5.2-1], [MQTT-3.6.2-1], [MQTT-3.7.2-1]. */
function isAllowed(type: AckType, reason: number): boolean {
  if (reason === ReasonCode.Success) return true;
  if (type === PacketType.Pubrel || type === PacketType.Pubcomp) {
    return reason === ReasonCode.PacketIdentifierNotFound;
  }
  switch (reason) {
    case ReasonCode.NoMatchingSubscribers:
    case ReasonCode.UnspecifiedError:
    case ReasonCode.ImplementationSpecificError:
    case ReasonCode.NotAuthorized:
    case ReasonCode.TopicNameInvalid:
    case ReasonCode.PacketIdentifierInUse:
    case ReasonCode.QuotaExceeded:
    case ReasonCode.PayloadFormatInvalid:
      return true;
    default:
      return false;
  }
}

/** Only a reason string, once, and user properties may stand here, and nothing behind them. */
function checkProperties(bytes: Uint8Array, at: number, end: number): number {
  const length = readVarint(bytes, at, end);
  if (length < 0) return ReasonCode.MalformedPacket;
  at += varintBytes(length);
  if (at + length !== end) return ReasonCode.MalformedPacket;
  let hasReasonString = false;
  while (at < end) {
    const id = bytes[at]!;
    if (id !== 0x1f && id !== 0x26) return ReasonCode.MalformedPacket;
    if (id === 0x1f && hasReasonString) return ReasonCode.ProtocolError;
    at = stringEnd(bytes, at + 1, end);
    if (at > 0 && id === 0x26) at = stringEnd(bytes, at, end);
    if (at < 0) return ReasonCode.MalformedPacket;
    if (id === 0x1f) hasReasonString = true;
  }
  return 0;
}
