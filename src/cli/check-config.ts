/**
 * `shardmq check-config`: says what a start with this file would say, of the configuration and of the files that it
 * names, and starts and changes nothing. Main thread.
 */
import { resolve as resolvePath } from 'node:path';
import { AclFile } from '../access/acl-file.js';
import { bansIn, readBans } from '../access/ban-document.js';
import { SystemClock } from '../base/clock.js';
import type { Documents } from '../base/document.js';
import { BrokerError } from '../base/errors.js';
import { type Logger, silentLogger } from '../base/log.js';
import { checkPlugins } from '../plugins/check.js';
import { type Prepared, prepare } from '../plugins/prepare.js';
import { keptLines, readKept, settingsIn } from '../settings/kept-settings.js';
import { Certificates } from '../supervisor/certificates.js';
import { type DataHold, lookAtDataDir } from '../supervisor/data-hold.js';
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
  const looked: { hold: DataHold | null } = { hold: null };
  try {
    return await check(file, looked);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    complain(`error: ${error.message}`);
    return EXIT.configuration;
  } finally {
    await looked.hold?.release();
  }
}

async function check(file: string, looked: { hold: DataHold | null }): Promise<ExitCode> {
  const prepared = await prepare({ file }, [], async (dataDir) => {
    looked.hold = await lookAtDataDir(resolvePath(dataDir));
    return readKept(settingsIn(looked.hold.store));
  });
  let warnings = 0;
  const warn = (line: string): void => {
    warnings += 1;
    complain(`warning: ${line}`);
  };
  for (const { line } of prepared.warnings) warn(line);
  const issues = prepared.ok
    ? await issuesOfFiles(prepared, looked.hold!.store, { ...silentLogger, warn })
    : prepared.issues.map(({ line }) => line);
  for (const issue of issues) complain(`error: ${issue}`);
  if (issues.length > 0) return EXIT.configuration;
  if (prepared.ok) for (const line of keptLines(prepared.kept)) process.stdout.write(`${line}\n`);
  process.stdout.write(`${file}: no errors, ${warnings === 1 ? '1 warning' : `${warnings} warnings`}\n`);
  return EXIT.ok;
}

async function issuesOfFiles(
  prepared: Extract<Prepared, { ok: true }>,
  store: Documents,
  logger: Logger,
): Promise<readonly string[]> {
  const { config } = prepared;
  const certificates = new Certificates(config.listeners, new SystemClock(), logger, NOBODY);
  const rules = new AclFile(config['mqtt.acl_file'], logger, NOBODY);
  return [
    ...(await issuesOf(() => certificates.load())),
    ...(await issuesOf(() => rules.load())),
    ...(await issuesOf(() => void readBans(bansIn(store)))),
    ...(await issuesOf(() => checkUsers(config, store, logger))),
    ...(await issuesOf(() => checkPlugins(prepared, store, logger))),
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
