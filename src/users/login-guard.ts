/**
 * Slows whoever guesses passwords of the API: so many failures at once, then one in a while, for each address, and for
 * each user from all addresses together. Nobody is locked out for good, nor by others: an address that has not failed
 * lately may always try. Main thread.
 */
import type { Clock } from '../base/clock.js';
import { networkOf } from '../base/ip-range.js';
import { TokenBucket } from '../base/token-bucket.js';
import {
  API_LOGIN_ADDRESS_FAILURES,
  API_LOGIN_ADDRESS_PER_SECOND,
  API_LOGIN_ADDRESSES_MAX,
  API_LOGIN_FORGET_MS,
  API_LOGIN_USER_FAILURES,
  API_LOGIN_USER_PER_SECOND,
} from '../limits.js';

interface Attempts {
  readonly failures: TokenBucket;
  lastAtMs: number;
}

export class LoginGuard {
  readonly #clock: Clock;
  /** By network; the one that tried least lately first. */
  readonly #networks = new Map<string, Attempts>();
  /** By name, of users that exist. */
  readonly #users = new Map<string, TokenBucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Counts a login as failed before it is looked at, so that a thousand at once are not all let through; `succeeded` or
   * `undecided` takes that back.
   * @param username null for one that nobody has
   * @returns false: too many have failed
   */
  begin(address: string, username: string | null): boolean {
    const nowMs = this.#clock.monotonicMs();
    const network = networkOf(address);
    const known = this.#networks.get(network);
    const attempts = known ?? newAttempts(nowMs);
    if (!attempts.failures.trySpend(1, nowMs)) return false;
    const hasFailed = known !== undefined && nowMs - known.lastAtMs < API_LOGIN_FORGET_MS;
    const isSpent = username === null || this.#userOf(username, nowMs).trySpend(1, nowMs);
    if (!isSpent && hasFailed) {
      attempts.failures.giveBack(1);
      return false;
    }
    attempts.lastAtMs = nowMs;
    this.#networks.delete(network);
    this.#networks.set(network, attempts);
    if (this.#networks.size > API_LOGIN_ADDRESSES_MAX) this.#forgetOldest();
    return true;
  }

  /** What failed from there before is forgotten. */
  succeeded(address: string, username: string): void {
    this.#networks.delete(networkOf(address));
    this.#users.get(username)?.giveBack(1);
  }

  /** Nobody knows whether it was right. */
  undecided(address: string, username: string | null): void {
    this.#networks.get(networkOf(address))?.failures.giveBack(1);
    if (username !== null) this.#users.get(username)?.giveBack(1);
  }

  forgetUser(username: string): void {
    this.#users.delete(username);
  }

  #userOf(username: string, nowMs: number): TokenBucket {
    let failures = this.#users.get(username);
    if (failures === undefined) {
      failures = new TokenBucket(API_LOGIN_USER_PER_SECOND, API_LOGIN_USER_FAILURES, nowMs);
      this.#users.set(username, failures);
    }
    return failures;
  }

  #forgetOldest(): void {
    for (const network of this.#networks.keys()) {
      this.#networks.delete(network);
      return;
    }
  }
}

function newAttempts(nowMs: number): Attempts {
  const failures = new TokenBucket(API_LOGIN_ADDRESS_PER_SECOND, API_LOGIN_ADDRESS_FAILURES, nowMs);
  return { failures, lastAtMs: nowMs };
}
