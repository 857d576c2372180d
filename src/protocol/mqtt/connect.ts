/** What a CONNECT says, with every default filled in. Plain data; any thread. */
import type { ProtocolVersion } from './packet-type.js';
import type { ReasonCode } from './reason-code.js';

export interface Connect {
  readonly version: ProtocolVersion;
  /** Another broker's bridge: it set the highest bit of the protocol level, as Mosquitto does. */
  readonly bridge: boolean;
  /** Clean Start of MQTT 5, Clean Session of 3.x. */
  readonly cleanStart: boolean;
  /** 0: none. */
  readonly keepAliveSeconds: number;
  /** Empty where the broker is to assign one. */
  readonly clientId: string;
  readonly will: Will | null;
  readonly username: string | null;
  readonly password: Buffer | null;
  /** 0xFFFFFFFF: never, which is also what Clean Session 0 of 3.x means; configuration may shorten it. */
  readonly sessionExpirySeconds: number;
  /** QoS 1 and 2 messages the client takes at a time. */
  readonly receiveMaximum: number;
  /** Largest packet the client takes. */
  readonly maximumPacketBytes: number;
  /** 0: the client takes no topic aliases. */
  readonly topicAliasMaximum: number;
  readonly requestResponseInformation: boolean;
  readonly requestProblemInformation: boolean;
  /**
   * In wire form and order, for `decodeUserProperties`: there may be too many to make text of in one turn.
   */
  readonly userProperties: Buffer;
  readonly authenticationMethod: string | null;
  readonly authenticationData: Buffer | null;
}

export interface Will {
  /** A valid topic name, not yet held against the limits of configuration. */
  readonly topic: Buffer;
  readonly payload: Buffer;
  readonly qos: number;
  readonly retain: boolean;
  readonly delaySeconds: number;
  /** -1: never. */
  readonly expirySeconds: number;
  /** MQTT 5 properties that travel with the will, in wire form and order. */
  readonly properties: Buffer;
}

export type ConnectResult =
  | { readonly ok: true; readonly connect: Connect }
  /** `version` is how CONNACK is to be written; null where no CONNACK may be sent. */
  | { readonly ok: false; readonly reason: ReasonCode; readonly version: ProtocolVersion | null };
