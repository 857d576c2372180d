/** A process that gives what is kept in a directory to another number of shards, and may be killed meanwhile. */

import { loadConfig } from '../../src/config/load.js';
import { reshard } from '../../src/supervisor/resharding.js';

const [directory = '', shards = ''] = process.argv.slice(2);

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const logger = { debug: say, info: say, warn: say, error: say, fatal: say };
const result = loadConfig({ values: { 'node.data_dir': directory, 'node.shards': Number(shards) } });
if (!result.ok) throw new Error('the configuration is wrong');
await reshard(result.config, logger, () => Promise.reject(new Error('nothing is on its way')));
