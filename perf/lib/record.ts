/** What is kept of every run: one line of JSON, with where and when. On the generator's main thread. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import type { AnyScenario } from '../scenarios/scenario.js';
import { ROOT } from './broker-process.js';
import type { Entrant, Setup } from './entrant.js';
import { faultOf, type RunResult } from './run-result.js';

/** Where results lie unless told otherwise. They are those of one machine: git does not know them. */
export const RESULTS = join(ROOT, 'perf/results');

interface Circumstances extends Setup {
  readonly at: string;
  readonly label: string;
  /** From 1. */
  readonly round: number;
  readonly machine: Machine;
  /** Load average of the last minute when the run was over. */
  readonly load: number;
  readonly scenario: string;
  readonly title: string;
}

interface Machine {
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  /** Of this project, with `+` when something is not committed; empty outside of git. */
  readonly revision: string;
}

/** A run with figures. */
export interface RunRecord extends Circumstances, RunResult {
  /** What was wrong with its deliveries, or null. */
  readonly fault: string | null;
}

/** A run without. */
export interface Gap extends Circumstances {
  readonly kind: 'gap';
  /** Why there are no figures. */
  readonly why: string;
  /** Otherwise the entrant cannot do this at all. */
  readonly isFailure: boolean;
}

export type Line = RunRecord | Gap;

export function isGap(line: Line): line is Gap {
  return line.kind === 'gap';
}

export function isFailed(line: Line): boolean {
  return isGap(line) ? line.isFailure : line.fault !== null;
}

/** Makes the lines of one command and appends them to its files. */
export class Recorder {
  readonly lines: Line[] = [];
  readonly #machine = machineHere();

  constructor(readonly files: readonly string[]) {
    for (const file of files) mkdirSync(dirname(file), { recursive: true });
  }

  keepRun(entrant: Entrant, round: number, result: RunResult): RunRecord {
    const record = { ...this.#circumstances(result, entrant, round), ...result, fault: faultOf(result) };
    this.#keep(record);
    return record;
  }

  keepGap(entrant: Entrant, round: number, scenario: AnyScenario, why: string, isFailure: boolean): Gap {
    const { name, title } = scenario;
    const circumstances = this.#circumstances({ scenario: name, title }, entrant, round);
    const gap = { ...circumstances, kind: 'gap', why, isFailure } as const;
    this.#keep(gap);
    return gap;
  }

  #circumstances(
    { scenario, title }: Pick<RunResult, 'scenario' | 'title'>,
    { label, setup }: Entrant,
    round: number,
  ): Circumstances {
    const at = new Date().toISOString();
    const load = Math.round(loadavg()[0]! * 100) / 100;
    return { at, label, round, ...setup, machine: this.#machine, load, scenario, title };
  }

  #keep(line: Line): void {
    this.lines.push(line);
    for (const file of this.files) appendFileSync(file, `${JSON.stringify(line)}\n`);
  }
}

/** @throws Error when the file is not one of results */
export function readLines(file: string): Line[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Line);
}

/** @returns a name for the files of a command that starts now */
export function resultName(): string {
  return new Date().toISOString().slice(0, 19).replaceAll(':', '-');
}

function machineHere(): Machine {
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? '',
    cores: availableParallelism(),
    revision: revisionHere(),
  };
}

function revisionHere(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', ROOT, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    const isChanged = git('status', '--porcelain', '--untracked-files=no') !== '';
    return `${git('rev-parse', '--short', 'HEAD')}${isChanged ? '+' : ''}`;
  } catch {
    return '';
  }
}
