/** How much of a connection's first packet is there: the fixed header and nothing more. Any thread. */

/** More bytes are needed before the packet's length is known. */
export const LENGTH_UNKNOWN = 0;
/** These bytes cannot begin a CONNECT. What to say about it is the connection's business. */
export const NOT_CONNECT = -1;

const CONNECT_TYPE = 1;
const LENGTH_BYTES_MAX = 4;

/** @returns bytes of the whole CONNECT packet whose first `length` bytes are given, or one of the codes above. */
export function connectPacketBytes(bytes: Uint8Array, length: number): number {
  if (length === 0) return LENGTH_UNKNOWN;
  if (bytes[0]! >> 4 !== CONNECT_TYPE) return NOT_CONNECT;
  let remaining = 0;
  for (let at = 1; at <= LENGTH_BYTES_MAX; at++) {
    if (at >= length) return LENGTH_UNKNOWN;
    const byte = bytes[at]!;
    remaining += (byte & 0x7f) * 2 ** (7 * (at - 1));
    if (byte < 0x80) return at + 1 + remaining;
  }
  return NOT_CONNECT;
}
