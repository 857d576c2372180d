/** Runs the compiled command line as its own process, as a user does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';

const CLI = fileURLToPath(new URL('../../src/cli.cjs', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process of ours, with what it has written so far. */
export class CliProcess {
  stdout = '';
  stderr = '';
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ended>;

  constructor(
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    nodeOptions: readonly string[] = [],
    input?: string,
  ) {
    this.#child = spawn(process.execPath, [...nodeOptions, CLI, ...args], {
      env: { PATH: process.env['PATH'], ...env },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    this.#child.stdin?.end(input);
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.#ended = once(this.#child, 'close').then(([code]) => ({
      code: code as number | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves with everything that was written when the process has ended. */
  ended(): Promise<Ended> {
    return this.#ended;
  }

  /** Resolves once standard output holds `text`, rejects when the process ends without it. */
  says(text: string): Promise<void> {
    return this.#until(this.#child.stdout!, text, () => this.stdout);
  }

  /** The same of standard error. */
  complains(text: string): Promise<void> {
    return this.#until(this.#child.stderr!, text, () => this.stderr);
  }

  async #until(stream: Readable, text: string, written: () => string): Promise<void> {
    while (!written().includes(text)) {
      const ended = await Promise.race([once(stream, 'data').then(() => null), this.#ended]);
      if (ended !== null && !written().includes(text)) {
        throw new Error(`ended with ${ended.code} before "${text}": ${ended.stdout}${ended.stderr}`);
      }
    }
  }

  /** Like `head` when it has seen enough. */
  stopReading(): void {
    this.#child.stdout?.destroy();
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }
}

/** Runs to the end. */
export const runCli = (...args: string[]): Promise<Ended> => new CliProcess(args).ended();

/** Starts a broker on a port and a data directory of its own; ends with the test at the latest. */
export async function startCli(
  t: ExecutionContext,
  env: NodeJS.ProcessEnv = {},
  ...args: string[]
): Promise<CliProcess> {
  const dataDir = temporaryDir(t);
  const listeners = [
    '--set',
    'listener.tcp.external=127.0.0.1:0',
    '--set',
    'listener.tcp.internal=off',
    '--set',
    'listener.ws.external=off',
    '--set',
    'listener.api.mgmt=127.0.0.1:0',
  ];
  const cli = new CliProcess(['start', '--data', dataDir, '--shards', '1', ...listeners, ...args], env);
  t.teardown(async () => {
    cli.signal('SIGKILL');
    await cli.ended();
  });
  await cli.says('shardmq ready\n');
  return cli;
}

/** @returns a directory that goes when the test ends. */
export function temporaryDir(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'shardmq-cli-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
