/**
 * The PROXY protocol, versions 1 and 2: what a proxy says about a connection before the client's own bytes. Only reads
 * bytes. Main thread.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { usualAddress } from '../base/access.js';
import { PROXY_HEADER_BYTES_MAX } from '../limits.js';

export interface ProxyHeader {
  /** Length of the header; the client's bytes follow. */
  readonly bytes: number;
  /** Null where the proxy tells none: a check of its own, a client it knows no address of. */
  readonly source: { readonly address: string; readonly port: number } | null;
  /** Common name of the client's certificate, which the proxy has verified; null where there is none. */
  readonly certificateName: string | null;
}

/** Whole line of version 1, its end included. */
const LINE_BYTES_MAX = 107;
const LINE_START = Buffer.from('PROXY ');
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Of version 2: no other protocol begins so. */
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const FIXED_BYTES = 16;
const VERSION_2_LOCAL = 0x20;
const VERSION_2_PROXY = 0x21;
/** Bytes of the addresses by family and transport; others are datagrams or do not exist. */
const NO_ADDRESS = 0x00;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;
const UNIX_STREAM = 0x31;
const ADDRESS_BYTES: Readonly<Record<number, number>> = {
  [NO_ADDRESS]: 0,
  [TCP_OVER_IPV4]: 12,
  [TCP_OVER_IPV6]: 36,
  [UNIX_STREAM]: 216,
};

const FIELD_HEAD_BYTES = 3;
const SSL_FIELD = 0x20;
const SSL_FIXED_BYTES = 5;
const SSL_COMMON_NAME = 0x22;
/** The client has shown a certificate, on this connection or when its session began. */
const SSL_CERTIFICATE_SHOWN = 0x02 | 0x04;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * @param bytes everything received so far
 * @returns the header; `more` where its end has not come; `wrong` where these bytes begin none that is allowed
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | 'more' | 'wrong' {
  if (beginsLike(bytes, LINE_START)) return readLine(bytes);
  return beginsLike(bytes, SIGNATURE) ? readBinary(bytes) : 'wrong';
}

function beginsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

/** Version 1: `PROXY TCP4 SOURCE DESTINATION PORT PORT\r\n`, or `PROXY UNKNOWN` and anything up to the line's end. */
function readLine(bytes: Buffer): ProxyHeader | 'more' | 'wrong' {
  const end = bytes.subarray(0, LINE_BYTES_MAX).indexOf(LINE_FEED);
  if (end < 0) return bytes.length < LINE_BYTES_MAX ? 'more' : 'wrong';
  if (bytes[end - 1] !== CARRIAGE_RETURN) return 'wrong';
  const words = bytes.toString('latin1', LINE_START.length, end - 1).split(' ');
  if (words[0] === 'UNKNOWN') return { bytes: end + 1, source: null, certificateName: null };
  const isAddress = words[0] === 'TCP4' ? isIPv4 : words[0] === 'TCP6' ? isPlainIPv6 : null;
  const [, source = '', destination = '', sourcePort = '', destinationPort = ''] = words;
  const isRight =
    words.length === 5 &&
    isAddress?.(source) === true &&
    isAddress(destination) &&
    isPort(sourcePort) &&
    isPort(destinationPort);
  if (!isRight) return 'wrong';
  return {
    bytes: end + 1,
    source: { address: usualAddress(source), port: Number(sourcePort) },
    certificateName: null,
  };
}

/** Version 2: signature, command, family, length; addresses, and fields of a type, a length and a value. */
function readBinary(bytes: Buffer): ProxyHeader | 'more' | 'wrong' {
  if (bytes.length > 12 && bytes[12] !== VERSION_2_LOCAL && bytes[12] !== VERSION_2_PROXY) return 'wrong';
  if (bytes.length < FIXED_BYTES) return 'more';
  const end = FIXED_BYTES + bytes.readUInt16BE(14);
  if (end > PROXY_HEADER_BYTES_MAX) return 'wrong';
  if (bytes.length < end) return 'more';
  // The proxy speaks for itself: whatever else the header holds is to be skipped.
  if (bytes[12] === VERSION_2_LOCAL) return { bytes: end, source: null, certificateName: null };
  const family = bytes[13]!;
  const addressBytes = ADDRESS_BYTES[family];
  if (addressBytes === undefined || FIXED_BYTES + addressBytes > end) return 'wrong';
  const certificateName = findCertificateName(bytes.subarray(FIXED_BYTES + addressBytes, end));
  if (certificateName === 'wrong') return 'wrong';
  return { bytes: end, source: sourceOf(bytes, family), certificateName: certificateName.name };
}

function sourceOf(bytes: Buffer, family: number): ProxyHeader['source'] {
  if (family === TCP_OVER_IPV4) {
    return { address: bytes.subarray(16, 20).join('.'), port: bytes.readUInt16BE(24) };
  }
  if (family !== TCP_OVER_IPV6) return null;
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(16 + 2 * index).toString(16));
  return { address: usualAddress(groups.join(':')), port: bytes.readUInt16BE(48) };
}

/** Every field is looked at: lengths that do not add up mean that the rest cannot be trusted either. */
function findCertificateName(fields: Buffer): { name: string | null } | 'wrong' {
  let name: string | null = null;
  for (let at = 0; at < fields.length; ) {
    const field = fieldAt(fields, at);
    if (field === null) return 'wrong';
    if (fields[at] === SSL_FIELD) {
      const found = nameInSslField(field);
      if (found === 'wrong') return 'wrong';
      name = found.name;
    }
    at += FIELD_HEAD_BYTES + field.length;
  }
  return { name };
}

/** One byte of flags, four of the verification's result (0 is good), and fields again. */
function nameInSslField(ssl: Buffer): { name: string | null } | 'wrong' {
  if (ssl.length < SSL_FIXED_BYTES) return 'wrong';
  const isVerified = (ssl[0]! & SSL_CERTIFICATE_SHOWN) !== 0 && ssl.readUInt32BE(1) === 0;
  let name: string | null = null;
  for (let at = SSL_FIXED_BYTES; at < ssl.length; ) {
    const field = fieldAt(ssl, at);
    if (field === null) return 'wrong';
    if (ssl[at] === SSL_COMMON_NAME && isVerified && field.length > 0) {
      name = textOf(field);
      if (name === null) return 'wrong';
    }
    at += FIELD_HEAD_BYTES + field.length;
  }
  return { name };
}

/** @returns the value of the field that begins at `at`; null when it does not end within `fields`. */
function fieldAt(fields: Buffer, at: number): Buffer | null {
  if (at + FIELD_HEAD_BYTES > fields.length) return null;
  const start = at + FIELD_HEAD_BYTES;
  const end = start + fields.readUInt16BE(at + 1);
  return end > fields.length ? null : fields.subarray(start, end);
}

/** A name becomes a username, which in MQTT is UTF-8 without a null character ([MQTT-1.5.4-1], [MQTT-1.5.4-2]). */
function textOf(bytes: Buffer): string | null {
  if (bytes.includes(0)) return null;
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

const isPort = (text: string): boolean => /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;

/** A zone means nothing on another machine. */
const isPlainIPv6 = (text: string): boolean => isIPv6(text) && !text.includes('%');
