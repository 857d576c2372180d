/** What a command gets. Main thread. */
import { EXIT } from '../exit-codes.js';
import type { StartSources } from '../start-options.js';
import type { Api } from './api.js';
import { CliError } from './cli-error.js';
import type { Output } from './output.js';
import type { OptionValues } from './parse.js';

export interface Context {
  readonly words: readonly string[];
  readonly options: OptionValues;
  /** Null: a broker that runs is meant. */
  readonly offline: StartSources | null;
  readonly api: Api;
  readonly out: Output;
}

/** Carries out one action. @throws CliError, Refusal, BrokerError, ReaderGone */
export type Handler = (context: Context) => Promise<void>;

/** By the action's name. */
export type Handlers = Readonly<Record<string, Handler>>;

/**
 * Where a broker is not wanted, or nobody has said which is meant and none runs, it is about the next one that starts
 * here.
 */
export function orOffline(
  online: Handler,
  offline: (sources: StartSources, context: Context) => Promise<void>,
): Handler {
  return async (context) => {
    if (context.offline !== null) return offline(context.offline, context);
    const { api, options } = context;
    if (options.has('--url') || process.env['SHARDMQ_API_URL']) return online(context);
    const { who } = await api.probe();
    if (who === 'broker') return online(context);
    const why = who === 'nobody' ? `nobody answers at ${api.where}` : `${api.where} is not shardmq`;
    remark(`${why}: this is about the next start of a broker here`);
    return offline(NO_SOURCES, context);
  };
}

const NO_SOURCES: StartSources = { configFile: undefined, set: [], plugins: [] };

/** For people only: what is not part of the answer. */
export const remark = (line: string): void => void process.stderr.write(`${line}\n`);

/** @returns the option as a whole number. @throws CliError */
export function wholeOption(options: OptionValues, name: string, least: number, most: number): number | null {
  const text = options.get(name);
  if (text === undefined) return null;
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new CliError(`${name} is a whole number from ${least} to ${most}, not ${text}`, EXIT.usage);
}
