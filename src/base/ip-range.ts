/** IP addresses and networks as numbers: whether one contains another is a matter of a few comparisons. Any thread. */
import { isIP } from 'node:net';
import { usualAddress } from './access.js';

/** Words of 16 bits: 2 of an IPv4 address, 8 of an IPv6 address. */
export type IpAddress = readonly number[];

export interface IpRange {
  /** Bits behind the first `bits` are 0. */
  readonly words: IpAddress;
  readonly bits: number;
}

const WORD_BITS = 16;
const IPV4_WORDS = 2;
const IPV6_WORDS = 8;
const IPV6_NETWORK_WORDS = 4;

/** @returns null for what is no address, such as `unix`; `::ffff:1.2.3.4` is the IPv4 address, a zone is left out */
export function parseIpAddress(text: string): IpAddress | null {
  const zoneAt = text.indexOf('%');
  const bare = zoneAt < 0 ? text : text.slice(0, zoneAt);
  const version = isIP(bare);
  if (version === 0) return null;
  const address = version === 6 ? usualAddress(bare) : bare;
  return address.includes(':') ? ipv6Words(address) : ipv4Words(address);
}

/** Reads an address, or an address and the length of its network: `10.1.2.3/8` is all of `10.0.0.0/8`. */
export function parseIpRange(text: string): IpRange | null {
  const slash = text.indexOf('/');
  const words = parseIpAddress(slash < 0 ? text : text.slice(0, slash));
  if (words === null || text.includes('%')) return null;
  const bitsMax = words.length * WORD_BITS;
  const bitsText = slash < 0 ? String(bitsMax) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(bitsText) || Number(bitsText) > bitsMax) return null;
  const bits = Number(bitsText);
  return { words: firstBits(words, bits), bits };
}

/** @returns the same for all addresses that one may have who has this one: in IPv6 those of its /64 */
export function networkOf(address: string): string {
  const words = parseIpAddress(address);
  return words === null ? address : words.slice(0, IPV6_NETWORK_WORDS).join('.');
}

/** @returns the address with all bits but the first `bits` set to 0 */
export function firstBits(words: IpAddress, bits: number): IpAddress {
  return words.map((word, at) => word & maskOf(bits - at * WORD_BITS));
}

export function rangeContains({ words, bits }: IpRange, address: IpAddress): boolean {
  if (words.length !== address.length) return false;
  for (let at = 0, left = bits; left > 0; at++, left -= WORD_BITS) {
    if (words[at] !== (address[at]! & maskOf(left))) return false;
  }
  return true;
}

/** @returns the one spelling of a range; an address alone has no length behind it */
export function formatIpRange({ words, bits }: IpRange): string {
  const isIpv4 = words.length === IPV4_WORDS;
  const address = isIpv4
    ? words.map((word) => `${word >> 8}.${word & 0xff}`).join('.')
    : usualAddress(words.map((word) => word.toString(16)).join(':'));
  return bits === words.length * WORD_BITS ? address : `${address}/${bits}`;
}

/** Of a word of which so many leading bits count, or more than it has, or none. */
function maskOf(bits: number): number {
  if (bits >= WORD_BITS) return 0xffff;
  return bits <= 0 ? 0 : (0xffff << (WORD_BITS - bits)) & 0xffff;
}

function ipv4Words(address: string): IpAddress {
  const [a, b, c, d] = address.split('.').map(Number);
  return [(a! << 8) | b!, (c! << 8) | d!];
}

/** In the spelling of `usualAddress`: at most one `::`, and perhaps an IPv4 address at the end. */
function ipv6Words(address: string): IpAddress {
  const [head = '', tail] = address.split('::');
  const before = wordsOf(head);
  if (tail === undefined) return before;
  const after = wordsOf(tail);
  return [...before, ...Array<number>(IPV6_WORDS - before.length - after.length).fill(0), ...after];
}

function wordsOf(part: string): number[] {
  if (part === '') return [];
  return part
    .split(':')
    .flatMap((word) => (word.includes('.') ? ipv4Words(word) : [Number.parseInt(word, 16)]));
}
