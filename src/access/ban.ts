/** Bans as plain data: who is kept out, why and how long. Any thread. */
import { formatIpRange, parseIpRange } from '../base/ip-range.js';
import { BAN_REASON_BYTES_MAX } from '../limits.js';

/** A string of MQTT has no more. */
const VALUE_BYTES_MAX = 65_535;

export type BanKind = 'clientid' | 'username' | 'address';

export interface Ban {
  readonly kind: BanKind;
  /** A ClientId, a user name, or an address or network such as `10.0.0.0/8`. */
  readonly value: string;
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
  /** Milliseconds since 1970 at which it ends; null: never by itself. */
  readonly untilMs: number | null;
}

/** Names one ban. */
export interface BanName {
  readonly kind: BanKind;
  readonly value: string;
}

/** What has changed since shards were last told. */
export interface BanChange {
  readonly added: readonly Ban[];
  readonly removed: readonly BanName[];
}

/** @returns the ban in its usual form, or what is wrong with it */
export function checkBan(ban: Ban): Ban | string {
  const { kind, value, reason } = ban;
  if (value === '') return 'it names nobody';
  if (Buffer.byteLength(value) > VALUE_BYTES_MAX) return 'no client can have so long a name';
  if (Buffer.byteLength(reason) > BAN_REASON_BYTES_MAX)
    return `its reason is longer than ${BAN_REASON_BYTES_MAX} bytes`;
  if (kind === 'clientid' || kind === 'username') return ban;
  if (kind !== 'address') return 'its kind is none of clientid, username and address';
  const range = parseIpRange(value);
  if (range === null)
    return `${JSON.stringify(value)} is neither an address nor a network such as 10.0.0.0/8`;
  return { ...ban, value: formatIpRange(range) };
}
