/**
 * What main reads of a connection before it hands it over, by type of listener: the CONNECT packet, the first TLS
 * record or the head of the HTTP request. Only looks at bytes. Main thread.
 */
import type { ListenerType } from '../config/listener-types.js';
import { HTTP_HEAD_BYTES_MAX } from '../limits.js';
import { connectPacketBytes, LENGTH_UNKNOWN, NOT_CONNECT } from '../protocol/mqtt/connect-frame.js';

/** More bytes are needed. */
export const OPENING_INCOMPLETE = 0;
/** These bytes cannot become a CONNECT that main reads. What to say about it is the shard's business. */
export const NO_CONNECT = -1;

/** Why main ends a connection because of its first bytes. */
export type OpeningError =
  /** They are no TLS. */
  | 'tls_error'
  /** They are no HTTP request. */
  | 'bad_http'
  /** An HTTP request that does not come to its end. */
  | 'http_head_too_large';

const HANDSHAKE_RECORD = 0x16;
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
      return tlsRecordBytes(bytes);
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

/** A ClientHello may go on in further records: the first is enough to know who speaks here. */
function tlsRecordBytes(bytes: Buffer): number | OpeningError {
  if (bytes.length > 0 && bytes[0] !== HANDSHAKE_RECORD) return 'tls_error';
  if (bytes.length > 1 && bytes[1] !== TLS_MAJOR_VERSION) return 'tls_error';
  if (bytes.length < RECORD_HEADER_BYTES) return OPENING_INCOMPLETE;
  const contentBytes = bytes.readUInt16BE(3);
  if (contentBytes === 0 || contentBytes > RECORD_CONTENT_BYTES_MAX) return 'tls_error';
  const end = RECORD_HEADER_BYTES + contentBytes;
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
