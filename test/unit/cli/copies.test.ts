/** What the command line says of a backup that takes long. */
import test from 'ava';
import { progress } from '../../../src/cli/copies.js';
import { BACKUP_PROGRESS_MS } from '../../../src/limits.js';

test('a short copy says nothing of its progress, a long one now and then', (t) => {
  let nowMs = 5;
  const said: string[] = [];
  const onProgress = progress({ monotonicMs: () => nowMs }, (line) => said.push(line));
  onProgress(0.1);
  nowMs += BACKUP_PROGRESS_MS - 1;
  onProgress(0.2);
  t.deepEqual(said, []);
  nowMs += 1;
  onProgress(0.429);
  onProgress(0.43);
  t.deepEqual(said, ['42 % is done']);
  nowMs += BACKUP_PROGRESS_MS;
  onProgress(1);
  t.deepEqual(said, ['42 % is done', '100 % is done']);
});
