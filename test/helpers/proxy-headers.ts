/** Builds PROXY headers, right ones unless told otherwise. */
import { isIPv6 } from 'node:net';

/** @returns a line of version 1 */
export function proxyLine(address: string, port: number): Buffer {
  const family = isIPv6(address) ? 'TCP6' : 'TCP4';
  const here = isIPv6(address) ? '::1' : '127.0.0.1';
  return Buffer.from(`PROXY ${family} ${address} ${here} ${port} 1883\r\n`);
}

export interface BinaryParts {
  readonly command?: number;
  readonly family: number;
  readonly addresses: Uint8Array;
  readonly fields?: Uint8Array;
}

/** @returns a header of version 2 */
export function proxyBinary({
  command = 0x21,
  family,
  addresses,
  fields = new Uint8Array(),
}: BinaryParts): Buffer {
  const length = addresses.length + fields.length;
  return Buffer.concat([
    Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'),
    Buffer.from([command, family, length >> 8, length & 0xff]),
    addresses,
    fields,
  ]);
}

/** @returns the addresses of version 2 of a client at `octets`; the destination is of no interest */
export function ipv4Addresses(octets: readonly number[], port: number): Buffer {
  return Buffer.from([...octets, 127, 0, 0, 1, port >> 8, port & 0xff, 7, 91]);
}

/** @returns a field of version 2 */
export function proxyField(type: number, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 0xff]), value]);
}

/** @returns the field about TLS of a client whose certificate has been shown and verified, or not */
export function sslField(commonName: Uint8Array, flags = 0x03, verify = 0): Buffer {
  const fixed = Buffer.from([flags, 0, 0, 0, verify]);
  const version = proxyField(0x21, Buffer.from('TLSv1.3'));
  return proxyField(0x20, Buffer.concat([fixed, version, proxyField(0x22, commonName)]));
}
