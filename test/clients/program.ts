/** A client program as a child process that is spoken to and answers in lines. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export class Program {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #complaints = '';

  constructor(command: string, args: readonly string[], onLine: (line: string) => void = () => undefined) {
    this.#child = spawn(command, args, { stdio: 'pipe' });
    this.#exited = once(this.#child, 'close');
    // Who has ended says why on standard error.
    this.#child.stdin!.on('error', () => undefined);
    createInterface({ input: this.#child.stdout! }).on('line', onLine);
    this.#child.stderr!.on('data', (text: Buffer) => {
      this.#complaints += text.toString();
    });
  }

  send(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** @throws Error with the program's complaints when it does not end with code 0. */
  async succeeded(): Promise<void> {
    await this.#exited;
    if (this.#child.exitCode !== 0) {
      throw new Error(
        `${this.#child.spawnargs.join(' ')} ended with ${this.#child.exitCode}: ${this.#complaints}`,
      );
    }
  }

  /** Resolves with `ready`, or fails with the program's complaints when it ends first. */
  until<T>(ready: Promise<T>): Promise<T> {
    const ended = this.#exited.then(() => {
      throw new Error(`${this.#child.spawnargs.join(' ')} ended early: ${this.#complaints}`);
    });
    return Promise.race([ready, ended]);
  }

  /** Ends it without a chance to say goodbye. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#exited;
  }
}
