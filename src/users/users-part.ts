/** The users of the API as a part of the broker: made, prepared before anything opens, stopped. Main thread. */
import type { Clock } from '../base/clock.js';
import type { Documents } from '../base/document.js';
import type { Config } from '../config/schema.js';
import { hashPool } from '../passwords/hash-pool.js';
import { AdminUsers } from './admin-users.js';
import { prepareUsers } from './first-users.js';
import { usersIn } from './user-document.js';
import { UserStore } from './user-store.js';

/** What the users are made of. */
export interface UsersSource {
  readonly config: Config;
  /** What `takeAdminPassword` gave. */
  readonly adminPassword: string | null;
}

export class UsersPart {
  readonly users: AdminUsers;
  readonly #store: UserStore;
  readonly #source: UsersSource;

  /**
   * Reads who they are.
   * @param passwordFormat of new passwords; usually `USER_PASSWORD_FORMAT`
   * @throws BrokerError DATA_DIR_FAILED
   */
  constructor(source: UsersSource, store: Documents, clock: Clock, passwordFormat: string | undefined) {
    this.#source = source;
    this.#store = new UserStore(usersIn(store));
    this.users = new AdminUsers(this.#store, hashPool(), clock, passwordFormat);
  }

  /** @throws BrokerError as `prepareUsers` */
  prepare(): Promise<void> {
    return prepareUsers(this.users, this.#source.config, this.#source.adminPassword);
  }

  /** Changes under way come to their end. */
  stop(): Promise<void> {
    return this.#store.stop();
  }
}
