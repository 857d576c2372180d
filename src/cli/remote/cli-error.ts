/** How a command ends that cannot do what it was asked to. Main thread. */
import { EXIT, type ExitCode } from '../exit-codes.js';

/** Lines for standard error, without `shardmq: ` in front, and the exit code. */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    message: string,
    readonly exitCode: ExitCode = EXIT.failed,
  ) {
    super(message);
  }
}

/** The broker has answered, and its answer is a code. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly code: number,
    /** EMQ's text; empty where there is none. */
    message: string,
  ) {
    super(message);
  }
}
