/** What WebSocket frames are made of (RFC 6455, sections 5.2 and 7.4). Pure; any thread. */

export const Opcode = {
  Continuation: 0x0,
  Text: 0x1,
  Binary: 0x2,
  Close: 0x8,
  Ping: 0x9,
  Pong: 0xa,
} as const;

export const FIN_BIT = 0x80;
export const RSV_BITS = 0x70;
export const OPCODE_BITS = 0x0f;
/** Set in the opcodes of control frames. */
export const CONTROL_BIT = 0x08;
export const MASK_BIT = 0x80;
/** The second byte's length, or one of the two marks for a length that follows in 2 or 8 bytes. */
export const LENGTH_BITS = 0x7f;
export const LENGTH_16 = 126;
export const LENGTH_64 = 127;

/** Largest payload of a control frame, in bytes. */
export const CONTROL_PAYLOAD_BYTES_MAX = 125;
/** Two bytes, a length of 8 and a mask. */
export const FRAME_HEADER_BYTES_MAX = 14;

export const CloseCode = {
  Normal: 1000,
  ProtocolError: 1002,
  Unsupported: 1003,
  /** Stands for a close frame without a code; never sent. */
  None: 1005,
  InvalidText: 1007,
  TooLarge: 1009,
} as const;

/** @returns whether an endpoint may send `code`: registered ones, and those for libraries and applications. */
export function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}
