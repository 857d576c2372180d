/** What the plugins with a table of passwords have in common: their configuration and how they start. Main thread. */
import { type HashFormat, parseHashFormat, type StoredPassword } from '../../passwords/hash-format.js';
import { hashPool } from '../../passwords/hash-pool.js';
import type { Plugin, PluginOption, PluginValues } from '../api.js';
import { readPasswords } from './password-document.js';
import { PasswordMainPart, problemOfLogin } from './password-main.js';
import { PasswordTable } from './password-table.js';

/** PBKDF2 with so many iterations takes 4 ms: two threads check 500 passwords a second. */
const DEFAULT_FORMAT = 'pbkdf2,sha256,20000,32';
const DOCUMENT = 'passwords';

export interface PasswordPluginOptions {
  readonly name: string;
  readonly description: string;
  /** Of its keys, such as `auth.user`. */
  readonly prefix: string;
  /** Last word of the key of a name, such as `username`. */
  readonly nameWord: string;
  /** Whether the configuration's password replaces one that is there already. */
  readonly replaces: boolean;
  readonly shard: URL;
}

interface Login {
  readonly key: string;
  readonly name: string;
  readonly password: string;
}

export function passwordPlugin(options: PasswordPluginOptions): Plugin {
  const { name, description, prefix, nameWord, replaces, shard } = options;
  const string = { kind: 'string' } as const;
  const optionTable: Record<string, PluginOption> = {
    [`${prefix}.$id.${nameWord}`]: { type: string, default: null, about: `a ${nameWord} with a password` },
    [`${prefix}.$id.password`]: { type: string, default: null, about: 'its password', secret: true },
    [`${prefix}.password_hash`]: {
      type: string,
      default: DEFAULT_FORMAT,
      about:
        'how new passwords are kept, in the words of docs/access.md; those that are there stay as they are',
    },
  };
  return {
    name,
    description,
    options: optionTable,
    isGuard: true,
    shard,
    check: (values) => checkValues(values, prefix, nameWord),
    checkFiles: async (_dataDir, document) => {
      await readPasswords(document(DOCUMENT));
    },
    start: async (context) => {
      const table = await PasswordTable.open(context.document(DOCUMENT));
      const format = formatIn(context.values, prefix);
      await addConfigured(table, loginsIn(context.values, prefix, nameWord), format, replaces);
      return new PasswordMainPart(table, format, hashPool(), context);
    },
  };
}

function formatIn(values: PluginValues, prefix: string): HashFormat {
  return parseHashFormat(String(values.get(`${prefix}.password_hash`) ?? DEFAULT_FORMAT));
}

/** A password without a name is passed over, as in EMQ; a name without a password is found by the check. */
function loginsIn(values: PluginValues, prefix: string, nameWord: string): Login[] {
  const logins: Login[] = [];
  for (const [key, value] of values) {
    if (!key.startsWith(`${prefix}.`) || !key.endsWith(`.${nameWord}`)) continue;
    const password = values.get(`${key.slice(0, -nameWord.length)}password`);
    logins.push({ key, name: String(value), password: password === undefined ? '' : String(password) });
  }
  return logins;
}

function checkValues(values: PluginValues, prefix: string, nameWord: string): string | null {
  let format: HashFormat;
  try {
    format = formatIn(values, prefix);
  } catch (error) {
    return `${prefix}.password_hash ${(error as Error).message}`;
  }
  const names = new Set<string>();
  for (const { key, name, password } of loginsIn(values, prefix, nameWord)) {
    const problem = problemOfLogin(name, Buffer.from(password), format);
    if (problem !== null) return `${key}: ${problem}`;
    if (names.has(name)) return `${key}: this ${nameWord} is there twice`;
    names.add(name);
  }
  return null;
}

async function addConfigured(
  table: PasswordTable,
  logins: readonly Login[],
  format: HashFormat,
  replaces: boolean,
): Promise<void> {
  const pool = hashPool();
  const changes: [string, StoredPassword][] = [];
  for (const { name, password } of logins) {
    const stored = table.get(name);
    const bytes = Buffer.from(password);
    const stays = stored !== undefined && (!replaces || (await pool.verify(bytes, stored, '')));
    if (!stays) changes.push([name, await pool.create(bytes, format)]);
  }
  await Promise.all(changes.map(([name, stored]) => table.change(name, stored)));
}
