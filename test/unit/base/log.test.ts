import test from 'ava';
import { createLogger, readableLine, silentLogger } from '../../../src/base/log.js';

function collect(
  level: 'info' | 'error' | 'silent',
  readable: boolean,
): [string[], ReturnType<typeof createLogger>] {
  const lines: string[] = [];
  return [lines, createLogger({ level, readable, sink: { write: (line) => void lines.push(line) } })];
}

test('a JSON line has level, time, fields and message', (t) => {
  const [lines, log] = collect('info', false);
  log.warn('slow reader', { client_id: 'a', bytes: 5 });
  const { time, ...rest } = JSON.parse(lines[0]!) as Record<string, unknown>;
  t.deepEqual(rest, { level: 'warn', client_id: 'a', bytes: 5, msg: 'slow reader' });
  t.false(Number.isNaN(Date.parse(String(time))));
  t.true(lines[0]!.endsWith('}\n'));
});

test('lines below the level are not written', (t) => {
  for (const readable of [true, false]) {
    const [lines, log] = collect('error', readable);
    log.debug('a');
    log.info('b');
    log.warn('c');
    log.error('d');
    log.fatal('e');
    t.is(lines.length, 2);
  }
});

test('silent writes nothing', (t) => {
  const [lines, log] = collect('silent', true);
  log.fatal('x');
  silentLogger.fatal('x');
  t.deepEqual(lines, []);
});

test('a readable line cannot be forged by what a client sends', (t) => {
  const at = new Date(2026, 0, 2, 3, 4, 5);
  const line = readableLine(
    'warn',
    'bad\nclient',
    { client_id: 'x"\u001b[31m\ny', topic: 'a/b', ok: null },
    at,
  );
  t.is(line, '03:04:05 warn  bad\\u000aclient client_id="x\\"\\u001b[31m\\ny" topic=a/b ok=null\n');
});
