/** Which broker is meant and who asks, from options and environment. Main thread. */
import { CLI_TIMEOUT_SECONDS, CLI_TIMEOUT_SECONDS_MAX } from '../../limits.js';
import { EXIT } from '../exit-codes.js';
import type { Access } from './api.js';
import { CliError } from './cli-error.js';
import type { OptionValues } from './parse.js';
import { askHidden, canAsk, passwordFromFile } from './password.js';
import { shown } from './unreachable.js';

const USUAL_URL = 'http://127.0.0.1:8080';
const USUAL_USER = 'admin';

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws CliError: an option or a variable is wrong */
export function accessFrom(options: OptionValues, env: Environment): Access {
  const url = urlFrom(options.get('--url') ?? (env['SHARDMQ_API_URL'] || USUAL_URL));
  const user = options.get('--user') ?? (env['SHARDMQ_API_USER'] || USUAL_USER);
  if (user.includes(':')) throw new CliError('a user name has no colon', EXIT.usage);
  const file = options.get('--password-file');
  const given = file === undefined ? env['SHARDMQ_API_PASSWORD'] : passwordFromFile(file);
  let asked: Promise<string> | null = null;
  // Once, whoever wants to know: `users passwd` needs it as the old password too.
  const ask = (): Promise<string> => {
    asked ??= askPassword(user, shown({ url, isInsecure: false }));
    return asked;
  };
  return {
    url,
    user,
    isInsecure: options.has('--insecure'),
    timeoutMs: secondsFrom(options.get('--timeout')) * 1_000,
    node: options.get('--node') ?? null,
    hasPassword: given !== undefined && given !== '',
    password: () => (given ? Promise.resolve(given) : ask()),
  };
}

function urlFrom(text: string): URL {
  const full = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new CliError(`${text} is no http:// or https:// address of a broker’s API`, EXIT.usage);
  }
  if (url.username !== '' || url.password !== '') {
    throw new CliError(
      'the URL has a user or a password in it; --user and SHARDMQ_API_PASSWORD are for them',
      EXIT.usage,
    );
  }
  // What people copy out of a browser or the documentation.
  const path = url.pathname.replace(/\/+$/, '').replace(/\/api\/v2$/, '');
  return new URL(`${url.origin}${path}`);
}

function secondsFrom(text: string | undefined): number {
  if (text === undefined) return CLI_TIMEOUT_SECONDS;
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (seconds >= 0.001 && seconds <= CLI_TIMEOUT_SECONDS_MAX) return seconds;
  throw new CliError(
    `--timeout is a number of seconds, at most ${CLI_TIMEOUT_SECONDS_MAX}, not ${text}`,
    EXIT.usage,
  );
}

function askPassword(user: string, where: string): Promise<string> {
  if (canAsk()) return askHidden(`password of ${user} at ${where}: `);
  const message = `the broker wants the password of ${user}: SHARDMQ_API_PASSWORD or --password-file FILE has it`;
  throw new CliError(message, EXIT.login);
}
