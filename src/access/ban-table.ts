/** Finds the ban of a client in constant time, networks included. On main and in every shard. */
import { firstBits, type IpAddress, parseIpAddress, parseIpRange } from '../base/ip-range.js';
import type { Ban, BanKind, BanName } from './ban.js';

/** Whoever wants to connect. */
export interface BanSubject {
  readonly clientId: string;
  readonly username: string | null;
  readonly peerAddress: string;
}

/** Networks of one size. */
interface Size {
  readonly words: number;
  readonly bits: number;
  count: number;
}

export class BanTable {
  readonly #byKind: Readonly<Record<BanKind, Map<string, Ban>>> = {
    clientid: new Map(),
    username: new Map(),
    // By the bits that count.
    address: new Map(),
  };
  /** Of the networks in the table. Few, so that all are tried. */
  readonly #sizes: Size[] = [];

  get size(): number {
    const { clientid, username, address } = this.#byKind;
    return clientid.size + username.size + address.size;
  }

  /** Kind by kind, in the order in which they were added. */
  *all(): Generator<Ban> {
    for (const bans of Object.values(this.#byKind)) yield* bans.values();
  }

  /** @returns the ban of that name, in force or not */
  get({ kind, value }: BanName): Ban | null {
    return this.#byKind[kind].get(keyOf(kind, value)) ?? null;
  }

  /** Takes the place of a ban of the same name. To be checked before (`checkBan`). */
  add(ban: Ban): void {
    this.remove(ban);
    this.#byKind[ban.kind].set(keyOf(ban.kind, ban.value), ban);
    if (ban.kind === 'address') this.#count(ban, 1);
  }

  /** @returns the ban that was there; null when there was none */
  remove(name: BanName): Ban | null {
    const ban = this.get(name);
    if (ban === null) return null;
    this.#byKind[ban.kind].delete(keyOf(ban.kind, ban.value));
    if (ban.kind === 'address') this.#count(ban, -1);
    return ban;
  }

  /** @returns a ban that keeps this client out now */
  find({ clientId, username, peerAddress }: BanSubject, wallMs: number): Ban | null {
    const { clientid: byClientId, username: byUsername } = this.#byKind;
    return (
      inForce(byClientId.size === 0 ? undefined : byClientId.get(clientId), wallMs) ??
      inForce(username === null || byUsername.size === 0 ? undefined : byUsername.get(username), wallMs) ??
      this.findAddress(peerAddress, wallMs)
    );
  }

  /** @returns a ban of this address, or of a network it belongs to, that is in force */
  findAddress(peerAddress: string, wallMs: number): Ban | null {
    if (this.#sizes.length === 0) return null;
    const address = parseIpAddress(peerAddress);
    if (address === null) return null;
    for (const { words, bits } of this.#sizes) {
      if (words !== address.length) continue;
      const ban = inForce(this.#byKind.address.get(rangeKey(firstBits(address, bits), bits)), wallMs);
      if (ban !== null) return ban;
    }
    return null;
  }

  #count({ value }: Ban, change: 1 | -1): void {
    const range = parseIpRange(value);
    if (range === null) return;
    const { words, bits } = range;
    const at = this.#sizes.findIndex((size) => size.words === words.length && size.bits === bits);
    if (at < 0) {
      this.#sizes.push({ words: words.length, bits, count: 1 });
      return;
    }
    const size = this.#sizes[at]!;
    size.count += change;
    if (size.count === 0) this.#sizes.splice(at, 1);
  }
}

function inForce(ban: Ban | undefined, wallMs: number): Ban | null {
  return ban !== undefined && (ban.untilMs === null || ban.untilMs > wallMs) ? ban : null;
}

/** The same for all spellings of an address. */
function keyOf(kind: BanKind, value: string): string {
  const range = kind === 'address' ? parseIpRange(value) : null;
  return range === null ? value : rangeKey(range.words, range.bits);
}

function rangeKey(words: IpAddress, bits: number): string {
  return `${words.join('.')}/${bits}`;
}
