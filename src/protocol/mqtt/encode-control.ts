/**
 * Encodes the packets a server sends seldom: CONNACK, SUBACK, UNSUBACK, DISCONNECT and AUTH, through
 * `mqtt-packet`. What a client's maximum packet size leaves no room for is left out: first user properties,
 * then the reason string (v5 [MQTT-3.2.2-19], [MQTT-3.2.2-20], [MQTT-3.9.2-1], [MQTT-3.11.2-1],
 * [MQTT-3.14.2-3], [MQTT-3.15.2-2] and their neighbours). Runs in shards.
 */
import { generate, type Packet, type UserProperties, writeToStream } from 'mqtt-packet';
import type { ProtocolVersion } from './packet-type.js';
import type { UserProperty } from './properties.js';
import { connackReturnCode, ReasonCode } from './reason-code.js';

// Else the first packet of each thread waits for 65,536 little buffers to be made.
writeToStream.cacheNumbers = false;

/**
 * What may be left out; null is as good as absent, here and below. The caller honours Request Problem
 * Information (v5 [MQTT-3.1.2-29]).
 */
export interface Explanation {
  readonly reasonString?: string | null;
  readonly userProperties?: readonly UserProperty[] | null;
}

export interface Connack extends Explanation {
  readonly reason: ReasonCode;
  readonly sessionPresent: boolean;
  readonly sessionExpirySeconds?: number | null;
  readonly receiveMaximum?: number | null;
  readonly maximumQos?: 0 | 1 | null;
  readonly retainAvailable?: boolean | null;
  readonly maximumPacketBytes?: number | null;
  readonly assignedClientId?: string | null;
  readonly topicAliasMaximum?: number | null;
  readonly wildcardSubscriptionAvailable?: boolean | null;
  readonly subscriptionIdentifiersAvailable?: boolean | null;
  readonly sharedSubscriptionAvailable?: boolean | null;
  readonly serverKeepAliveSeconds?: number | null;
  readonly responseInformation?: string | null;
  readonly serverReference?: string | null;
  readonly authenticationMethod?: string | null;
  readonly authenticationData?: Buffer | null;
}

export interface Suback extends Explanation {
  readonly packetId: number;
  /** One per filter, in their order. */
  readonly codes: readonly number[];
}

export interface Disconnect extends Explanation {
  readonly reason: number;
  readonly serverReference?: string | null;
}

export interface Auth extends Explanation {
  readonly reason: number;
  readonly method: string;
  readonly data?: Buffer | null;
}

/**
 * @returns null where nothing may be sent: a refusal that 3.x has no return code for (v3 [MQTT-3.2.2-6]), or
 * a packet too large for the client.
 */
export function encodeConnack(
  connack: Connack,
  version: ProtocolVersion,
  packetBytesMax: number,
): Buffer | null {
  const sessionPresent = connack.sessionPresent && connack.reason === ReasonCode.Success;
  if (version !== 5) {
    // In 3.1 this byte is reserved.
    const flags = sessionPresent && version === 4 ? 1 : 0;
    const returnCode = connackReturnCode(connack.reason);
    if (returnCode === 0 && connack.reason !== ReasonCode.Success) return null;
    return Buffer.from([0x20, 2, flags, returnCode]);
  }
  const settings = defined({
    sessionExpiryInterval: connack.sessionExpirySeconds,
    receiveMaximum: connack.receiveMaximum,
    maximumQoS: connack.maximumQos,
    retainAvailable: connack.retainAvailable,
    maximumPacketSize: connack.maximumPacketBytes,
    assignedClientIdentifier: connack.assignedClientId,
    topicAliasMaximum: connack.topicAliasMaximum,
    wildcardSubscriptionAvailable: connack.wildcardSubscriptionAvailable,
    subscriptionIdentifiersAvailable: connack.subscriptionIdentifiersAvailable,
    sharedSubscriptionAvailable: connack.sharedSubscriptionAvailable,
    serverKeepAlive: connack.serverKeepAliveSeconds,
    responseInformation: connack.responseInformation,
    serverReference: connack.serverReference,
    authenticationMethod: connack.authenticationMethod,
    authenticationData: connack.authenticationData,
  });
  return encodeWithin(connack, packetBytesMax, (extra) => ({
    cmd: 'connack',
    reasonCode: connack.reason,
    sessionPresent,
    properties: { ...settings, ...extra },
  }));
}

/**
 * In 3.x every failure becomes 0x80 (v3 [MQTT-3.9.3-2]). @returns null for a packet too large for the client.
 */
export function encodeSuback(
  suback: Suback,
  version: ProtocolVersion,
  packetBytesMax: number,
): Buffer | null {
  const { packetId, codes } = suback;
  const granted = version === 5 ? [...codes] : codes.map((code) => Math.min(code, 0x80));
  const build = (properties: Extra): Packet => ({ cmd: 'suback', messageId: packetId, granted, properties });
  return encodeWithin(suback, packetBytesMax, build, version);
}

/** In 3.x without codes. @returns null for a packet too large for the client. */
export function encodeUnsuback(
  unsuback: Suback,
  version: ProtocolVersion,
  packetBytesMax: number,
): Buffer | null {
  const granted = [...unsuback.codes];
  const build = (properties: Extra): Packet => ({
    cmd: 'unsuback',
    messageId: unsuback.packetId,
    granted,
    properties,
  });
  return encodeWithin(unsuback, packetBytesMax, build, version);
}

/** MQTT 5 only: a 3.x server has no DISCONNECT. @returns null for a packet too large for the client. */
export function encodeDisconnect(disconnect: Disconnect, packetBytesMax: number): Buffer | null {
  const settings = defined({ serverReference: disconnect.serverReference });
  return encodeWithin(disconnect, packetBytesMax, (extra) => ({
    cmd: 'disconnect',
    reasonCode: disconnect.reason,
    properties: { ...settings, ...extra },
  }));
}

/** MQTT 5 only. @returns null for a packet too large for the client. */
export function encodeAuth(auth: Auth, packetBytesMax: number): Buffer | null {
  const settings = defined({ authenticationMethod: auth.method, authenticationData: auth.data });
  return encodeWithin(auth, packetBytesMax, (extra) => ({
    cmd: 'auth',
    reasonCode: auth.reason,
    properties: { ...settings, ...extra },
  }));
}

interface Extra {
  reasonString?: string;
  userProperties?: UserProperties;
}

/** Tries with the whole explanation, then with less of it. */
function encodeWithin(
  explanation: Explanation,
  packetBytesMax: number,
  build: (extra: Extra) => Packet,
  version: ProtocolVersion = 5,
): Buffer | null {
  const options = { protocolVersion: version };
  const { reasonString, userProperties } = explanation;
  const reason: Extra = reasonString == null ? {} : { reasonString };
  if (userProperties != null && userProperties.length > 0) {
    const whole = generate(build({ ...reason, userProperties: grouped(userProperties) }), options);
    if (whole.length <= packetBytesMax) return whole;
  }
  if (reasonString != null) {
    const withReason = generate(build(reason), options);
    if (withReason.length <= packetBytesMax) return withReason;
  }
  const least = generate(build({}), options);
  return least.length <= packetBytesMax ? least : null;
}

/** In the form of `mqtt-packet`: by name, so that the order of different names is not kept. */
function grouped(userProperties: readonly UserProperty[]): UserProperties {
  const groups: Record<string, string[]> = Object.create(null);
  for (const [name, value] of userProperties) {
    const group = groups[name];
    if (group === undefined) groups[name] = [value];
    else group.push(value);
  }
  return groups;
}

type Defined<T> = { [K in keyof T]?: NonNullable<T[K]> };

/** Leaves out what is absent. */
function defined<T extends object>(fields: T): Defined<T> {
  const kept: Defined<T> = {};
  for (const key in fields) {
    if (fields[key] != null) Object.assign(kept, { [key]: fields[key] });
  }
  return kept;
}
