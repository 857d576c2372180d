/** ARCHITECTURE.md against the code that it tells of. */
import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';

const ROOT = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');
const PAGE = read('ARCHITECTURE.md');

test('every message between main and a shard is in the table', (t) => {
  const protocol = read('src/actor/shard-protocol.ts');
  const requests = [...protocol.matchAll(/^ {2}'([\w.]+)': \{/gm)];
  const events = [...protocol.matchAll(/kind: 'event'; readonly type: '([\w.]+)'/g)];
  const types = new Set([...requests, ...events].map(([, type]) => type!));
  t.true(types.size > 30);
  const missing = [...types].filter(
    (type) => !PAGE.includes(`\`${type}\``) && !PAGE.includes(`\`${type.split('.')[0]}.*\``),
  );
  t.deepEqual(missing, []);
});

test('every folder of src and workers, and every file beside them, is in the tree', (t) => {
  const tree = PAGE.slice(PAGE.indexOf('## The tree'), PAGE.indexOf('## How a message travels'));
  for (const folder of ['src', 'workers']) {
    const names = readdirSync(new URL(`${folder}/`, ROOT), { withFileTypes: true });
    const missing = names
      .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
      .filter((name) => !tree.split(/\s+/).includes(name));
    t.deepEqual(missing, [], folder);
  }
});
