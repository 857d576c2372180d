/**
 * Users of the API while no broker runs: so a password can be set before the first start, and one that was forgotten
 * replaced. Whoever may write the data directory may do all of it. Main thread of a command.
 */
import { resolve } from 'node:path';
import type { User } from '../api/broker-port.js';
import { SystemClock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { Config } from '../config/schema.js';
import { holdDataDir } from '../supervisor/data-hold.js';
import type { AdminUsers } from './admin-users.js';
import { FIRST_TAGS } from './first-users.js';
import { problemOfNewPassword } from './user-rules.js';
import { UsersPart } from './users-part.js';

/** No broker has the data directory as long as `work` is at it. @throws BrokerError DATA_DIR_FAILED; one may have it */
export async function withUsersOffline<T>(
  config: Config,
  logger: Logger,
  work: (users: OfflineUsers) => Promise<T>,
): Promise<T> {
  const dataDir = resolve(config['node.data_dir']);
  const hold = await holdDataDir(dataDir, logger);
  try {
    const part = new UsersPart({ config, adminPassword: null }, hold.store, new SystemClock(), undefined);
    return await work(new OfflineUsers(part.users, config['dashboard.default_user.login']));
  } finally {
    await hold.release();
  }
}

/** What changes somebody resolves to null, or to what is wrong, as a sentence without its end. */
export class OfflineUsers {
  constructor(
    private readonly users: AdminUsers,
    private readonly login: string,
  ) {}

  /** By name; nobody before the first start. */
  list(): readonly User[] {
    return this.users.list();
  }

  async add(username: string, password: string, tags: string): Promise<string | null> {
    switch (await this.users.add(username, password, tags)) {
      case 'exists':
        return `there is a user ${username} already`;
      case 'full':
        return 'there are too many users';
      case 'invalid':
        return 'such a name, password or tags cannot be';
      case null:
        return null;
    }
  }

  /** Needs no old password. Makes the first user, where there is nobody yet. */
  async setPassword(username: string, password: string): Promise<string | null> {
    if (!this.mayHave(username)) return `there is no user ${username}`;
    const problem = problemOfNewPassword(password);
    if (problem === null) await this.users.setPassword(username, password, FIRST_TAGS);
    return problem;
  }

  /** Whether this is a user whose password can be set. */
  mayHave(username: string): boolean {
    if (this.users.find(username) !== null) return true;
    return username === this.login && this.list().length === 0;
  }

  async remove(username: string): Promise<string | null> {
    const refusal = await this.users.remove(username);
    if (refusal === null) return null;
    return refusal === 'last'
      ? `${username} is the only user: nobody could use the API`
      : `there is no user ${username}`;
  }
}
