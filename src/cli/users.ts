/** `shardmq users`: who may use the API of a broker that does not run; it changes the data directory. Main thread. */
import { unreachable } from '../base/assert.js';
import { BrokerError } from '../base/errors.js';
import { loadConfig } from '../config/load.js';
import { readKept } from '../settings/kept-file.js';
import { type OfflineUsers, withUsersOffline } from '../users/offline.js';
import type { Command } from './arguments.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { readPassword } from './password-input.js';

type UsersCommand = Extract<Command, { name: 'users' }>;

const out = (line: string): void => void process.stdout.write(`${line}\n`);
const complain = (line: string): void => void process.stderr.write(`shardmq: ${line}\n`);

/** Never rejects for what a user did. */
export async function runUsers(command: UsersCommand): Promise<ExitCode> {
  const { configFile: file, set } = command.sources;
  const loaded = loadConfig({ file, set, env: process.env, kept: readKept, hasMorePlugins: true });
  if (!loaded.ok) {
    for (const { line } of loaded.issues) complain(line);
    return EXIT.configuration;
  }
  try {
    const problem = await withUsersOffline(loaded.config, (users) => act(command, users));
    if (problem === null) return EXIT.ok;
    complain(problem);
    return EXIT.usage;
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    complain(error.message);
    return EXIT.startFailed;
  }
}

/** @returns what is wrong, where something is */
async function act({ action, user }: UsersCommand, users: OfflineUsers): Promise<string | null> {
  switch (action) {
    case 'list':
      for (const { username, tags } of users.list()) out(`${username.padEnd(24)} ${tags}`.trimEnd());
      return null;
    case 'add':
      return said(`${user} may use the API`, await users.add(user, await askFor(user), ''));
    case 'passwd':
      if (!users.mayHave(user)) return `there is no user ${user}`;
      return said(`${user} has a new password`, await users.setPassword(user, await askFor(user)));
    case 'del':
      return said(`${user} may no longer use the API`, await users.remove(user));
    default:
      return unreachable(action);
  }
}

const askFor = (user: string): Promise<string> => readPassword(`new password of ${user}: `);

function said(done: string, problem: string | null): string | null {
  if (problem === null) out(done);
  return problem;
}
