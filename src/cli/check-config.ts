/**
 * `shardmq check-config`: says what a start with this file would say, of the configuration and of the files that it
 * names, and starts and changes nothing. Main thread.
 */
import { join, resolve as resolvePath } from 'node:path';
import { AclFile } from '../access/acl-file.js';
import { readBans } from '../access/ban-file.js';
import { SystemClock } from '../base/clock.js';
import { BrokerError } from '../base/errors.js';
import { type Logger, silentLogger } from '../base/log.js';
import { checkPlugins } from '../plugins/check.js';
import { type Prepared, prepare } from '../plugins/prepare.js';
import { keptLines, readKept } from '../settings/kept-file.js';
import { Certificates } from '../supervisor/certificates.js';
import { checkUsers } from '../users/first-users.js';
import { EXIT, type ExitCode } from './exit-codes.js';

const complain = (line: string): void => void process.stderr.write(`${line}\n`);

/** Nobody is told of what is only looked at. */
const NOBODY = {
  update: async (): Promise<void> => undefined,
  alarmRaised: (): void => undefined,
  alarmCleared: (): void => undefined,
  reloadFailed: (): void => undefined,
  reloaded: (): void => undefined,
};

export async function checkConfig(file: string): Promise<ExitCode> {
  const prepared = await prepare({ file, kept: readKept });
  let warnings = 0;
  const warn = (line: string): void => {
    warnings += 1;
    complain(`warning: ${line}`);
  };
  for (const { line } of prepared.warnings) warn(line);
  const issues = prepared.ok
    ? await issuesOfFiles(prepared, { ...silentLogger, warn })
    : prepared.issues.map(({ line }) => line);
  for (const issue of issues) complain(`error: ${issue}`);
  if (issues.length > 0) return EXIT.configuration;
  if (prepared.ok) for (const line of keptLines(prepared.kept)) process.stdout.write(`${line}\n`);
  process.stdout.write(`${file}: no errors, ${warnings === 1 ? '1 warning' : `${warnings} warnings`}\n`);
  return EXIT.ok;
}

async function issuesOfFiles(
  prepared: Extract<Prepared, { ok: true }>,
  logger: Logger,
): Promise<readonly string[]> {
  const { config } = prepared;
  const certificates = new Certificates(config.listeners, new SystemClock(), logger, NOBODY);
  const rules = new AclFile(config['mqtt.acl_file'], logger, NOBODY);
  return [
    ...(await issuesOf(() => certificates.load())),
    ...(await issuesOf(() => rules.load())),
    ...(await issuesOf(() => void readBans(join(resolvePath(config['node.data_dir']), 'bans.json')))),
    ...(await issuesOf(() => checkUsers(config, logger))),
    ...(await issuesOf(() => checkPlugins(prepared, logger))),
  ];
}

/** @returns what `look` has thrown */
async function issuesOf(look: () => void | Promise<void>): Promise<readonly string[]> {
  try {
    await look();
    return [];
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    return error.issues.length > 0 ? error.issues : [error.message];
  }
}
