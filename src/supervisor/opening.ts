/**
 * What main reads of a connection before it hands it over, by type of listener: the CONNECT packet, the ClientHello of
 * TLS or the head of the HTTP request. Only looks at bytes. Main thread.
 */
import type { ListenerType } from '../config/listener-types.js';
import { HTTP_HEAD_BYTES_MAX, TLS_HELLO_BYTES_MAX, TLS_HELLO_RECORDS_MAX } from '../limits.js';
import { connectPacketBytes, LENGTH_UNKNOWN, NOT_CONNECT } from '../protocol/mqtt/connect-frame.js';

/** More bytes are needed. */
export const OPENING_INCOMPLETE = 0;
/** These bytes cannot become a CONNECT that main reads. What to say about it is the shard's business. */
export const NO_CONNECT = -1;

/** Why main ends a connection because of its first bytes. */
export type OpeningError =
  /** They are no TLS, or a ClientHello larger than any client's. */
  | 'tls_error'
  /** They are no HTTP request. */
  | 'bad_http'
  /** An HTTP request that does not come to its end. */
  | 'http_head_too_large';

const HANDSHAKE_RECORD = 0x16;
const CLIENT_HELLO = 1;
/** A byte of type and three of length. */
const HELLO_HEADER_BYTES = 4;
const TLS_MAJOR_VERSION = 3;
const RECORD_HEADER_BYTES = 5;
/** 2^14 bytes of content, and the most that protection may add in any version. */
const RECORD_CONTENT_BYTES_MAX = (1 << 14) + 2_048;

const HEAD_END = Buffer.from('\r\n\r\n');
const LETTER_A = 0x41;
const LETTER_Z = 0x5a;

/**
 * @param bytes everything received so far, without a PROXY header
 * @param newFrom where the bytes begin that were not there at the last call
 * @param connectBytesMax a CONNECT that is larger is not waited for
 * @returns bytes of the whole opening, or one of the codes above, or why the connection ends
 */
export function openingBytes(
  type: ListenerType,
  bytes: Buffer,
  newFrom: number,
  connectBytesMax: number,
): number | OpeningError {
  switch (type) {
    case 'tcp':
    case 'unix':
      return connectBytes(bytes, connectBytesMax);
    case 'ssl':
    case 'wss':
      return clientHelloBytes(bytes);
    default:
      return httpHeadBytes(bytes, newFrom);
  }
}

function connectBytes(bytes: Buffer, connectBytesMax: number): number {
  const packetBytes = connectPacketBytes(bytes, bytes.length);
  if (packetBytes === LENGTH_UNKNOWN) return OPENING_INCOMPLETE;
  if (packetBytes === NOT_CONNECT || packetBytes > connectBytesMax) return NO_CONNECT;
  return packetBytes <= bytes.length ? packetBytes : OPENING_INCOMPLETE;
}

/**
 * It may lie in several records, and with its last byte the shard computes at once, whoever's turn it is: it is handed
 * over whole, so that many who have sent all but that byte cannot hold up a shard together.
 */
function clientHelloBytes(bytes: Buffer): number | OpeningError {
  let missingBytes = 0;
  let end = 0;
  for (let records = 0; records < TLS_HELLO_RECORDS_MAX; records++) {
    const start = end + RECORD_HEADER_BYTES;
    end = recordEnd(bytes, end);
    if (end < 0) return 'tls_error';
    if (end === OPENING_INCOMPLETE) return OPENING_INCOMPLETE;
    if (records === 0) missingBytes = helloBytes(bytes.subarray(start, end));
    if (missingBytes < 0) return 'tls_error';
    missingBytes -= end - start;
    if (missingBytes <= 0) return end;
  }
  return 'tls_error';
}

/** @returns length of the ClientHello that begins with these bytes, -1 when none does that a client would send */
function helloBytes(content: Buffer): number {
  if (content.length < HELLO_HEADER_BYTES || content[0] !== CLIENT_HELLO) return -1;
  const length = HELLO_HEADER_BYTES + content.readUIntBE(1, 3);
  return length <= TLS_HELLO_BYTES_MAX ? length : -1;
}

/** @returns the end of the record that begins at `start`, OPENING_INCOMPLETE, or -1: none of a handshake does */
function recordEnd(bytes: Buffer, start: number): number {
  if (bytes.length > start && bytes[start] !== HANDSHAKE_RECORD) return -1;
  if (bytes.length > start + 1 && bytes[start + 1] !== TLS_MAJOR_VERSION) return -1;
  if (bytes.length < start + RECORD_HEADER_BYTES) return OPENING_INCOMPLETE;
  const contentBytes = bytes.readUInt16BE(start + 3);
  if (contentBytes === 0 || contentBytes > RECORD_CONTENT_BYTES_MAX) return -1;
  const end = start + RECORD_HEADER_BYTES + contentBytes;
  return end <= bytes.length ? end : OPENING_INCOMPLETE;
}

function httpHeadBytes(bytes: Buffer, newFrom: number): number | OpeningError {
  if (bytes.length === 0) return OPENING_INCOMPLETE;
  if (bytes[0]! < LETTER_A || bytes[0]! > LETTER_Z) return 'bad_http';
  // Only what is new is searched, so that a head sent byte by byte costs no more than another.
  const found = bytes.indexOf(HEAD_END, Math.max(0, newFrom - HEAD_END.length + 1));
  const end = found < 0 ? bytes.length : found + HEAD_END.length;
  if (end > HTTP_HEAD_BYTES_MAX) return 'http_head_too_large';
  return found < 0 ? OPENING_INCOMPLETE : end;
}
