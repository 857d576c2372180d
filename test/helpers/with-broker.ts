/** Runs a test against a broker of its own: random ports, a data directory of its own, stopped in any case. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { LogFields, Logger, LogLevel } from '../../src/base/log.js';
import { launchBroker, type RunningBroker } from '../../src/broker.js';
import type { BrokerOptions } from '../../src/broker-api.js';
import { asShardId } from '../../src/protocol/ids.js';
import type { Replacements } from '../../src/replacements.js';
import type { Fault } from '../../workers/faults.js';
import { keptThreads } from './kept-threads.js';

export interface TestBrokerOptions extends BrokerOptions, Replacements {}

/** Of passwords that protect nothing. */
const QUICK_FORMAT = 'scrypt,16,1,1,32';

/** For tests in which nothing has to survive: a broker keeps nothing, and is there sooner. */
export const NOT_KEPT = { 'mqtt.persistence.level': 'memory' } as const;

/** For tests in which it is all the same on which shard something is. */
export const ON_ONE_SHARD = { ...NOT_KEPT, 'node.shards': 1 } as const;

type BrokerTest = (broker: RunningBroker, t: ExecutionContext) => Promise<void> | void;

/** `test('title', withBroker({ config: { 'node.shards': 3 } }, async (broker, t) => { ... }))` */
export function withBroker(
  options: TestBrokerOptions,
  body: BrokerTest,
): (t: ExecutionContext) => Promise<void> {
  return async (t) => {
    await turn();
    try {
      const broker = await startTestBroker(options, tempDirectory());
      try {
        await body(broker, t);
      } finally {
        await broker.stop();
      }
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}

/** The tests of a file begin all at once: without a bound each would start threads of its own. */
const RUNNING_MAX = 2;
let running = 0;
const waiting: (() => void)[] = [];

async function turn(): Promise<void> {
  if (running < RUNNING_MAX) running += 1;
  else await new Promise<void>((resolve) => waiting.push(resolve));
}

/**
 * A broker for tests that stop it themselves: two shards, one listener on a random port of the loopback, faults
 * allowed, on threads that brokers before it have left; all of it can be set otherwise in `options`.
 */
export function startTestBroker(options: TestBrokerOptions, directory: string): Promise<RunningBroker> {
  const { shardEntry, openThreads, memoryBytes, userPasswordFormat, seams, config, ...rest } = options;
  return launchBroker(
    {
      ...rest,
      config: {
        'node.data_dir': directory,
        'node.shards': 2,
        'listener.tcp.external': '127.0.0.1:0',
        'listener.tcp.internal': 'off',
        'listener.ws.external': 'off',
        'listener.api.mgmt': 'off',
        // A busy machine has late loops, and clients would wait.
        'overload.loop_delay': '0',
        'shutdown.timeout': '2s',
        ...config,
      },
      seams: { faults: true, ...seams },
    },
    {
      shardEntry,
      openThreads: openThreads ?? (shardEntry === undefined ? keptThreads : undefined),
      memoryBytes,
      userPasswordFormat: userPasswordFormat ?? QUICK_FORMAT,
    },
  );
}

const SHARED_MEMORY = '/dev/shm';
const tempDirectories: string[] = [];
process.once('exit', () => {
  for (const directory of tempDirectories) rmSync(directory, { recursive: true, force: true });
});

/** @returns an empty directory that is gone when the test process ends. */
export function tempDirectory(): string {
  return directoryIn(tmpdir());
}

/** The same in memory, where there is such a file system: thousands of syncs cost nothing there. */
export function quickDirectory(): string {
  return directoryIn(existsSync(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir());
}

function directoryIn(parent: string): string {
  const directory = mkdtempSync(join(parent, 'shardmq-test-'));
  tempDirectories.push(directory);
  return directory;
}

/** Where the broker's first listener, or the named one, takes connections. */
export function addressOf(broker: RunningBroker, name?: string): { host: string; port: number } {
  const listener = broker.listeners.find((each) => name === undefined || each.name === name);
  if (listener === undefined) throw new Error(`no listener ${name ?? ''}`);
  return { host: listener.host, port: listener.port };
}

/** Moves the clocks of all shards forward; what is due by then happens before this resolves. */
export async function advanceClock(broker: RunningBroker, ms: number): Promise<void> {
  await onEveryShard(broker, (shard) => broker.request(shard, 'test.advanceClock', { ms }));
}

/** Turns the clock again and again, until `answer` is there. */
export async function whileTimePasses<T>(answer: Promise<T>, turnClock: () => Promise<void>): Promise<T> {
  let isThere = false;
  const seen = (): void => {
    isThere = true;
  };
  answer.then(seen, seen);
  while (!isThere) {
    await turnClock();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return answer;
}

/** Breaks a shard that is running: it answers nothing more when this resolves, and may have ended already. */
export async function breakShard(broker: RunningBroker, shard: number, fault: Fault): Promise<void> {
  // The thread may die before its answer is read.
  await broker.request(asShardId(shard), 'test.fault', { fault }).catch(() => undefined);
}

/** Asks every shard the same. */
export function onEveryShard<Answer>(
  broker: RunningBroker,
  ask: (shard: ReturnType<typeof asShardId>) => Promise<Answer>,
): Promise<Answer[]> {
  return Promise.all(Array.from({ length: broker.shards }, (_, shard) => ask(asShardId(shard))));
}

/** Waits until `condition` holds. @throws Error when it does not within the time */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = 'a condition',
  timeoutMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps its lines. */
export class RecordingLogger implements Logger {
  readonly lines: LogLine[] = [];

  debug = (message: string, fields: LogFields = {}): void => this.#keep('debug', message, fields);
  info = (message: string, fields: LogFields = {}): void => this.#keep('info', message, fields);
  warn = (message: string, fields: LogFields = {}): void => this.#keep('warn', message, fields);
  error = (message: string, fields: LogFields = {}): void => this.#keep('error', message, fields);
  fatal = (message: string, fields: LogFields = {}): void => this.#keep('fatal', message, fields);

  /** Whether a line of this level and text was written. */
  has(level: LogLevel, text: RegExp): boolean {
    return this.lines.some((line) => line.level === level && text.test(line.message));
  }

  /** Warnings and errors, but for the long turns that any busy machine has. */
  get troubles(): LogLine[] {
    const isTrouble = ({ level, message }: LogLine): boolean =>
      (level === 'warn' || level === 'error') && !message.startsWith('long_schedule');
    return this.lines.filter(isTrouble);
  }

  #keep(level: LogLevel, message: string, fields: LogFields): void {
    this.lines.push({ level, message, fields });
  }
}
