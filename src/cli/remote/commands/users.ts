/** `shardmq users`: who may use the API. Main thread. */
import { EXIT } from '../../exit-codes.js';
import type { StartSources } from '../../start-options.js';
import { rowsOf } from '../answers.js';
import { CliError, Refusal } from '../cli-error.js';
import { type Context, type Handlers, orOffline } from '../context.js';
import { displayText } from '../display-text.js';
import { askHidden, canAsk, newPassword, passwordFromFile } from '../password.js';
import { Table } from '../table.js';

const COLUMNS = [
  { key: 'username', title: 'USER' },
  { key: 'tags', title: 'TAGS' },
];

const WHY: Readonly<Record<number, (name: string) => string>> = {
  104: () => 'a name and a password have at least one character',
  105: (name) => `there is no user ${name}; shardmq users list shows all`,
  106: (name) => `${name} cannot be removed`,
  113: (name) => `there is a user ${name} already; shardmq users passwd changes the password`,
  114: (name) => `that is not the old password of ${name}`,
};

const list = async ({ api, out }: Context): Promise<void> =>
  new Table(COLUMNS, out).write(rowsOf(await api.get('users')));

async function add(context: Context): Promise<void> {
  const { api, words, options } = context;
  const username = words[0]!;
  const password = await newPassword(options, displayText(username));
  const tags = options.get('--tags') ?? '';
  return tell(context, 'may use the API', () => api.post('users', { username, password, tags }));
}

async function passwd(context: Context): Promise<void> {
  const { api, words, options } = context;
  const name = words[0]!;
  const body = {
    old_pwd: await oldPassword(context, name),
    new_pwd: await newPassword(options, displayText(name)),
  };
  return tell(context, 'has a new password', () => api.put(`change_pwd/${encodeURIComponent(name)}`, body));
}

const del = (context: Context): Promise<void> =>
  tell(context, 'may no longer use the API', () =>
    context.api.delete(`users/${encodeURIComponent(context.words[0]!)}`),
  );

async function tell({ words, out }: Context, what: string, act: () => Promise<unknown>): Promise<void> {
  const name = displayText(words[0]!);
  try {
    await act();
  } catch (error) {
    const why = error instanceof Refusal ? WHY[error.code] : undefined;
    throw why === undefined ? error : new CliError(why(name));
  }
  if (!out.isJson) await out.lines([`${name} ${what}`]);
}

/** Whoever signs in as this user says it by that. */
async function oldPassword({ api, options }: Context, name: string): Promise<string> {
  const file = options.get('--old-password-file');
  if (file !== undefined) return passwordFromFile(file);
  const { user, password } = api.access;
  if (name === user) return password();
  if (canAsk()) return askHidden(`old password of ${displayText(name)}: `);
  const message = 'there is no terminal to ask for the old password on; --old-password-file FILE has it';
  throw new CliError(message, EXIT.usage);
}

const offline =
  (action: 'list' | 'add' | 'passwd' | 'del') =>
  async (sources: StartSources, context: Context): Promise<void> => {
    const { runUsers } = await import('../../users.js');
    const { words, options, out } = context;
    const tags = options.get('--tags') ?? '';
    const command = {
      action,
      user: words[0] ?? '',
      tags,
      newPassword: () => newPassword(options, displayText(words[0] ?? '')),
    };
    return runUsers({ ...command, sources, out });
  };

export const handlers: Handlers = {
  list: orOffline(list, offline('list')),
  add: orOffline(add, offline('add')),
  passwd: orOffline(passwd, offline('passwd')),
  del: orOffline(del, offline('del')),
};
