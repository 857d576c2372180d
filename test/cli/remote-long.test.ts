/** Long lists: page by page, in as much memory as one page takes. */
import test from 'ava';
import { accessTo, says, stubApi, typing } from './remote.js';
import { CliProcess } from './run-cli.js';

const NODES = says([{ name: 'n@h' }]);
const ROWS = 100_000;

const rowAt = (at: number): object => ({
  client_id: `client-${String(at).padStart(7, '0')}-${'x'.repeat(200)}`,
  username: 'undefined',
});

test('100,000 rows come page by page through a heap of 24 MiB', async (t) => {
  const stub = await stubApi(t, (what) => {
    if (!what.includes('/clients')) return NODES;
    const page = new URL(what.slice(4), 'http://x').searchParams;
    const size = Number(page.get('page_size'));
    const from = (Number(page.get('curr_page')) - 1) * size;
    const length = Math.max(0, Math.min(size, ROWS - from));
    return says({ total_num: ROWS, objects: Array.from({ length }, (_, at) => rowAt(from + at)) });
  });
  const limits = ['--max-old-space-size=24', '--max-semi-space-size=2'];
  const cli = new CliProcess(['clients', 'list', '--json'], accessTo(stub.port), limits);
  const { code, stdout, stderr } = await cli.ended();
  t.deepEqual([code, stderr], [0, '']);
  const lines = stdout.trimEnd().split('\n');
  t.is(lines.length, ROWS);
  t.is(lines[0], JSON.stringify(rowAt(0)));
  t.is(lines.at(-1), JSON.stringify(rowAt(ROWS - 1)));
  t.is(stub.requests.length, 1 + Math.ceil(ROWS / 2_048));
});

test('a page that the broker finds too long is asked for in halves, and no row is left out or repeated', async (t) => {
  const rows = Array.from({ length: 5_000 }, (_, at) => ({ topic: `t/${at}`, node: 'n@h' }));
  const stub = await stubApi(t, (what) => {
    const page = new URL(what.slice(4), 'http://x').searchParams;
    const size = Number(page.get('page_size'));
    const from = (Number(page.get('curr_page')) - 1) * size;
    if (from > 2_000 && size > 256) return { text: '{"code":102,"message":"too long"}' };
    return says({ total_num: rows.length, objects: rows.slice(from, from + size) });
  });
  t.is((await typing(stub.port)('topics')).stdout, rows.map(({ topic }) => `${topic}\n`).join(''));
  t.is((await typing(stub.port)('topics --limit 2100')).stdout.split('\n').length, 2_101);
});

test('a list that gets shorter while it is read ends', async (t) => {
  const stub = await stubApi(t, (what) => {
    const isFirst = what.includes('curr_page=1&');
    return says({ total_num: 1e6, objects: isFirst ? [{ topic: 'a', node: 'n@h' }] : [] });
  });
  t.is((await typing(stub.port)('topics')).stdout, 'a\n');
});
