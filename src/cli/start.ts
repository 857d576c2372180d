/** `shardmq start`: configuration, thread pool, broker, first screen, signals. Main thread. */

import { resolve } from 'node:path';
import { BrokerError, type ErrorCode, messageOf } from '../base/errors.js';
import { createLogger, type Logger } from '../base/log.js';
import { VERSION } from '../base/version.js';
import type { RunningBroker } from '../broker.js';
import type { Broker } from '../broker-api.js';
import { loadConfig } from '../config/load.js';
import type { Config } from '../config/schema.js';
import { poolThreadsWanted } from '../storage/pool-threads.js';
import { defaultShards, usableCores } from '../supervisor/machine.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { firstScreenLines } from './first-screen.js';
import type { StartSources } from './start-options.js';

const EXIT_OF_ERROR: Partial<Record<ErrorCode, ExitCode>> = {
  CONFIG_INVALID: EXIT.configuration,
  CERTIFICATE_FAILED: EXIT.configuration,
  ACL_FAILED: EXIT.configuration,
  PASSWORD_PUBLIC: EXIT.configuration,
  PLATFORM_UNSUPPORTED: EXIT.platform,
  SHARD_FAILED: EXIT.shardsCrashed,
};

const complain = (line: string): void => void process.stderr.write(`shardmq: ${line}\n`);

/** Never rejects. @returns the exit code, once the broker has stopped or could not start. */
export async function runBroker(command: StartSources): Promise<ExitCode> {
  // Plugins, with their keys, and what was set at run time are looked at when the broker starts.
  const loaded = loadConfig({
    file: command.configFile,
    env: process.env,
    set: command.set,
    hasMorePlugins: true,
  });
  if (!loaded.ok) {
    for (const { line } of loaded.issues) complain(line);
    return EXIT.configuration;
  }
  const { config } = loaded;
  // Before anything touches the pool: libuv looks at the variable once.
  process.env['UV_THREADPOOL_SIZE'] ??= String(poolThreads(config['node.shards']));
  const logger = stderrLogger(config);
  const signals = new Signals();
  try {
    const broker = await startWith(command, logger);
    signals.onHangUp = () => reloadFiles(broker);
    showFirstScreen(broker);
    const code = await untilStopped(broker, signals, logger);
    if (broker.leavesThreads) await signals.obey();
    return code;
  } catch (error) {
    return reportFailure(error);
  } finally {
    signals.release();
  }
}

const poolThreads = (shards: number): number =>
  poolThreadsWanted(shards === 0 ? defaultShards(usableCores()) : shards);

const stderrLogger = (config: Config): Logger =>
  createLogger({ level: config['log.level'], readable: process.stderr.isTTY, sink: process.stderr });

async function startWith({ configFile, set, plugins }: StartSources, logger: Logger): Promise<RunningBroker> {
  const { launchBroker } = await import('../broker.js');
  const options = { set, plugins, env: process.env, logger };
  return launchBroker(configFile === undefined ? options : { ...options, configFile });
}

function showFirstScreen(broker: RunningBroker): void {
  const { config } = broker;
  const lines = firstScreenLines({
    broker,
    version: VERSION,
    nodeVersion: process.versions.node,
    dataDir: resolve(config['node.data_dir']),
    allowsAnonymous: config['mqtt.allow_anonymous'],
  });
  process.stdout.write(`${lines.join('\n')}\nshardmq ready\n`);
}

async function untilStopped(broker: Broker, signals: Signals, logger: Logger): Promise<ExitCode> {
  const end = await Promise.race([broker.failed, signals.first]);
  if (end instanceof BrokerError) {
    complain(end.message);
    return EXIT.shardsCrashed;
  }
  logger.info('stopping', { signal: end });
  await broker.stop();
  return EXIT.ok;
}

/** What is wrong with them has been logged by then. */
function reloadFiles(broker: Broker): void {
  broker.reloadCertificates().catch(() => undefined);
  broker.reloadAcl().catch(() => undefined);
}

function reportFailure(error: unknown): ExitCode {
  if (!(error instanceof BrokerError)) {
    complain(`the broker could not start: ${messageOf(error)}`);
    return EXIT.failed;
  }
  for (const line of error.issues.length > 0 ? error.issues : [error.message]) complain(line);
  return EXIT_OF_ERROR[error.code] ?? EXIT.failed;
}

/** The first SIGINT or SIGTERM asks for a clean stop, the second ends the process. SIGHUP asks to read files again. */
class Signals {
  onHangUp: () => void = () => undefined;
  readonly first: Promise<NodeJS.Signals>;
  #resolve: (signal: NodeJS.Signals) => void = () => undefined;
  #asked = false;

  constructor() {
    this.first = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    process.on('SIGINT', this.#onSignal);
    process.on('SIGTERM', this.#onSignal);
    process.on('SIGHUP', this.#onHangUp);
  }

  /** Ends the process as a signal does that nobody listens to: without waiting for anything. */
  async obey(): Promise<never> {
    this.release();
    process.kill(process.pid, 'SIGTERM');
    return new Promise(() => undefined);
  }

  release(): void {
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onSignal);
    process.off('SIGHUP', this.#onHangUp);
  }

  readonly #onHangUp = (): void => this.onHangUp();

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.#asked) process.exit(signal === 'SIGINT' ? 130 : 143);
    this.#asked = true;
    this.#resolve(signal);
  };
}
