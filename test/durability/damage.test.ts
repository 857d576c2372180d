/**
 * A broker whose stores were damaged while it was away starts, says what is lost, and lets clients in; or it refuses,
 * and says what to do. `DAMAGE_SEED=` repeats the choices of an earlier run.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { BrokerError } from '../../src/base/errors.js';
import type { RunningBroker } from '../../src/broker.js';
import { needs, type Requirement } from '../helpers/needs.js';
import { RawClient } from '../helpers/raw-client.js';
import { addressOf, quickDirectory, RecordingLogger, startTestBroker } from '../helpers/with-broker.js';
import { publishRound, settle } from './household.js';
import { settingsOf } from './ledger/broker-process.js';
import { Random } from './ledger/random.js';

const PAGE_BYTES = 4_096;
const ROUNDS = 6;
const SESSIONS = 20;
const SEED = Number(process.env['DAMAGE_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const OPTIONS = { config: { 'node.shards': 2, 'mqtt.persistence.level': 'process' } } as const;
const LOSS = /messages that were acknowledged may be missing, and those with QoS 2 may come twice/;

const original = join(quickDirectory(), 'data');

test.before(async () => {
  const broker = await startTestBroker(OPTIONS, original);
  await settle(addressOf(broker));
  await publishRound(addressOf(broker), 0);
  // So many that there is one on each shard.
  for (let i = 0; i < SESSIONS; i++) {
    const client = await RawClient.open(addressOf(broker), 4);
    await client.connect({ clientId: `session-${i}`, clean: false });
    client.drop();
  }
  await broker.stop();
});

/** @returns a data directory with what clients have left */
function copy(): string {
  const directory = join(quickDirectory(), 'data');
  cpSync(original, directory, { recursive: true });
  return directory;
}

async function lets(t: ExecutionContext, broker: RunningBroker): Promise<void> {
  for (const clientId of ['device-0', 'device-1', 'anybody']) {
    const client = await RawClient.open(addressOf(broker), 5);
    t.is((await client.connect({ clientId })).type, 'connack');
    await client.subscribe('x');
    client.drop();
  }
}

async function startsAgain(
  t: ExecutionContext,
  damage: (shard: string) => void,
  alarm = 'store_damaged.1',
): Promise<void> {
  const directory = copy();
  damage(join(directory, 'shard-1'));
  const logger = new RecordingLogger();
  const broker = await startTestBroker({ ...OPTIONS, logger }, directory);
  try {
    const [found] = broker.alarms();
    t.is(found?.id, alarm);
    t.true(logger.has('error', /lost/));
    if (alarm !== 'store_missing.1') {
      t.regex(found?.summary ?? '', LOSS);
      t.true(logger.has('error', LOSS));
    }
    t.is(readdirSync(directory).includes('shard-1.bad'), alarm === 'store_damaged.1');
    await lets(t, broker);
  } finally {
    await broker.stop();
  }
}

const fileIn = (shard: string): string => join(shard, 'data.mdb');

test.serial('a store whose file ends early', (t) =>
  startsAgain(t, (shard) => truncateSync(fileIn(shard), 2 * PAGE_BYTES + 1)),
);

test.serial('a store that is empty', (t) => startsAgain(t, (shard) => truncateSync(fileIn(shard), 0)));

test.serial('a store whose pages are overwritten', (t) =>
  startsAgain(t, (shard) =>
    writeFileSync(fileIn(shard), readFileSync(fileIn(shard)).fill(0, 2 * PAGE_BYTES)),
  ),
);

test.serial('a store that is another kind of file', (t) =>
  startsAgain(t, (shard) => writeFileSync(fileIn(shard), 'text\n'.repeat(20_000))),
);

test.serial('a file where the store ought to be', (t) =>
  startsAgain(t, (shard) => {
    rmSync(shard, { recursive: true });
    writeFileSync(shard, 'text');
  }),
);

test.serial('a directory where its file ought to be', (t) =>
  startsAgain(t, (shard) => {
    rmSync(fileIn(shard));
    mkdirSync(fileIn(shard));
  }),
);

test.serial('a store without its file', (t) => startsAgain(t, (shard) => rmSync(fileIn(shard))));

test.serial('a store that is missing', (t) =>
  startsAgain(t, (shard) => rmSync(shard, { recursive: true }), 'store_missing.1'),
);

/** Bends all sessions where lmdb does not look. */
function bendSessions(shard: string): void {
  const bytes = readFileSync(fileIn(shard));
  for (let at = bytes.indexOf('tcp.ext'); at >= 0; at = bytes.indexOf('tcp.ext', at + 1)) bytes[at]! ^= 1;
  writeFileSync(fileIn(shard), bytes);
}

test.serial('rows that are damaged where lmdb does not look', (t) =>
  startsAgain(t, bendSessions, 'store_rows_lost.1'),
);

test.serial(
  'a store that was damaged is mended before it is given to other shards, with an alarm',
  async (t) => {
    const directory = copy();
    truncateSync(join(directory, 'shard-0', 'data.mdb'), 3 * PAGE_BYTES);
    bendSessions(join(directory, 'shard-1'));
    const broker = await startTestBroker({ config: { ...OPTIONS.config, 'node.shards': 3 } }, directory);
    try {
      t.deepEqual(
        broker.alarms().map(({ id }) => id),
        ['store_damaged.0', 'store_rows_lost.1'],
      );
      for (const { summary } of broker.alarms()) t.regex(summary, LOSS);
      await lets(t, broker);
    } finally {
      await broker.stop();
    }
  },
);

test.serial('without node.json nobody could find anything in the stores: the start is refused', async (t) => {
  const directory = copy();
  rmSync(join(directory, 'node.json'));
  await t.throwsAsync(startTestBroker(OPTIONS, directory), {
    code: 'DATA_DIR_FAILED',
    message: /node\.json is missing, and the stores beside it are of no use without it: restore it/,
  });
  t.false(existsSync(join(directory, 'node.json')));
});

type Damage = (file: string, random: Random) => void;

const bent =
  (bend: (bytes: Buffer, random: Random) => void): Damage =>
  (file, random) => {
    const bytes = readFileSync(file);
    bend(bytes, random);
    writeFileSync(file, bytes);
  };

const DAMAGES: readonly Damage[] = [
  (file, random) => truncateSync(file, random.between(0, readFileSync(file).length - 1)),
  (file, random) => writeFileSync(file, Buffer.concat([readFileSync(file), garbage(random, 9_000)])),
  (file, random) => writeFileSync(join(file, '..', 'lock.mdb'), garbage(random, random.between(0, 9_000))),
  (file) => cpSync(join(file, '..', '..', 'shard-0', 'data.mdb'), file),
  bent((bytes, random) => {
    for (let bits = random.between(1, 60); bits > 0; bits--) {
      bytes[random.between(0, bytes.length - 1)]! ^= 1 << random.between(0, 7);
    }
  }),
  bent((bytes, random) => {
    for (let pages = random.between(1, 5); pages > 0; pages--) {
      const at = random.between(0, bytes.length / PAGE_BYTES - 1) * PAGE_BYTES;
      garbage(random, PAGE_BYTES).copy(bytes, at);
    }
  }),
  bent((bytes, random) => {
    const at = random.between(0, bytes.length - 1);
    bytes.fill(0, at, at + random.between(1, 3 * PAGE_BYTES));
  }),
];

function garbage(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.between(0, 255)));
}

test.serial('whatever has happened to a file, the broker starts, or says what to do', async (t) => {
  t.timeout(120_000);
  t.log(`DAMAGE_SEED=${SEED}`);
  const random = new Random(SEED);
  for (let round = 0; round < ROUNDS; round++) {
    const directory = copy();
    const which = random.between(0, DAMAGES.length - 1);
    DAMAGES[which]!(join(directory, 'shard-1', 'data.mdb'), random);
    try {
      const broker = await startTestBroker(OPTIONS, directory);
      await lets(t, broker);
      await broker.stop();
    } catch (error) {
      t.true(error instanceof BrokerError && error.code === 'DATA_DIR_FAILED', `${which}: ${String(error)}`);
    }
  }
});

const CLI = fileURLToPath(new URL('../../src/cli.cjs', import.meta.url));
const NOBODY = 65_534;
/** Rights mean nothing to root, who becomes somebody else for this. */
const asOther = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
const READABLE: Requirement = {
  name: 'the project readable by others',
  isMet: () => spawnSync(process.execPath, [CLI, '--version'], asOther).status === 0,
};

needs(READABLE)(
  'a store that may not be read, or not be written, refuses the start with what to do',
  async (t) => {
    const directory = copy();
    const data = join(directory, 'shard-1', 'data.mdb');
    chmodSync(join(directory, '..'), 0o755);
    if (process.getuid?.() === 0) spawnSync('chown', ['-R', `${NOBODY}`, directory]);
    const set = settingsOf({ dataDir: directory, level: 'process', shards: 2 });
    for (const [path, mode] of [
      [data, 0o000],
      [data, 0o400],
      [join(directory, 'shard-1'), 0o600],
      [join(directory, 'shard-1', 'lock.mdb'), 0o000],
    ] as const) {
      chmodSync(path, mode);
      const args = [CLI, 'start', ...set.flatMap((pair) => ['--set', pair])];
      const child = spawn(process.execPath, args, {
        ...asOther,
        env: {},
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const said = await text(child.stderr);
      t.regex(said, /shard-1.*(EACCES|ermission denied).*: (let|see)/, `${path} ${mode}`);
      chmodSync(path, 0o700);
    }
  },
);
