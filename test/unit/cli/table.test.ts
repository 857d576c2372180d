import test from 'ava';
import { cut, displayText, widthOf } from '../../../src/cli/remote/display-text.js';
import { Output, type OutputStream, ReaderGone } from '../../../src/cli/remote/output.js';
import { Table, writeFacts } from '../../../src/cli/remote/table.js';

/** Keeps what is written to it. */
class Screen implements OutputStream {
  text = '';
  readonly isTTY: boolean;

  constructor(readonly columns: number) {
    this.isTTY = columns > 0;
  }

  write(text: string, done: () => void): boolean {
    this.text += text;
    done();
    return true;
  }

  on(): void {
    // It never fails.
  }
}

const COLUMNS = [
  { key: 'id', title: 'ID' },
  { key: 'count', title: 'COUNT', isNumber: true },
  { key: 'topic', title: 'TOPIC' },
];
const ROWS = [
  { id: 'a', count: 1, topic: 'plant/1' },
  { id: 'longer', count: 1000000, topic: 'a topic name that is really rather long' },
];

async function tableOn(columns: number, ...lots: (typeof ROWS)[]): Promise<string> {
  const screen = new Screen(columns);
  const table = new Table(COLUMNS, new Output(screen, false));
  for (const rows of lots) await table.write(rows);
  return screen.text;
}

test('on a terminal columns are as wide as they need, numbers stand on the right', async (t) => {
  t.is(
    await tableOn(80, ROWS),
    'ID        COUNT  TOPIC\n' +
      'a             1  plant/1\n' +
      'longer  1000000  a topic name that is really rather long\n',
  );
});

test('on a narrow terminal the widest text gives way, then columns on the right; no line is too wide', async (t) => {
  t.is(
    await tableOn(30, ROWS),
    'ID        COUNT  TOPIC\n' + 'a             1  plant/1\n' + 'longer  1000000  a topic name…\n',
  );
  t.is(await tableOn(20, ROWS), 'ID        COUNT\n' + 'a             1\n' + 'longer  1000000\n');
  for (let columns = 8; columns < 60; columns++) {
    for (const line of (await tableOn(columns, ROWS)).split('\n')) t.true(line.length <= columns, line);
  }
});

test('later rows keep to the widths of the first, under one heading', async (t) => {
  const wide = [{ id: 'much longer than before', count: 2, topic: 'x' }];
  t.is(
    await tableOn(80, ROWS.slice(0, 1), wide),
    'ID  COUNT  TOPIC\n' + 'a       1  plant/1\n' + 'm…      2  x\n',
  );
});

test('in a pipe nothing is cut, padded or headed', async (t) => {
  t.is(await tableOn(0, ROWS), ROWS.map(({ id, count, topic }) => `${id}\t${count}\t${topic}\n`).join(''));
  const screen = new Screen(0);
  await writeFacts({ name: 'a\tb', more: [1] }, new Output(screen, false));
  t.is(screen.text, 'name\ta\\tb\nmore\t[1]\n');
});

test('what moves cursors, turns text or ends lines is written out', (t) => {
  t.is(displayText('a\x1b[2J\u009b\n\r\t\u202e\u2028\u0000'), 'a\\x1b[2J\\x9b\\n\\r\\t\\u202e\\u2028\\x00');
  t.is(displayText('ü 温度 \\ "'), 'ü 温度 \\ "');
});

test('width counts columns, not code units', (t) => {
  t.deepEqual(['abc', 'ü', 'u\u0308', '温度', '🚀', ''].map(widthOf), [3, 1, 1, 4, 2, 0]);
  t.is(cut('温度計', 5), '温度…');
  t.is(cut('温度計', 4), '温…');
  t.is(cut('abc', 3), 'abc');
});

test('whoever has stopped reading is told from an output that fails', async (t) => {
  const failing = (code: string): Output =>
    new Output(
      {
        write: (_text, done) => {
          done(Object.assign(new Error(code), { code }));
          return false;
        },
        on: () => undefined,
      },
      false,
    );
  await t.throwsAsync(failing('EPIPE').lines(['x']), { instanceOf: ReaderGone });
  await t.throwsAsync(failing('ENOSPC').lines(['x']), { message: 'ENOSPC' });
});

test('JSON is fit for a terminal too, and still says the same', async (t) => {
  const screen = new Screen(0);
  const row = { id: 'a\u009b31m\u202eb\u2028\u001b[2J', topic: 'ä/字' };
  await new Output(screen, true).json([row]);
  t.is(screen.text, '{"id":"a\\u009b31m\\u202eb\\u2028\\u001b[2J","topic":"ä/字"}\n');
  t.deepEqual(JSON.parse(screen.text), row);
});
