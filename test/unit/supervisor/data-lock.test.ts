/** One holder of a data directory at a time. */
import test from 'ava';
import { lockDataDir, tryLockDataDir } from '../../../src/supervisor/data-lock.js';
import { startTestBroker, tempDirectory } from '../../helpers/with-broker.js';

test('a directory is held by one at a time, until it is released', (t) => {
  const directory = tempDirectory();
  const first = lockDataDir(directory);
  t.is(tryLockDataDir(directory), null);
  t.throws(() => lockDataDir(directory), {
    message: `${directory} is in use by a broker that runs; stop it first, or name another directory (node.data_dir, --data DIR)`,
  });
  first.release();
  const second = lockDataDir(directory);
  first.release();
  t.is(tryLockDataDir(directory), null);
  second.release();
});

test('two brokers do not share a directory; one that could not start holds nothing', async (t) => {
  const directory = tempDirectory();
  const broker = await startTestBroker({}, directory);
  await t.throwsAsync(startTestBroker({}, directory), { code: 'DATA_DIR_FAILED' });
  await broker.stop();
  const busy = { config: { 'listener.tcp.external': '192.0.2.1:1' } };
  await t.throwsAsync(startTestBroker(busy, directory), { code: 'LISTENER_FAILED' });
  lockDataDir(directory).release();
});
