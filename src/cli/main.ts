/** Carries out one command of the command line and ends with its exit code. Main thread. */
import { createRequire } from 'node:module';
import { unreachable } from '../base/assert.js';
import { VERSION } from '../base/version.js';
import { parseArguments } from './arguments.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { helpText } from './help.js';

const out = (text: string): void => void process.stdout.write(text);
const complain = (line: string): void => void process.stderr.write(`${line}\n`);

/**
 * Loads it synchronously where Node.js can: src/cli.cts says why. Whoever does not start a broker does not load what
 * one takes.
 */
async function loadStart(): Promise<typeof import('./start.js')> {
  if (!process.features.require_module) return import('./start.js');
  return createRequire(import.meta.url)('./start.js') as typeof import('./start.js');
}

/** Never returns: ends the process with the exit code, so that nothing forgotten can hold it up. */
export async function main(args: readonly string[]): Promise<never> {
  process.exit(await run(args));
}

async function run(args: readonly string[]): Promise<ExitCode> {
  const command = parseArguments(args);
  switch (command.name) {
    case 'start':
      return (await loadStart()).runBroker(command);
    case 'remote':
      return (await import('./remote/run.js')).runRemote(command.command);
    case 'check-config':
      return (await import('./check-config.js')).checkConfig(command.file);
    case 'backup':
    case 'restore':
      return (await import('./copies.js')).runCopy(command.name, command.copy);
    case 'version':
      out(`shardmq ${VERSION}\n`);
      return EXIT.ok;
    case 'help':
      out(helpText(command.topic));
      return EXIT.ok;
    case 'wrong':
      complain(`shardmq: ${command.message}${/[.?]$/.test(command.message) ? '' : ';'} try shardmq help`);
      return EXIT.usage;
    default:
      return unreachable(command);
  }
}
