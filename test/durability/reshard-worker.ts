/**
 * A thread that gives what is kept in a directory to another number of shards, and ends before one of the calls that
 * change the file system: as a killed process does, nothing more of it runs then.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { silentLogger } from '../../src/base/log.js';
import { loadConfig } from '../../src/config/load.js';

export interface Steps {
  readonly directory: string;
  readonly shards: number;
  /** Counted from 0. */
  readonly endAt: number;
}

const { directory, shards, endAt } = workerData as Steps;
const CHANGING = ['renameSync', 'rmSync', 'mkdirSync', 'writeFileSync', 'fsyncSync'] as const;
let calls = 0;

for (const name of CHANGING) {
  const real = fs[name] as (...args: unknown[]) => unknown;
  const counting = (...args: unknown[]): unknown => {
    if (calls++ === endAt) process.exit();
    return real(...args);
  };
  Object.assign(fs, { [name]: counting });
}
syncBuiltinESMExports();

const { reshard } = await import('../../src/supervisor/resharding.js');
const result = loadConfig({ values: { 'node.data_dir': directory, 'node.shards': shards } });
if (!result.ok) throw new Error('the configuration is wrong');
await reshard(result.config, silentLogger, () => Promise.reject(new Error('nothing is on its way')));
parentPort?.postMessage(calls);
