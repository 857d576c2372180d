/**
 * Who may use the API, and whether somebody is who he says. Passwords are hashed on the threads of the process for
 * that; guessing is slowed. Main thread.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { User, Users } from '../api/broker-port.js';
import type { Clock } from '../base/clock.js';
import { API_LOGIN_TRUST_MS, USERS_MAX } from '../limits.js';
import { newSalt } from '../passwords/hash.js';
import { type HashFormat, parseHashFormat, type StoredPassword } from '../passwords/hash-format.js';
import { HashBusyError, type HashPool } from '../passwords/hash-pool.js';
import { LoginGuard, networkOf } from './login-guard.js';
import { publicUsersOf, type UserRecord } from './user-file.js';
import {
  isTooLong,
  PUBLIC_PASSWORD,
  problemOfNewPassword,
  problemOfTags,
  problemOfUsername,
} from './user-rules.js';
import type { UserStore } from './user-store.js';

/** Of new passwords: some 0.2 s and 32 MiB each. Those that are there stay as they are. */
export const USER_PASSWORD_FORMAT = 'scrypt,32768,8,3,32';

type Verdict = Awaited<ReturnType<Users['verify']>>;

/** A name and password that were right not long ago. */
interface Trusted {
  readonly fingerprint: string;
  readonly untilMs: number;
}

export class AdminUsers implements Users {
  readonly #store: UserStore;
  readonly #pool: HashPool;
  readonly #clock: Clock;
  readonly #format: HashFormat;
  readonly #guard: LoginGuard;
  /** No password fits; what asks for a user that nobody is takes as long as for one that is. */
  readonly #nobody: StoredPassword;
  readonly #fingerprintKey = randomBytes(32);
  readonly #trusted = new Map<string, Trusted>();
  /** Logins under way: those that say the same share one hash. */
  readonly #underWay = new Map<string, Promise<Verdict>>();

  /** @param formatText of new passwords */
  constructor(store: UserStore, pool: HashPool, clock: Clock, formatText = USER_PASSWORD_FORMAT) {
    this.#store = store;
    this.#pool = pool;
    this.#clock = clock;
    this.#format = parseHashFormat(formatText);
    this.#guard = new LoginGuard(clock);
    this.#nobody = {
      format: this.#format,
      salt: newSalt(this.#format),
      hash: randomBytes(32).toString('hex'),
    };
    store.onChanged((username) => {
      this.#trusted.delete(username);
      if (store.get(username) === undefined) this.#guard.forgetUser(username);
    });
  }

  list(): readonly User[] {
    const users = [...this.#store.users].map(([username, { tags }]) => ({ username, tags }));
    return users.sort((a, b) => (a.username < b.username ? -1 : 1));
  }

  find(username: string): User | null {
    const found = this.#store.get(username);
    return found === undefined ? null : { username, tags: found.tags };
  }

  withPublicPassword(): readonly string[] {
    return publicUsersOf(this.#store.users);
  }

  onChanged(listener: (username: string) => void): void {
    this.#store.onChanged(listener);
  }

  async add(username: string, password: string, tags: string): Promise<'exists' | 'invalid' | 'full' | null> {
    const problem = problemOfUsername(username) ?? problemOfNewPassword(password) ?? problemOfTags(tags);
    if (problem !== null) return 'invalid';
    if (this.#store.get(username) !== undefined) return 'exists';
    if (this.#store.users.size >= USERS_MAX) return 'full';
    const record = await this.#recordOf(password, tags);
    return this.#store.change(username, (users) => {
      if (users.has(username)) return 'exists';
      if (users.size >= USERS_MAX) return 'full';
      users.set(username, record);
      return null;
    });
  }

  async setTags(username: string, tags: string): Promise<'unknown' | 'invalid' | null> {
    if (problemOfTags(tags) !== null) return 'invalid';
    return this.#store.change(username, (users) => {
      const found = users.get(username);
      if (found === undefined) return 'unknown';
      users.set(username, { ...found, tags });
      return null;
    });
  }

  remove(username: string): Promise<'unknown' | 'last' | null> {
    return this.#store.change(username, (users) => {
      if (!users.has(username)) return 'unknown';
      if (users.size === 1) return 'last';
      users.delete(username);
      return null;
    });
  }

  /** As one who may: the old password is not asked for. `tags` are those of a user that is added. */
  async setPassword(username: string, password: string, tags: string): Promise<void> {
    const record = await this.#recordOf(password, tags);
    await this.#store.change(username, (users) => {
      users.set(username, { ...record, tags: users.get(username)?.tags ?? tags });
      return null;
    });
  }

  /** Whether this is the user's password; nobody guesses. Rejects when it cannot be hashed. */
  async has(username: string, password: string): Promise<boolean> {
    const found = this.#store.get(username);
    return found !== undefined && this.#isRight(password, found.password, '');
  }

  async changePassword(
    username: string,
    old: string,
    password: string,
    address: string,
  ): Promise<'unknown' | 'wrong' | 'slow_down' | 'invalid' | null> {
    if (problemOfNewPassword(password) !== null) return 'invalid';
    const before = this.#store.get(username)?.password;
    const verdict = await this.verify(username, old, address);
    if (verdict !== 'ok') return verdict;
    const record = await this.#recordOf(password, '');
    return this.#store.change(username, (users) => {
      const found = users.get(username);
      if (found === undefined) return 'unknown';
      // Somebody was faster: the old one is no longer right.
      if (found.password !== before) return 'wrong';
      users.set(username, { ...record, tags: found.tags });
      return null;
    });
  }

  verify(username: string, password: string, address: string): Promise<Verdict> {
    const found = this.#store.get(username);
    const fingerprint = this.#fingerprintOf(username, password);
    const key = `${networkOf(address)} ${found?.password.hash ?? ''} ${fingerprint}`;
    const running = this.#underWay.get(key);
    if (running !== undefined) return running;
    const verdict = this.#verify(username, password, address, found, fingerprint);
    this.#underWay.set(key, verdict);
    return verdict.finally(() => this.#underWay.delete(key));
  }

  async #verify(
    username: string,
    password: string,
    address: string,
    found: UserRecord | undefined,
    fingerprint: string,
  ): Promise<Verdict> {
    const knownName = found === undefined ? null : username;
    const isGuarded = !this.#isTrusted(username, fingerprint);
    if (isGuarded && !this.#guard.begin(address, knownName)) return 'slow_down';
    try {
      const isRight = await this.#isRight(password, found?.password ?? this.#nobody, networkOf(address));
      if (found === undefined) return 'unknown';
      if (!isRight) return 'wrong';
    } catch (error) {
      if (isGuarded) this.#guard.undecided(address, knownName);
      if (error instanceof HashBusyError) return 'slow_down';
      throw error;
    }
    if (isGuarded) this.#guard.succeeded(address, username);
    // Changed meanwhile: what was right is to be asked for again.
    if (this.#store.get(username)?.password === found.password) this.#trust(username, fingerprint);
    return 'ok';
  }

  /** A password that is too long is hashed as an empty one: it must neither cost more nor say so by costing less. */
  async #isRight(password: string, stored: StoredPassword, from: string): Promise<boolean> {
    const isOut = isTooLong(password);
    const isRight = await this.#pool.verify(Buffer.from(isOut ? '' : password), stored, from);
    return isRight && !isOut && password !== '';
  }

  async #recordOf(password: string, tags: string): Promise<UserRecord> {
    const stored = await this.#pool.create(Buffer.from(password), this.#format);
    return { tags, password: stored, isPublic: password === PUBLIC_PASSWORD };
  }

  #isTrusted(username: string, fingerprint: string): boolean {
    const trusted = this.#trusted.get(username);
    if (trusted === undefined) return false;
    if (this.#clock.monotonicMs() < trusted.untilMs) return trusted.fingerprint === fingerprint;
    this.#trusted.delete(username);
    return false;
  }

  #trust(username: string, fingerprint: string): void {
    this.#trusted.set(username, { fingerprint, untilMs: this.#clock.monotonicMs() + API_LOGIN_TRUST_MS });
  }

  #fingerprintOf(username: string, password: string): string {
    const text = JSON.stringify([username, password]);
    return createHmac('sha256', this.#fingerprintKey).update(text).digest('base64');
  }
}
