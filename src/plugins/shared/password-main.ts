/** The part of a password plugin on main: it answers the shards, and changes passwords while it runs. Main thread. */
import { type Clock, SystemClock } from '../../base/clock.js';
import { LOGIN_LOG_INTERVAL_MS, LOGIN_NAME_BYTES_MAX, PASSWORDS_MAX } from '../../limits.js';
import { problemOfPassword } from '../../passwords/hash.js';
import type { HashFormat } from '../../passwords/hash-format.js';
import { HashBusyError, type HashPool } from '../../passwords/hash-pool.js';
import type { MainContext, MainPart } from '../api.js';
import { passwordCommands } from './password-commands.js';
import type { PasswordAnswer, PasswordQuestion, PasswordVerdict } from './password-messages.js';
import type { PasswordTable } from './password-table.js';

/** What the command line and the API do with the names of a running password plugin. */
export interface PasswordAdmin {
  /** In the order in which they were added. */
  list(): string[];
  /**
   * Resolves when the change is on disk and in force.
   * @throws Error that says what is wrong with name or password, or why nothing was changed
   */
  add(name: string, password: string): Promise<'ok' | 'existed'>;
  /** As `add`, for a name that is there. */
  update(name: string, password: string): Promise<'ok' | 'not_found'>;
  /** Clients that are connected stay. */
  remove(name: string): Promise<'ok' | 'not_found'>;
}

/** @returns why nobody can have this name and password; null if somebody can */
export function problemOfLogin(name: string, password: Uint8Array, format: HashFormat): string | null {
  if (name === '') return 'the name is empty';
  if (Buffer.from(name).toString() !== name) return 'the name is not valid Unicode';
  if (Buffer.byteLength(name) > LOGIN_NAME_BYTES_MAX) return 'the name is too long';
  const problem = problemOfPassword(password, format);
  return problem === null ? null : `the password is of no use: ${problem}`;
}

export class PasswordMainPart implements MainPart, PasswordAdmin {
  readonly commands = passwordCommands(this);
  readonly #log: MainContext['log'];
  readonly #tellShard: MainContext['tellShard'];
  #isStopped = false;
  #refused = 0;
  #loggedAtMs = Number.NEGATIVE_INFINITY;

  /** @param format of new passwords */
  constructor(
    private readonly table: PasswordTable,
    private readonly format: HashFormat,
    private readonly pool: HashPool,
    context: MainContext,
    private readonly clock: Clock = new SystemClock(),
  ) {
    this.#log = context.log;
    this.#tellShard = (shard, data) => context.tellShard(shard, data);
  }

  onMessage(data: unknown, shard: number): void {
    void this.#answer(data as PasswordQuestion, shard);
  }

  /** Changes under way come to their end. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.table.idle();
  }

  list(): string[] {
    return this.table.names();
  }

  async add(name: string, password: string): Promise<'ok' | 'existed'> {
    if (this.table.willHave(name)) return 'existed';
    if (this.table.size >= PASSWORDS_MAX) throw new Error(`there are ${PASSWORDS_MAX} names already`);
    return (await this.#set(name, password, false)) ? 'ok' : 'existed';
  }

  async update(name: string, password: string): Promise<'ok' | 'not_found'> {
    if (!this.table.willHave(name)) return 'not_found';
    return (await this.#set(name, password, true)) ? 'ok' : 'not_found';
  }

  async remove(name: string): Promise<'ok' | 'not_found'> {
    this.#assertRunning();
    if (!this.table.willHave(name)) return 'not_found';
    await this.table.change(name, null);
    return 'ok';
  }

  /** @returns false when meanwhile somebody else has added or removed the name */
  async #set(name: string, password: string, isThere: boolean): Promise<boolean> {
    const bytes = Buffer.from(password);
    const problem = problemOfLogin(name, bytes, this.format);
    if (problem !== null) throw new Error(problem);
    const stored = await this.pool.create(bytes, this.format);
    this.#assertRunning();
    if (this.table.willHave(name) !== isThere) return false;
    await this.table.change(name, stored);
    return true;
  }

  /** The next start reads what is kept: nothing may change it any more. */
  #assertRunning(): void {
    if (this.#isStopped) throw new Error('the plugin has stopped');
  }

  async #answer({ id, name, password, from }: PasswordQuestion, shard: number): Promise<void> {
    const verdict = await this.#verdict(name, password, from);
    if (this.#isStopped) return;
    const answer: PasswordAnswer = { id, verdict };
    this.#tellShard(shard, answer);
  }

  async #verdict(name: string, password: Uint8Array, from: string): Promise<PasswordVerdict> {
    const stored = this.table.get(name);
    if (stored === undefined) return 'unknown';
    try {
      const isRight = await this.pool.verify(password, stored, from);
      // Removed or changed while it waited: what was right then may be so no more.
      if (this.table.get(name) !== stored) return 'busy';
      return isRight ? 'right' : 'wrong';
    } catch (error) {
      this.#logRefused(error);
      return error instanceof HashBusyError ? 'busy' : 'wrong';
    }
  }

  #logRefused(error: unknown): void {
    this.#refused += 1;
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.#loggedAtMs < LOGIN_LOG_INTERVAL_MS) return;
    this.#log.warn(`logins were refused: ${(error as Error).message}`, { logins: this.#refused });
    this.#loggedAtMs = nowMs;
    this.#refused = 0;
  }
}
