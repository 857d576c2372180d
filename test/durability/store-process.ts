/** A process that does nothing but commit to an LmdbStore, for tests that disturb and end it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import { until } from '../helpers/with-broker.js';

const WRITER = new URL('../unit/workers/store/lmdb-writer.js', import.meta.url);
const FAILURES = 8;
const COMMITS = 20;
/** Without an answer for so long: it waits for something. */
const HANGING_MS = 500;

export class StoreProcess {
  /** The last commit of which it was told that it is safe. */
  told = 0;
  /** What it has written to standard error. */
  stderr = '';
  private failures = 0;
  private commits = 0;
  private heardMs = 0;
  private readonly child: ChildProcess;

  /** `growing`: it removes nothing, so that the file grows with each commit. */
  constructor(
    t: ExecutionContext,
    readonly directory: string,
    level: string,
    how: 'busy' | 'growing' = 'busy',
  ) {
    const args = [WRITER.pathname, directory, level, how];
    this.child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    t.teardown(() => this.child.kill('SIGKILL'));
    let rest = '';
    this.child.stdout!.on('data', (text) => {
      const lines = (rest + String(text)).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.hear(Number(line));
    });
    this.child.stderr!.on('data', (text) => {
      this.stderr += String(text);
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  get stderrLines(): number {
    return this.stderr.split('\n').length - 1;
  }

  /** Resolves after some more commits that succeed. */
  async goesOn(commits = COMMITS): Promise<void> {
    const wanted = this.commits + commits;
    await this.until(() => this.commits >= wanted, 'commits');
  }

  /** Resolves after some that fail. */
  async failing(): Promise<void> {
    const wanted = this.failures + FAILURES;
    await this.until(() => this.failures >= wanted, 'failures');
  }

  /** Resolves when it has waited for a while. */
  async hangs(): Promise<void> {
    await this.until(() => performance.now() - this.heardMs > HANGING_MS, 'nothing');
  }

  async kill(): Promise<void> {
    if (this.hasEnded) return;
    const closed = once(this.child, 'close');
    this.child.kill('SIGKILL');
    await closed;
  }

  private async until(condition: () => boolean, what: string): Promise<void> {
    await until(() => condition() || this.hasEnded, what, 20_000);
    if (!condition()) throw new Error(`it has ended: ${this.stderr}`);
  }

  private hear(number: number): void {
    this.heardMs = performance.now();
    if (number === 0) {
      this.failures++;
    } else {
      this.told = number;
      this.commits++;
    }
  }
}
