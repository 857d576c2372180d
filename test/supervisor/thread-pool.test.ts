import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setEnvironmentData } from 'node:worker_threads';
import test from 'ava';
import { ThreadPool } from '../../src/supervisor/thread-pool.js';
import { tempDirectory } from '../helpers/with-broker.js';

test('a thread that is still loading its module has done so before it is ended', async (t) => {
  const path = join(tempDirectory(), 'loaded');
  setEnvironmentData('slow-entry', path);
  const entry = new URL('./slow-entry.js', import.meta.url);
  const pool = new ThreadPool(entry, 1, 1 << 30, (error) => t.fail(error.message));
  t.true(await pool.destroy());
  t.is(readFileSync(path, 'utf8'), 'loaded');
});
