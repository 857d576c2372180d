/**
 * What a commit of the store costs: `node dist/perf/micro/store.js [DIRECTORY]`. Each commit is one record of the
 * journal with so many messages of 64 bytes, and removes an older record, or, growing, none. CPU of all threads of the
 * process; bytes as the kernel counts them in /proc/self/io (pages that became dirty). One store, on Linux.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../../src/base/clock.js';
import { journalKey } from '../../src/storage/keys.js';
import { type KeepingLevel, LmdbStore } from '../../workers/store/lmdb-store.js';

const SECONDS = 1.5;
const ROUNDS = 3;
/** Of a message in a record: topic, payload and what is said about it. */
const MESSAGE_BYTES = 110;
const KEPT = 100;

interface Figures {
  readonly rate: number;
  readonly cpuMicros: number;
  readonly bytes: number;
}

const written = (): number => Number(/write_bytes: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))![1]);

async function measure(
  directory: string,
  level: KeepingLevel,
  messages: number,
  kept: number,
): Promise<Figures> {
  const options = { directory, level, flushIntervalMs: 1_000, unsyncedMax: 4, maxBytes: 0 };
  const store = new LmdbStore(options, new SystemClock());
  let number = 1;
  const commit = (): Promise<boolean> => {
    const value = Buffer.alloc(messages * MESSAGE_BYTES, number & 0xff);
    const changes = [{ table: 'journal', key: journalKey(number), value } as const];
    if (number > kept) {
      const old = { table: 'journal', key: journalKey(number - kept), value: null } as const;
      return new Promise((resolve) => store.commit([...changes, old], resolve));
    }
    return new Promise((resolve) => store.commit(changes, resolve));
  };
  for (; number < 2 * KEPT; number++) await commit();
  const first = number;
  const bytes = written();
  const cpu = process.cpuUsage();
  const beganMs = performance.now();
  for (; performance.now() - beganMs < SECONDS * 1_000; number++) await commit();
  const seconds = (performance.now() - beganMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const commits = number - first;
  const figures = {
    rate: commits / seconds,
    cpuMicros: (user + system) / commits,
    bytes: (written() - bytes) / commits,
  };
  await store.close();
  return figures;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

const parent = process.argv[2] ?? tmpdir();
for (const level of ['process', 'disk'] as const) {
  for (const kept of [KEPT, Number.POSITIVE_INFINITY]) {
    for (const messages of [1, 10, 100, 1_000]) {
      const rounds: Figures[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const directory = mkdtempSync(join(parent, 'shardmq-store-'));
        rounds.push(await measure(directory, level, messages, kept));
        rmSync(directory, { recursive: true, force: true });
      }
      const of = (name: keyof Figures): string =>
        median(rounds.map((each) => each[name]))
          .toFixed(0)
          .padStart(8);
      const what = `${level.padEnd(7)} ${kept === KEPT ? 'steady ' : 'growing'} ${String(messages).padStart(5)} messages`;
      process.stdout.write(
        `${what}: ${of('rate')} commits/s, ${of('cpuMicros')} us of CPU and ${of('bytes')} bytes written per commit\n`,
      );
    }
  }
}
