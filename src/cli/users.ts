/** `shardmq users` without a broker: who may use the API of the next one; changes the data directory. Main thread. */
import { type Logger, silentLogger } from '../base/log.js';
import { loadConfig } from '../config/load.js';
import { type OfflineUsers, withUsersOffline } from '../users/offline.js';
import { EXIT } from './exit-codes.js';
import { CliError } from './remote/cli-error.js';
import { displayText } from './remote/display-text.js';
import type { Output } from './remote/output.js';
import { Table } from './remote/table.js';
import type { StartSources } from './start-options.js';

const COLUMNS = [
  { key: 'username', title: 'USER' },
  { key: 'tags', title: 'TAGS' },
];

export interface UsersCommand {
  readonly action: 'list' | 'add' | 'passwd' | 'del';
  /** Empty for `list`. */
  readonly user: string;
  readonly tags: string;
  readonly newPassword: () => Promise<string>;
  readonly sources: StartSources;
  readonly out: Output;
}

/** What is found out about the data directory. */
const complain = (line: string): void => void process.stderr.write(`shardmq: ${line}\n`);
const logger: Logger = { ...silentLogger, error: complain, warn: complain };

/** @throws CliError, BrokerError */
export async function runUsers(command: UsersCommand): Promise<void> {
  const { configFile: file, set } = command.sources;
  const loaded = loadConfig({ file, set, env: process.env, hasMorePlugins: true });
  if (!loaded.ok) throw new CliError(loaded.issues.map(({ line }) => line).join('\n'), EXIT.configuration);
  await withUsersOffline(loaded.config, logger, (users) => act(command, users));
}

async function act(
  { action, user, tags, newPassword, out }: UsersCommand,
  users: OfflineUsers,
): Promise<void> {
  const done = (what: string): Promise<void> =>
    out.isJson ? Promise.resolve() : out.lines([`${displayText(user)} ${what}`]);
  switch (action) {
    case 'list':
      return new Table(COLUMNS, out).write(users.list().map((each) => ({ ...each })));
    case 'add':
      refuse(await users.add(user, await newPassword(), tags));
      return done('may use the API');
    case 'passwd':
      if (!users.mayHave(user)) throw new CliError(`there is no user ${displayText(user)}`);
      refuse(await users.setPassword(user, await newPassword()));
      return done('has a new password');
    case 'del':
      refuse(await users.remove(user));
      return done('may no longer use the API');
  }
}

/** @throws CliError for what is wrong, where something is */
function refuse(problem: string | null): void {
  if (problem !== null) throw new CliError(displayText(problem));
}
