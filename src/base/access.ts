/** Who may connect at all, and who is believed, by address. Any thread. */
import { BlockList, isIP, SocketAddress } from 'node:net';

/** One rule about who may connect; the first that fits decides, and none that fits allows. */
export interface AccessRule {
  readonly allow: boolean;
  /** `all`, an IP address, or address/prefix length. */
  readonly range: string;
}

interface CompiledRule {
  readonly allow: boolean;
  /** null: everybody. */
  readonly range: BlockList | null;
}

/** The rules of one listener. The first that matches decides; where none does, the connection is allowed. */
export class AccessRules {
  readonly #rules: readonly CompiledRule[];

  /** @throws Error when a range is none of the three forms */
  constructor(rules: readonly AccessRule[]) {
    const compiled: CompiledRule[] = [];
    for (const { allow, range } of rules) {
      compiled.push({ allow, range: range === 'all' ? null : parseRange(range) });
      if (range === 'all') break;
    }
    // Rules that only say what is said anyway cost nothing per connection.
    this.#rules = compiled.every((rule) => rule.allow) ? [] : compiled;
  }

  /**
   * The rules of a list of trusted networks: everybody when it is empty, otherwise nobody else.
   * @throws Error as the constructor
   */
  static only(ranges: readonly string[]): AccessRules {
    if (ranges.length === 0) return new AccessRules([]);
    return new AccessRules([
      ...ranges.map((range) => ({ allow: true, range })),
      { allow: false, range: 'all' },
    ]);
  }

  /** @param address as `normalAddress` gives it */
  allows(address: string): boolean {
    for (const { allow, range } of this.#rules) {
      if (range?.check(address, address.includes(':') ? 'ipv6' : 'ipv4') !== false) return allow;
    }
    return true;
  }
}

/** @returns an address in the spelling that sockets report; it may be written in any, without a zone. */
export function usualAddress(address: string): string {
  return address.includes(':')
    ? normalAddress(new SocketAddress({ address, family: 'ipv6' }).address)
    : address;
}

/** @returns an IPv4 address that a dual-stack socket reports as `::ffff:1.2.3.4` in its usual form. */
export function normalAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** @returns whether only this machine reaches what listens on this host: an address, or a name */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 0) return host === 'localhost';
  const address = usualAddress(host);
  return address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}

function parseRange(range: string): BlockList {
  const slash = range.indexOf('/');
  const address = normalAddress(slash < 0 ? range : range.slice(0, slash));
  const version = isIP(address);
  const bits = slash < 0 ? (version === 4 ? 32 : 128) : Number(range.slice(slash + 1));
  if (version === 0 || !Number.isInteger(bits) || bits < 0 || bits > (version === 4 ? 32 : 128)) {
    throw new Error(`"${range}" is neither "all" nor an address nor a network such as 10.0.0.0/8`);
  }
  const list = new BlockList();
  list.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6');
  return list;
}
