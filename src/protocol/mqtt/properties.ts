/** The 27 properties of MQTT 5: how each is written, where it may stand and what it may say. Any thread. */
import { PacketType } from './packet-type.js';

/** How a property's value lies in the packet; `pair` is two strings. */
export type PropertyType = 'byte' | 'uint16' | 'uint32' | 'varint' | 'string' | 'binary' | 'pair';

/** A packet type, or `WILL` for the will's properties inside CONNECT. */
export type PropertyPlace = PacketType | typeof WILL;

/** No packet has type 0. */
export const WILL = 0;

export interface PropertyRow {
  readonly id: number;
  readonly name: string;
  readonly type: PropertyType;
  /** Where it may stand. */
  readonly places: readonly PropertyPlace[];
  /** Bounds of a number; another value is a Protocol Error. */
  readonly least?: number;
  readonly most?: number;
}

const { Connect, Connack, Publish, Puback, Pubrec, Pubrel, Pubcomp } = PacketType;
const { Subscribe, Suback, Unsubscribe, Unsuback, Disconnect, Auth } = PacketType;

const acknowledgements: readonly PropertyPlace[] = [
  Connack,
  Puback,
  Pubrec,
  Pubrel,
  Pubcomp,
  Suback,
  Unsuback,
  Disconnect,
  Auth,
];
const everywhere: readonly PropertyPlace[] = [
  ...acknowledgements,
  Connect,
  WILL,
  Publish,
  Subscribe,
  Unsubscribe,
];
const message: readonly PropertyPlace[] = [Publish, WILL];

/**
 * All of them, by rising identifier (section 2.2.2.2). Each may stand once; the exceptions are the user
 * property everywhere, and the subscription identifier in a PUBLISH from a server.
 */
export const PROPERTIES: readonly PropertyRow[] = [
  { id: 0x01, name: 'payloadFormatIndicator', type: 'byte', places: message, most: 1 },
  { id: 0x02, name: 'messageExpiryInterval', type: 'uint32', places: message },
  { id: 0x03, name: 'contentType', type: 'string', places: message },
  { id: 0x08, name: 'responseTopic', type: 'string', places: message },
  { id: 0x09, name: 'correlationData', type: 'binary', places: message },
  { id: 0x0b, name: 'subscriptionIdentifier', type: 'varint', places: [Publish, Subscribe], least: 1 },
  { id: 0x11, name: 'sessionExpiryInterval', type: 'uint32', places: [Connect, Connack, Disconnect] },
  { id: 0x12, name: 'assignedClientIdentifier', type: 'string', places: [Connack] },
  { id: 0x13, name: 'serverKeepAlive', type: 'uint16', places: [Connack] },
  { id: 0x15, name: 'authenticationMethod', type: 'string', places: [Connect, Connack, Auth] },
  { id: 0x16, name: 'authenticationData', type: 'binary', places: [Connect, Connack, Auth] },
  { id: 0x17, name: 'requestProblemInformation', type: 'byte', places: [Connect], most: 1 },
  { id: 0x18, name: 'willDelayInterval', type: 'uint32', places: [WILL] },
  { id: 0x19, name: 'requestResponseInformation', type: 'byte', places: [Connect], most: 1 },
  { id: 0x1a, name: 'responseInformation', type: 'string', places: [Connack] },
  { id: 0x1c, name: 'serverReference', type: 'string', places: [Connack, Disconnect] },
  { id: 0x1f, name: 'reasonString', type: 'string', places: acknowledgements },
  { id: 0x21, name: 'receiveMaximum', type: 'uint16', places: [Connect, Connack], least: 1 },
  { id: 0x22, name: 'topicAliasMaximum', type: 'uint16', places: [Connect, Connack] },
  { id: 0x23, name: 'topicAlias', type: 'uint16', places: [Publish], least: 1 },
  { id: 0x24, name: 'maximumQoS', type: 'byte', places: [Connack], most: 1 },
  { id: 0x25, name: 'retainAvailable', type: 'byte', places: [Connack], most: 1 },
  { id: 0x26, name: 'userProperties', type: 'pair', places: everywhere },
  { id: 0x27, name: 'maximumPacketSize', type: 'uint32', places: [Connect, Connack], least: 1 },
  { id: 0x28, name: 'wildcardSubscriptionAvailable', type: 'byte', places: [Connack], most: 1 },
  { id: 0x29, name: 'subscriptionIdentifiersAvailable', type: 'byte', places: [Connack], most: 1 },
  { id: 0x2a, name: 'sharedSubscriptionAvailable', type: 'byte', places: [Connack], most: 1 },
];

/** Identifiers that code speaks of. */
export const Property = {
  PayloadFormatIndicator: 0x01,
  MessageExpiryInterval: 0x02,
  ContentType: 0x03,
  ResponseTopic: 0x08,
  CorrelationData: 0x09,
  SubscriptionIdentifier: 0x0b,
  SessionExpiryInterval: 0x11,
  AuthenticationMethod: 0x15,
  AuthenticationData: 0x16,
  RequestProblemInformation: 0x17,
  WillDelayInterval: 0x18,
  RequestResponseInformation: 0x19,
  ServerReference: 0x1c,
  ReasonString: 0x1f,
  ReceiveMaximum: 0x21,
  TopicAliasMaximum: 0x22,
  UserProperty: 0x26,
  MaximumPacketSize: 0x27,
} as const;

/** Identifiers are below this. */
export const PROPERTY_ID_END = 0x2b;

/** Name and value, in the order in which they stand; a name may come again. */
export type UserProperty = readonly [name: string, value: string];
