/** Carries out a command that asks a broker, and says why where it cannot be done. Main thread. */
import { BrokerError } from '../../base/errors.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { accessFrom } from './access.js';
import { Api } from './api.js';
import { CliError, Refusal } from './cli-error.js';
import type { RemoteName } from './command-table.js';
import type { Handlers } from './context.js';
import { displayText } from './display-text.js';
import { Output, ReaderGone } from './output.js';
import type { RemoteCommand } from './parse.js';

const LOADERS: Readonly<Record<RemoteName, () => Promise<{ readonly handlers: Handlers }>>> = {
  status: () => import('./commands/status.js'),
  clients: () => import('./commands/clients.js'),
  sessions: () => import('./commands/sessions.js'),
  subscriptions: () => import('./commands/subscriptions.js'),
  routes: () => import('./commands/routes.js'),
  topics: () => import('./commands/topics.js'),
  listeners: () => import('./commands/listeners.js'),
  metrics: () => import('./commands/metrics.js'),
  stats: () => import('./commands/stats.js'),
  plugins: () => import('./commands/plugins.js'),
  config: () => import('./commands/config.js'),
  users: () => import('./commands/users.js'),
  publish: () => import('./commands/publish.js'),
  trace: () => import('./commands/trace.js'),
};

/** Never rejects but for a mistake of ours. */
export async function runRemote({ name, action, words, options, offline }: RemoteCommand): Promise<ExitCode> {
  const out = new Output(process.stdout, options.has('--json'));
  try {
    const { handlers } = await LOADERS[name]();
    const api = new Api(accessFrom(options, process.env));
    await handlers[action]!({ words, options, offline, api, out });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof ReaderGone) return EXIT.ok;
    const { message, exitCode } = asCliError(error, options.get('--node'));
    for (const line of message.split('\n')) process.stderr.write(`shardmq: ${line}\n`);
    return exitCode;
  }
}

/** EMQ's words for it. */
const NOT_A_TOPIC = /^validate topic: (.*) fail$/;

/** What every command may be told. What means something else for one of them it has said itself. */
function asCliError(error: unknown, node: string | undefined): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof BrokerError) return new CliError(error.message);
  if (!(error instanceof Refusal)) throw error;
  const { code, message } = error;
  if (code === 101) {
    return new CliError(
      node === undefined
        ? 'a part of the broker has not answered in time; its log says more'
        : `there is no node ${displayText(node)}, or it does not answer; shardmq status says the name`,
    );
  }
  const topic = NOT_A_TOPIC.exec(message)?.[1];
  if (topic !== undefined) return new CliError(`${topic} is not a topic that MQTT allows there`);
  const reason = message === '' ? `code ${code}` : `${message} (code ${code})`;
  return new CliError(`the broker refuses: ${reason}`);
}
