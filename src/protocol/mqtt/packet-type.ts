/** The control packet types of MQTT, as they stand in the upper half of a packet's first byte. Any thread. */

export const PacketType = {
  Connect: 1,
  Connack: 2,
  Publish: 3,
  Puback: 4,
  Pubrec: 5,
  Pubrel: 6,
  Pubcomp: 7,
  Subscribe: 8,
  Suback: 9,
  Unsubscribe: 10,
  Unsuback: 11,
  Pingreq: 12,
  Pingresp: 13,
  Disconnect: 14,
  Auth: 15,
} as const;

export type PacketType = (typeof PacketType)[keyof typeof PacketType];

/** PUBACK, PUBREC, PUBREL or PUBCOMP. */
export type AckType =
  | typeof PacketType.Puback
  | typeof PacketType.Pubrec
  | typeof PacketType.Pubrel
  | typeof PacketType.Pubcomp;

/** 3 is MQTT 3.1, 4 is MQTT 3.1.1, 5 is MQTT 5: the protocol level of CONNECT. */
export type ProtocolVersion = 3 | 4 | 5;
