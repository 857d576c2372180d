/** Frames that a WebSocket server sends: unmasked, and never fragmented (RFC 6455, section 5.2). Pure; any thread. */
import { CloseCode, FIN_BIT, LENGTH_16, LENGTH_64, Opcode } from './frame.js';

/** Room for the header of a frame of up to 65,535 bytes, which leaves the length of a larger one no place. */
export const SMALL_HEADER_BYTES = 4;
/** Largest payload whose header needs no more than that. */
export const SMALL_PAYLOAD_BYTES_MAX = 0xffff;

/**
 * Writes the header of a binary frame of `payloadBytes` (at most SMALL_PAYLOAD_BYTES_MAX) right before `payloadStart`.
 * @returns where the frame begins.
 */
export function writeHeaderBefore(to: Uint8Array, payloadStart: number, payloadBytes: number): number {
  if (payloadBytes < LENGTH_16) {
    to[payloadStart - 2] = FIN_BIT | Opcode.Binary;
    to[payloadStart - 1] = payloadBytes;
    return payloadStart - 2;
  }
  to[payloadStart - 4] = FIN_BIT | Opcode.Binary;
  to[payloadStart - 3] = LENGTH_16;
  to[payloadStart - 2] = payloadBytes >>> 8;
  to[payloadStart - 1] = payloadBytes & 0xff;
  return payloadStart - 4;
}

/** @returns the header of a binary frame of any size. */
export function frameHeader(payloadBytes: number): Uint8Array {
  if (payloadBytes <= SMALL_PAYLOAD_BYTES_MAX) {
    const header = new Uint8Array(SMALL_HEADER_BYTES);
    return header.subarray(writeHeaderBefore(header, SMALL_HEADER_BYTES, payloadBytes));
  }
  const header = new Uint8Array(10);
  header[0] = FIN_BIT | Opcode.Binary;
  header[1] = LENGTH_64;
  new DataView(header.buffer).setBigUint64(2, BigInt(payloadBytes));
  return header;
}

/** The answer to a ping with this payload, of at most CONTROL_PAYLOAD_BYTES_MAX. */
export function pongFrame(payload: Uint8Array): Uint8Array {
  return controlFrame(Opcode.Pong, payload);
}

/** @param code as in CloseCode; CloseCode.None gives a frame without one. */
export function closeFrame(code: number): Uint8Array {
  return controlFrame(Opcode.Close, code === CloseCode.None ? [] : [code >>> 8, code & 0xff]);
}

function controlFrame(opcode: number, payload: ArrayLike<number>): Uint8Array {
  const frame = new Uint8Array(2 + payload.length);
  frame[0] = FIN_BIT | opcode;
  frame[1] = payload.length;
  frame.set(payload, 2);
  return frame;
}
