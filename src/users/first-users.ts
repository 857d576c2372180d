/** Which users there are when the API opens, and whether it may open to other machines. Main thread, at start only. */
import { isLoopback } from '../base/access.js';
import type { Documents } from '../base/document.js';
import { BrokerError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { formatAddress } from '../config/listener-address.js';
import type { Config } from '../config/schema.js';
import type { AdminUsers } from './admin-users.js';
import { publicUsersOf, readUsers, usersIn } from './user-document.js';
import { PUBLIC_PASSWORD, problemOfNewPassword } from './user-rules.js';

const PASSWORD_VARIABLE = 'SHARDMQ_ADMIN_PASSWORD';
export const FIRST_TAGS = 'administrator';

/**
 * Reads the password that the first user is to have, and takes it out of the environment of this process, so that no
 * thread, plugin or program that is started later finds it there.
 * @returns null where there is none. @throws BrokerError CONFIG_INVALID when it is of no use
 */
export function takeAdminPassword(env: NodeJS.ProcessEnv | undefined): string | null {
  const password = env?.[PASSWORD_VARIABLE];
  if (password === undefined) return null;
  if (env === process.env) delete process.env[PASSWORD_VARIABLE];
  const problem = problemOfNewPassword(password);
  if (problem === null) return password;
  const line = `environment ${PASSWORD_VARIABLE}: ${problem}`;
  throw new BrokerError('CONFIG_INVALID', line, [line]);
}

type FirstConfig = Pick<
  Config,
  'apiListeners' | 'dashboard.default_user.login' | 'dashboard.default_user.password' | 'node.data_dir'
>;

/**
 * Gives the first user the password from the environment, at each start; or makes that user where there is nobody.
 * @throws BrokerError PASSWORD_PUBLIC: who must not be let in could log in from elsewhere
 */
export async function prepareUsers(
  users: AdminUsers,
  config: FirstConfig,
  adminPassword: string | null,
): Promise<void> {
  const login = config['dashboard.default_user.login'];
  if (adminPassword !== null) {
    const isThere = await users.has(login, adminPassword);
    if (!isThere) await users.setPassword(login, adminPassword, FIRST_TAGS);
  } else if (users.list().length === 0 && config.apiListeners.length > 0) {
    const password = config['dashboard.default_user.password'];
    // What is refused leaves nothing behind.
    if (password === PUBLIC_PASSWORD) refuseOpen(config, [login]);
    await users.setPassword(login, password, FIRST_TAGS);
  }
  refuseOpen(config, users.withPublicPassword());
}

/**
 * What a start with these settings would say of the users; the environment of that start may have a password for them.
 * @throws BrokerError DATA_DIR_FAILED for users that cannot be read
 */
export function checkUsers(config: FirstConfig, store: Documents, logger: Pick<Logger, 'warn'>): void {
  const users = readUsers(usersIn(store));
  const isFirstPublic = config['dashboard.default_user.password'] === PUBLIC_PASSWORD;
  const first = isFirstPublic ? [config['dashboard.default_user.login']] : [];
  const refusal = refusalOf(config, users === null ? first : publicUsersOf(users));
  if (refusal !== null) logger.warn(`a start is refused: ${refusal}`);
}

function refuseOpen(config: FirstConfig, publicUsers: readonly string[]): void {
  const refusal = refusalOf(config, publicUsers);
  if (refusal !== null) throw new BrokerError('PASSWORD_PUBLIC', refusal);
}

/** @returns why the API must not open; null if it may */
function refusalOf(config: FirstConfig, publicUsers: readonly string[]): string | null {
  const listener = config.apiListeners.find(({ host }) => !isLoopback(host));
  const [user] = publicUsers;
  if (listener === undefined || user === undefined) return null;
  const login = config['dashboard.default_user.login'];
  const ways = [
    ...(user === login ? [`start with ${PASSWORD_VARIABLE}=... in the environment`] : []),
    `run: shardmq users passwd ${user} --data ${config['node.data_dir']}`,
    `let it listen on this machine only: listener.api.${listener.name} = 127.0.0.1:${listener.port}`,
  ];
  return (
    `listener.api.${listener.name} would listen on ${formatAddress(listener)}, and its user ${user} has the password ` +
    `"${PUBLIC_PASSWORD}", which everybody knows; ${ways.join(', or ')}`
  );
}
