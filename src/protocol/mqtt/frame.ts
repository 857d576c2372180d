/**
 * Finds where a packet begins and ends in a chunk, and refuses impossible first bytes and lengths. Any
 * thread.
 */
import { PacketType } from './packet-type.js';
import { readVarint, varintBytes } from './varint.js';

/** What `readFrame` says. */
export const FRAME_OK = 0;
/** The packet is not whole yet. */
export const FRAME_NEED_MORE = 1;
/** 0x81. */
export const FRAME_MALFORMED = 2;
/** 0x95: the announced length passes the limit, whether or not the bytes are there. */
export const FRAME_TOO_LARGE = 3;

/** Where the packet lies; one is used again and again. Offsets into the chunk. */
export class FrameHeader {
  /** Type in the high four bits, flags in the low four. */
  firstByte = 0;
  bodyStart = 0;
  /**
   * Also known, and then behind the end of the chunk, with FRAME_NEED_MORE once the length is there; else 0.
   */
  bodyEnd = 0;
}

// 1 where type and flags may stand together: no reserved type 0, PUBLISH without QoS 3 [MQTT-3.3.1-4], 0010
// in PUBREL, SUBSCRIBE and UNSUBSCRIBE, 0000 in all others (v5 [MQTT-2.1.3-1], v3 [MQTT-2.2.2-2]).
const FIRST_BYTES = firstBytes();

/**
 * Reads the fixed header at `at`. `packetBytesMax` counts the whole packet, header included. Flags are
 * checked here and nowhere else; DUP with QoS 0 depends on the version and is left to `decodePublish`.
 * @returns one of the FRAME_ codes; `frame` is filled with FRAME_OK.
 */
export function readFrame(
  bytes: Uint8Array,
  at: number,
  end: number,
  packetBytesMax: number,
  frame: FrameHeader,
): number {
  frame.bodyEnd = 0;
  if (at >= end) return FRAME_NEED_MORE;
  const firstByte = bytes[at]!;
  if (FIRST_BYTES[firstByte] === 0) return FRAME_MALFORMED;
  const length = readVarint(bytes, at + 1, end);
  if (length < 0) return length === -1 ? FRAME_NEED_MORE : FRAME_MALFORMED;
  frame.firstByte = firstByte;
  frame.bodyStart = at + 1 + varintBytes(length);
  frame.bodyEnd = frame.bodyStart + length;
  if (frame.bodyEnd - at > packetBytesMax) return FRAME_TOO_LARGE;
  return frame.bodyEnd > end ? FRAME_NEED_MORE : FRAME_OK;
}

function firstBytes(): Uint8Array {
  const table = new Uint8Array(256);
  for (let byte = 0x10; byte < 0x100; byte++) {
    const type = byte >> 4;
    const flags = byte & 0x0f;
    if (type === PacketType.Publish) table[byte] = (flags & 0x06) === 0x06 ? 0 : 1;
    else table[byte] = flags === requiredFlags(type) ? 1 : 0;
  }
  return table;
}

function requiredFlags(type: number): number {
  const isTwo =
    type === PacketType.Pubrel || type === PacketType.Subscribe || type === PacketType.Unsubscribe;
  return isTwo ? 2 : 0;
}
