/** The command line of `npm run perf`. */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { PEERS, type Peer } from '../peers/peer.js';
import { BASKET, FAMILIES, SCENARIOS } from '../scenarios/catalog.js';
import type { AnyScenario, Family } from '../scenarios/scenario.js';
import { KEYS, type Key, LEVELS, type Level } from './broker-process.js';
import { OWNERS, type Owner } from './owner.js';
import { RESULTS } from './record.js';
import { TRANSPORTS, type Transport } from './transport.js';

function lineOf({ name, about, scenarios }: Family): string {
  return `  ${name}: ${about}\n    ${scenarios.map((scenario) => scenario.name).join(' ')}\n`;
}

export const USAGE = `npm run perf -- [options]; without any, two figures in about a minute
  --only NAME,...      these scenarios or families of them (names below), or all (default: a basket of eleven)
  --against PEER,...   the same with other brokers, in turn: ${PEERS.join(', ')}
  --shards N,...       shards of the broker; several: every scenario with each (default: the broker decides)
  --rounds N           runs of each scenario; medians are shown (default 1; with --against 3)
  --seconds S          time measured per run (default 2.5)
  --qos 0|1|2          all messages at this QoS
  --transport T,...    what carries the clients: tcp (default), ssl, ws, wss; several: every scenario over each
  --owner O,...        sessions on the shard that decodes the connection (same), on another one (other), or as the
                       ClientIds fall (any, the default); TCP clients go to their owner at once, so there same and
                       other mean all of them on one shard
  --level L,...        what acknowledged messages survive: memory, process, disk; several: every scenario at each
                       (default: the broker's own)
  --key ecdsa|rsa      the server's certificate for ssl and wss (default ecdsa)
  --threads N          threads of the load generator (default: one less than there are cores)
  --soak MINUTES       in place of scenarios: clients, topics, retained messages and queues come and go; says whether
                       memory stays flat
  --profile DIR        writes profiles of the broker's threads into DIR/SCENARIO-SHARDS, prints their top functions
  --results DIR        where the lines of JSON and the page go (default perf/results)
  --json FILE          appends the lines of JSON to this file too
  --external PORT,PID  measures a broker that runs already on 127.0.0.1
  --page FILE,...      measures nothing: makes a page of lines of JSON that were kept
families and their scenarios:
${FAMILIES.map(lineOf).join('')}`;

export interface PerfOptions {
  /** Nothing was asked for but where results go: two figures are wanted. */
  readonly isCanonical: boolean;
  readonly scenarios: readonly AnyScenario[];
  readonly against: readonly Peer[];
  /** 0: the broker decides. */
  readonly shards: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
  readonly threads: number;
  readonly transports: readonly Transport[];
  readonly owners: readonly Owner[];
  /** Null: the broker's own. */
  readonly levels: readonly (Level | null)[];
  readonly key: Key;
  /** Minutes; 0: none. */
  readonly soak: number;
  /** Absolute; null: no profiles. */
  readonly profileDir: string | null;
  /** Absolute. */
  readonly results: string;
  readonly json: string | null;
  readonly external: { readonly port: number; readonly pid: number } | null;
  /** Files; null: something is measured. */
  readonly page: readonly string[] | null;
}

const text = { type: 'string' } as const;
/** Of `perf` and of `perf:compare`. */
export const COMMON_OPTIONS = {
  ...{ only: text, shards: text, rounds: text, seconds: text, qos: text, threads: text },
  ...{ transport: text, owner: text, level: text, key: text, json: text, results: text },
};
const OPTIONS = { ...COMMON_OPTIONS, against: text, profile: text, soak: text, external: text, page: text };

type Values = { readonly [K in keyof typeof OPTIONS]?: string };

/** @throws Error that says what is wrong with which option. */
export function parseOptions(args: readonly string[]): PerfOptions {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.external !== undefined && (values.owner ?? values.against ?? values.shards) !== undefined)
    throw new Error('--owner, --shards and --against need a broker that this command starts itself');
  const against = values.against === undefined ? [] : listOf('--against', values.against, PEERS);
  return {
    isCanonical: Object.keys(values).every((option) => option === 'results' || option === 'json'),
    against,
    ...commonOptions(values, against.length > 0 ? 3 : 1),
    soak: values.soak === undefined ? 0 : numberOf('--soak', values.soak, 1, 100_000),
    profileDir: values.profile === undefined ? null : resolve(values.profile),
    external: values.external === undefined ? null : externalOf(values.external),
    page: values.page?.split(',') ?? null,
  };
}

export type CommonOptions = Omit<
  PerfOptions,
  'isCanonical' | 'against' | 'soak' | 'profileDir' | 'external' | 'page'
>;

/** @throws Error that says what is wrong with which option. */
export function commonOptions(values: Values, defaultRounds: number): CommonOptions {
  const qos = values.qos === undefined ? null : numberOf('--qos', values.qos, 0, 2);
  return {
    scenarios: chosen(values.only).map((scenario) => withQos(scenario, qos)),
    shards: values.shards?.split(',').map((count) => numberOf('--shards', count, 1, 32)) ?? [0],
    rounds: numberOf('--rounds', values.rounds ?? String(defaultRounds), 1, 1000),
    seconds: numberOf('--seconds', values.seconds ?? '2.5', 0.1, 3600),
    threads: numberOf('--threads', values.threads ?? String(defaultThreads()), 1, 32),
    transports: listOf('--transport', values.transport ?? 'tcp', TRANSPORTS),
    owners: listOf('--owner', values.owner ?? 'any', OWNERS),
    levels: values.level === undefined ? [null] : listOf('--level', values.level, LEVELS),
    key: oneOf('--key', values.key ?? 'ecdsa', KEYS),
    results: values.results === undefined ? RESULTS : resolve(values.results),
    json: values.json ?? null,
  };
}

/** A generator that has too few is what is measured; sending alone takes it about as long as the broker has for all. */
function defaultThreads(): number {
  return Math.max(1, availableParallelism() - 1);
}

function chosen(only: string | undefined): readonly AnyScenario[] {
  if (only === undefined) return BASKET;
  return [...new Set(only.split(',').flatMap(named))];
}

function named(name: string): readonly AnyScenario[] {
  if (name === 'all') return SCENARIOS;
  const family = FAMILIES.find((candidate) => candidate.name === name);
  const found = family?.scenarios ?? SCENARIOS.filter((candidate) => candidate.name === name);
  if (found.length === 0) throw new Error(`--only ${name}: no such scenario`);
  return found;
}

function withQos(scenario: AnyScenario, qos: number | null): AnyScenario {
  if (scenario.kind !== 'flow' || qos === null || scenario.qos === qos) return scenario;
  return { ...scenario, qos: qos as 0 | 1 | 2, title: scenario.title.replace(/QoS \d/, `QoS ${qos}`) };
}

function externalOf(value: string): { port: number; pid: number } {
  const [port = '', pid = ''] = value.split(',');
  return { port: numberOf('--external', port, 1, 65_535), pid: numberOf('--external', pid, 1, 2 ** 31) };
}

function listOf<T extends string>(option: string, values: string, known: readonly T[]): T[] {
  return values.split(',').map((value) => oneOf(option, value, known));
}

function oneOf<T extends string>(option: string, value: string, known: readonly T[]): T {
  const found = known.find((each) => each === value);
  if (found === undefined) throw new Error(`${option} ${value}: expected ${known.join(', ')}`);
  return found;
}

function numberOf(option: string, value: string, min: number, max: number): number {
  const number = Number(value);
  if (value.trim() === '' || !(number >= min && number <= max)) {
    throw new Error(`${option} ${value}: expected a number from ${min} to ${max}`);
  }
  return number;
}
