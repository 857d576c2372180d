/** Decodes DISCONNECT, AUTH and PINGREQ from a client strictly. Runs in shards. */
import { Cursor } from './cursor.js';
import { PacketType, type ProtocolVersion } from './packet-type.js';
import { Property } from './properties.js';
import { PropertyReader } from './property-reader.js';
import { ReasonCode } from './reason-code.js';

export interface Disconnect {
  readonly reason: number;
  /** Replaces that of CONNECT; null where the client does not speak of it. */
  readonly sessionExpirySeconds: number | null;
  readonly reasonString: string | null;
}

export interface Auth {
  /** 0x18 or 0x19. */
  readonly reason: number;
  readonly method: string;
  readonly data: Buffer | null;
  readonly reasonString: string | null;
}

export type Decoded<Packet> =
  | { readonly ok: true; readonly packet: Packet }
  /** The reason code with which to end the connection. */
  | { readonly ok: false; readonly reason: ReasonCode };

const properties = new PropertyReader();

/** @returns 0, or the reason code for a PINGREQ that is not empty. */
export function decodePingreq(bodyStart: number, bodyEnd: number): number {
  return bodyStart === bodyEnd ? ReasonCode.Success : ReasonCode.MalformedPacket;
}

/** Whether a session may get a later expiry than in CONNECT is left to the caller. */
export function decodeDisconnect(
  bytes: Buffer,
  bodyStart: number,
  bodyEnd: number,
  version: ProtocolVersion,
): Decoded<Disconnect> {
  const cursor = new Cursor(bytes, bodyStart, bodyEnd);
  const reason = version === 5 ? readReason(cursor, PacketType.Disconnect) : ReasonCode.Success;
  if (version !== 5) properties.clear(bodyStart);
  if (!isDisconnectReason(reason)) cursor.fail(ReasonCode.ProtocolError);
  // A server reference is a server's to give.
  if (properties.has(Property.ServerReference)) cursor.fail(ReasonCode.ProtocolError);
  cursor.finish();
  const expirySeconds = properties.number(Property.SessionExpiryInterval, -1);
  return decoded(cursor, {
    reason,
    sessionExpirySeconds: expirySeconds < 0 ? null : expirySeconds,
    reasonString: properties.string(Property.ReasonString),
  });
}

/** MQTT 5 only; in 3.x there is no such packet. */
export function decodeAuth(bytes: Buffer, bodyStart: number, bodyEnd: number): Decoded<Auth> {
  const cursor = new Cursor(bytes, bodyStart, bodyEnd);
  const reason = readReason(cursor, PacketType.Auth);
  cursor.finish();
  // v5 [MQTT-3.15.2-1]: 0x00 is a server's to send.
  if (reason !== ReasonCode.ContinueAuthentication && reason !== ReasonCode.ReAuthenticate) {
    cursor.fail(ReasonCode.ProtocolError);
  }
  const method = properties.string(Property.AuthenticationMethod);
  if (method === null) cursor.fail(ReasonCode.ProtocolError);
  return decoded(cursor, {
    reason,
    method: method ?? '',
    data: properties.binary(Property.AuthenticationData),
    reasonString: properties.string(Property.ReasonString),
  });
}

/** Reason code and properties in their short forms: nothing means 0x00, a code alone means no properties. */
function readReason(cursor: Cursor, place: typeof PacketType.Disconnect | typeof PacketType.Auth): number {
  const reason = cursor.at < cursor.end ? cursor.byte() : ReasonCode.Success;
  if (cursor.at < cursor.end) cursor.properties(properties, place);
  else properties.clear(cursor.at);
  return reason;
}

function decoded<Packet>(cursor: Cursor, packet: Packet): Decoded<Packet> {
  properties.release();
  if (cursor.reason === ReasonCode.Success) return { ok: true, packet };
  return { ok: false, reason: cursor.reason as ReasonCode };
}

/** v5 [MQTT-3.14.2-1]; codes that only a server has use for are let pass. */
function isDisconnectReason(reason: number): boolean {
  if (reason === ReasonCode.Success || reason === ReasonCode.DisconnectWithWill) return true;
  if (reason < ReasonCode.UnspecifiedError || reason > ReasonCode.WildcardSubscriptionsNotSupported)
    return false;
  switch (reason) {
    case ReasonCode.UnsupportedProtocolVersion:
    case ReasonCode.ClientIdentifierNotValid:
    case ReasonCode.BadUserNameOrPassword:
    case ReasonCode.ServerUnavailable:
    case ReasonCode.Banned:
    case ReasonCode.BadAuthenticationMethod:
    case ReasonCode.PacketIdentifierInUse:
    case ReasonCode.PacketIdentifierNotFound:
      return false;
    default:
      return true;
  }
}
