/**
 * Who may use the API, and whether somebody is who he says. Passwords are hashed on the threads of the process for
 * that; guessing is slowed. Main thread.
 */
import { randomBytes } from 'node:crypto';
import type { User, Users } from '../api/broker-port.js';
import type { Clock } from '../base/clock.js';
import { networkOf } from '../base/ip-range.js';
import { USERS_MAX } from '../limits.js';
import { newSalt } from '../passwords/hash.js';
import { type HashFormat, parseHashFormat, type StoredPassword } from '../passwords/hash-format.js';
import { HashBusyError, type HashPool } from '../passwords/hash-pool.js';
import { LoginGuard } from './login-guard.js';
import { TrustedLogins } from './trusted-logins.js';
import { publicUsersOf, type UserRecord } from './user-document.js';
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

interface Attempt {
  readonly username: string;
  readonly password: string;
  readonly address: string;
  readonly fingerprint: string;
  /** It was right not long ago. */
  readonly isTrusted: boolean;
}

export class AdminUsers implements Users {
  readonly #store: UserStore;
  readonly #pool: HashPool;
  readonly #format: HashFormat;
  readonly #guard: LoginGuard;
  /** No password fits; what asks for a user that nobody is takes as long as for one that is. */
  readonly #nobody: StoredPassword;
  readonly #trusted: TrustedLogins;
  /** Logins under way: those that say the same share one hash. */
  readonly #underWay = new Map<string, Promise<Verdict>>();

  /** @param formatText of new passwords */
  constructor(store: UserStore, pool: HashPool, clock: Clock, formatText = USER_PASSWORD_FORMAT) {
    this.#store = store;
    this.#pool = pool;
    this.#format = parseHashFormat(formatText);
    this.#guard = new LoginGuard(clock);
    this.#trusted = new TrustedLogins(clock);
    this.#nobody = {
      format: this.#format,
      salt: newSalt(this.#format),
      hash: randomBytes(32).toString('hex'),
    };
    store.onChanged((username) => {
      this.#trusted.forgetUser(username);
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
    const fingerprint = this.#trusted.fingerprintOf(username, password);
    const isTrusted = this.#trusted.has(address, username, fingerprint);
    const key = `${networkOf(address)} ${found?.password.hash ?? ''} ${fingerprint}`;
    const running = this.#underWay.get(key);
    // Who is slowed must not learn what is right from those who say it at the same time.
    const mayShare = isTrusted || !this.#trusted.remembers(address, username);
    if (running !== undefined && mayShare) return running;
    const verdict = this.#verify({ username, password, address, fingerprint, isTrusted }, found);
    this.#underWay.set(key, verdict);
    return verdict.finally(() => this.#underWay.delete(key));
  }

  async #verify(attempt: Attempt, found: UserRecord | undefined): Promise<Verdict> {
    const { username, password, address, fingerprint, isTrusted } = attempt;
    const knownName = found === undefined ? null : username;
    const isGuarded = !isTrusted;
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
    if (this.#store.get(username)?.password === found.password)
      this.#trusted.add(address, username, fingerprint);
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
}
