/** What a connection asks of whoever handles its packets, and what it may be told. Runs on the shard's thread. */
import type { FrameHeader } from '../../src/protocol/mqtt/frame.js';
import type { Connection } from './connection.js';

/** What a packet's handler says. Any value above 0 is the reason code with which the connection ends. */
export const HANDLED = 0;
/** The packet cannot be handled now and was not: the same bytes are handed over again after `unstall`. */
export const STALLED = -1;
/** The packet was handled, and nothing behind it may be read until `unstall`. */
export const HANDLED_STALL = -2;

/** Handles whole packets for all connections of a shard. */
export interface PacketHandler {
  handlePacket(connection: Connection, frame: FrameHeader, bytes: Buffer): number;
  handleEnd(connection: Connection): void;
}
