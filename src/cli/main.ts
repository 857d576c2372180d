/** Carries out one command of the command line and ends with its exit code. Main thread. */
import { unreachable } from '../base/assert.js';
import { VERSION } from '../base/version.js';
import { parseArguments } from './arguments.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { helpText } from './help.js';
import { runBroker } from './start.js';

const out = (text: string): void => void process.stdout.write(text);
const complain = (line: string): void => void process.stderr.write(`${line}\n`);

/** Never returns: ends the process with the exit code, so that nothing forgotten can hold it up. */
export async function main(args: readonly string[]): Promise<never> {
  process.exit(await run(args));
}

async function run(args: readonly string[]): Promise<ExitCode> {
  const command = parseArguments(args);
  switch (command.name) {
    case 'start':
      return runBroker(command);
    case 'plugins':
      return (await import('./plugins.js')).runPlugins(command);
    case 'users':
      return (await import('./users.js')).runUsers(command);
    case 'check-config':
      return (await import('./check-config.js')).checkConfig(command.file);
    case 'version':
      out(`shardmq ${VERSION}\n`);
      return EXIT.ok;
    case 'help':
      out(helpText());
      return EXIT.ok;
    case 'wrong':
      complain(`shardmq: ${command.message}; try shardmq help`);
      return EXIT.usage;
    default:
      return unreachable(command);
  }
}
