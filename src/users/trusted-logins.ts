/**
 * Logins that were right not long ago, by network and user: they are not slowed because others guess from there,
 * through the same proxy perhaps. Whoever is slowed could tell by that which password is right; so only so many wrong
 * ones are compared. Main thread.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.js';
import { networkOf } from '../base/ip-range.js';
import { TokenBucket } from '../base/token-bucket.js';
import {
  API_LOGIN_ADDRESS_PER_SECOND,
  API_LOGIN_TRUST_MISSES,
  API_LOGIN_TRUST_MISSES_KEPT,
  API_LOGIN_TRUST_MS,
  API_LOGIN_TRUSTED_MAX,
} from '../limits.js';

interface Trust {
  readonly username: string;
  readonly fingerprint: string;
  readonly untilMs: number;
  readonly misses: TokenBucket;
  /** The latest wrong ones: who says the same again, as a program with an old password does, learns nothing. */
  readonly missed: Set<string>;
}

export class TrustedLogins {
  readonly #clock: Clock;
  readonly #fingerprintKey = randomBytes(32);
  /** By network and name; the one that was right least lately first. */
  readonly #trusted = new Map<string, Trust>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns what stands for both: nobody who reads the memory finds the password in it */
  fingerprintOf(username: string, password: string): string {
    const text = JSON.stringify([username, password]);
    return createHmac('sha256', this.#fingerprintKey).update(text).digest('base64');
  }

  /** Whether somebody has been right from there, be it long ago. */
  remembers(address: string, username: string): boolean {
    return this.#trusted.has(keyOf(address, username));
  }

  /** To be asked once for each attempt: it counts wrong ones. */
  has(address: string, username: string, fingerprint: string): boolean {
    const trust = this.#trusted.get(keyOf(address, username));
    const nowMs = this.#clock.monotonicMs();
    if (trust === undefined || nowMs >= trust.untilMs) return false;
    if (trust.missed.has(fingerprint)) return false;
    // Once too many were wrong, the right one must not stand out.
    if (!trust.misses.trySpend(1, nowMs)) return false;
    if (trust.fingerprint !== fingerprint) {
      noteMissed(trust.missed, fingerprint);
      return false;
    }
    trust.misses.giveBack(1);
    return true;
  }

  /** It was right just now. */
  add(address: string, username: string, fingerprint: string): void {
    const key = keyOf(address, username);
    const nowMs = this.#clock.monotonicMs();
    const before = this.#trusted.get(key);
    this.#trusted.delete(key);
    this.#trusted.set(key, {
      username,
      fingerprint,
      untilMs: nowMs + API_LOGIN_TRUST_MS,
      misses: before?.misses ?? new TokenBucket(API_LOGIN_ADDRESS_PER_SECOND, API_LOGIN_TRUST_MISSES, nowMs),
      missed: before?.missed ?? new Set(),
    });
    if (this.#trusted.size > API_LOGIN_TRUSTED_MAX) dropFirst(this.#trusted);
  }

  forgetUser(username: string): void {
    for (const [key, trust] of this.#trusted) if (trust.username === username) this.#trusted.delete(key);
  }
}

const keyOf = (address: string, username: string): string => `${networkOf(address)} ${username}`;

function noteMissed(missed: Set<string>, fingerprint: string): void {
  missed.add(fingerprint);
  if (missed.size > API_LOGIN_TRUST_MISSES_KEPT) dropFirst(missed);
}

function dropFirst(all: Map<string, unknown> | Set<string>): void {
  for (const key of all.keys()) {
    all.delete(key);
    return;
  }
}
