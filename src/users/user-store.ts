/** The users of the API in memory and as they are kept. A change is in force when it is on disk. Main thread. */

import type { MainDocument } from '../base/document.js';
import { BrokerError } from '../base/errors.js';
import { readUsers, type UserRecord, type UserTable, writeUsers } from './user-document.js';

/** Changes its argument and returns null, or says why not. */
type Edit<Refusal extends string> = (users: Map<string, UserRecord>) => Refusal | null;

export class UserStore {
  readonly #document: MainDocument;
  #users: UserTable;
  /** Settles when the changes so far are over. */
  #idle: Promise<void> = Promise.resolve();
  #isStopped = false;
  readonly #listeners: ((username: string) => void)[] = [];

  /** Reads the document. @throws BrokerError DATA_DIR_FAILED */
  constructor(document: MainDocument) {
    this.#document = document;
    this.#users = readUsers(document) ?? new Map();
  }

  /** Empty before the first start only. */
  get users(): UserTable {
    return this.#users;
  }

  get(username: string): UserRecord | undefined {
    return this.#users.get(username);
  }

  /** Is told of each change, at the moment from which on it is in force. */
  onChanged(listener: (username: string) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Changes one user. Changes are made one after the other, each on what those before have left.
   * @throws BrokerError DATA_DIR_FAILED when it cannot be written; nothing has changed then
   */
  change<Refusal extends string>(username: string, edit: Edit<Refusal>): Promise<Refusal | null> {
    const done = this.#idle.then(() => this.#change(username, edit));
    this.#idle = done.then(ignore, ignore);
    return done;
  }

  /** Resolves when the changes under way are over; further ones are refused. */
  stop(): Promise<void> {
    this.#isStopped = true;
    return this.#idle;
  }

  async #change<Refusal extends string>(username: string, edit: Edit<Refusal>): Promise<Refusal | null> {
    // The data directory may belong to somebody else by now.
    if (this.#isStopped) throw new BrokerError('DATA_DIR_FAILED', 'the broker stops: no user is changed');
    const next = new Map(this.#users);
    const refusal = edit(next);
    if (refusal !== null) return refusal;
    await writeUsers(this.#document, next);
    this.#users = next;
    for (const listener of this.#listeners) listener(username);
    return null;
  }
}

function ignore(): void {}
