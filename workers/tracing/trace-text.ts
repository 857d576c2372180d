/** How payloads and names look in a trace. Runs on the shard's thread. */
import { isUtf8 } from 'node:buffer';
import { TRACE_PAYLOAD_BYTES_MAX, TRACE_TEXT_CHARS_MAX } from '../../src/limits.js';

/** Its beginning as text where that is UTF-8, else in hex; and how long all of it is. */
export function payloadDetail(payload: Uint8Array): Record<string, string | number> {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const start = bytes.subarray(0, wholeCharacters(bytes));
  const text = isUtf8(start)
    ? { payload: start.toString('utf8') }
    : { payload_hex: bytes.toString('hex', 0, TRACE_PAYLOAD_BYTES_MAX) };
  return { payload_bytes: bytes.length, ...text };
}

export function cut(text: string): string {
  return text.length <= TRACE_TEXT_CHARS_MAX ? text : `${text.slice(0, TRACE_TEXT_CHARS_MAX)}...`;
}

/** @returns as many bytes as are shown, without half a character at the end */
function wholeCharacters(bytes: Buffer): number {
  if (bytes.length <= TRACE_PAYLOAD_BYTES_MAX) return bytes.length;
  let end = TRACE_PAYLOAD_BYTES_MAX;
  while (end > TRACE_PAYLOAD_BYTES_MAX - 4 && (bytes[end]! & 0xc0) === 0x80) end--;
  return end;
}
