/** lmdb forgets a transaction that is committed while another process opens the environment: here none is. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { Environment, type Write } from '../../src/storage/environment.js';
import { OpenGate, openBetween } from '../../src/storage/open-gate.js';
import { TABLES, type Table } from '../../src/storage/tables.js';
import { tempDirectory } from '../helpers/with-broker.js';

const OPENINGS = 150;
const COMMITS = 600;
const OPENER = fileURLToPath(new URL('./opening-process.js', import.meta.url));

function opener(t: ExecutionContext, directory: string, what: 'opens' | 'holds'): ChildProcess {
  const child = fork(OPENER, [directory, what], { execArgv: [] });
  t.teardown(() => child.kill('SIGKILL'));
  return child;
}

function environmentOf(t: ExecutionContext): [string, Environment<Table>] {
  const directory = join(tempDirectory(), 'store');
  const environment = new Environment(directory, TABLES);
  t.teardown(() => environment.close());
  return [directory, environment];
}

function row(number: number): Write<Table> {
  const key = Buffer.alloc(8);
  key.writeDoubleBE(number);
  return { table: 'journal', key, value: Buffer.alloc(100 + ((number * 37) % 1_500)) };
}

function committed(environment: Environment<Table>, write: Write<Table>): Promise<void> {
  return new Promise((resolve, reject) => {
    environment.write([write], { committed: resolve, flushed: () => {}, failed: reject });
  });
}

test('a process that opens the environment of another again and again loses it no commit', async (t) => {
  const [directory, environment] = environmentOf(t);
  let openings = 0;
  for (const child of [opener(t, directory, 'opens'), opener(t, directory, 'opens')]) {
    child.on('message', () => openings++);
  }
  let commits = 0;
  while (commits < COMMITS || openings < OPENINGS) {
    await committed(environment, row(++commits));
    // Told at once, since a later commit would hide how it came about.
    if (environment.count('journal') !== commits) break;
  }
  t.is(environment.count('journal'), commits, `after ${openings} openings`);
});

test('a commit waits while somebody opens the environment, and for nobody who has died meanwhile', async (t) => {
  const [directory, environment] = environmentOf(t);
  const child = opener(t, directory, 'holds');
  await once(child, 'message');
  let isCommitted = false;
  const waiting = committed(environment, row(1)).then(() => {
    isCommitted = true;
  });
  for (let i = 0; i < 50; i++) {
    child.send('are you there');
    await once(child, 'message');
  }
  t.false(isCommitted);
  child.kill('SIGKILL');
  await waiting;
  t.is(environment.count('journal'), 1);
});

test('who opens waits for the transaction under way, and comes before the next one', async (t) => {
  const [directory] = environmentOf(t);
  const gate = new OpenGate(directory);
  t.teardown(() => gate.close());
  t.true(gate.enter());
  const said: string[] = [];
  const opened = openBetween(directory, () => said.push('opened'));
  t.false(gate.enter(), 'the next one waits');
  said.push('committed');
  gate.leave();
  await opened;
  t.deepEqual(said, ['committed', 'opened']);
  t.true(gate.enter());
});
