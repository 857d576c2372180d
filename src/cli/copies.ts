/** `shardmq backup` and `shardmq restore`: copies of a data directory. Main thread. */
import { type BackupOptions, backup } from '../backup/backup.js';
import { restore } from '../backup/restore.js';
import { type Clock, SystemClock } from '../base/clock.js';
import { BrokerError } from '../base/errors.js';
import { loadConfig } from '../config/load.js';
import { BACKUP_PROGRESS_MS } from '../limits.js';
import type { Copy } from './arguments.js';
import { EXIT, type ExitCode } from './exit-codes.js';

const complain = (line: string): void => void process.stderr.write(`shardmq: ${line}\n`);

/** Never rejects but for a mistake of ours. */
export async function runCopy(name: 'backup' | 'restore', copy: Copy): Promise<ExitCode> {
  const { configFile: file, set } = copy.sources;
  const loaded = loadConfig({ file, set, env: process.env, hasMorePlugins: true });
  if (!loaded.ok) {
    for (const { line } of loaded.issues) complain(line);
    return EXIT.configuration;
  }
  const dataDir = loaded.config['node.data_dir'];
  try {
    process.stdout.write(`${await (name === 'backup' ? make(dataDir, copy) : put(dataDir, copy))}\n`);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    complain(error.message);
    return EXIT.failed;
  }
}

async function make(dataDir: string, { directory }: Copy): Promise<string> {
  const { rows, damaged } = await backup(dataDir, directory, { onProgress: progress() });
  if (damaged > 0) complain(`${damaged} rows of ${dataDir} are damaged, and not in the backup`);
  return `${directory} is a backup of ${dataDir}, with ${rows} rows`;
}

async function put(dataDir: string, { directory, force }: Copy): Promise<string> {
  const { version, createdAtMs, rows } = await restore(directory, dataDir, { force, onProgress: progress() });
  const when = new Date(createdAtMs).toISOString();
  return `${dataDir} has the ${rows} rows of a backup that shardmq ${version} made at ${when}`;
}

/** @returns what is told how far it has come, and says so now and then: short ones say nothing */
export function progress(
  clock: Pick<Clock, 'monotonicMs'> = new SystemClock(),
  say = complain,
): NonNullable<BackupOptions['onProgress']> {
  let saidMs = clock.monotonicMs();
  return (share) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - saidMs < BACKUP_PROGRESS_MS) return;
    saidMs = nowMs;
    say(`${Math.floor(share * 100)} % is done`);
  };
}
