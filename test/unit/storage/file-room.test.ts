/** Room in a file before it is needed. */
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { STORE_ROOM_AHEAD_BYTES, STORE_TRUST_MS } from '../../../src/limits.js';
import { Environment } from '../../../src/storage/environment.js';
import { FileRoom } from '../../../src/storage/file-room.js';
import { tempDirectory } from '../../helpers/with-broker.js';

function roomOf(bytes: number): { room: FileRoom; path: string; turn(ms: number): void } {
  const path = join(tempDirectory(), 'file');
  writeFileSync(path, Buffer.alloc(bytes, 1));
  let nowMs = 0;
  const room = new FileRoom(path, { monotonicMs: () => nowMs });
  return {
    room,
    path,
    turn: (ms) => {
      nowMs += ms;
    },
  };
}

test('nothing is known at first; what was made or found is taken piece by piece', async (t) => {
  const { room, path } = roomOf(10_000);
  t.false(room.take(1));
  t.false(room.takeBehind(4_000, 6_000));
  t.is(await room.make(6_000), null);
  t.is(statSync(path).size, 10_000);
  t.false(room.take(1));
  t.true(room.takeBehind(8_000, 1_500));
  t.true(room.take(500));
  t.false(room.take(1));
});

test('a file that is too short gets more than is asked for, in whole pages', async (t) => {
  const { room, path } = roomOf(10_000);
  room.takeBehind(9_000, 20_000);
  t.is(await room.make(20_000), null);
  const { size } = statSync(path);
  t.true(size >= 29_000 + STORE_ROOM_AHEAD_BYTES && size % 4_096 === 0, `${size}`);
  t.true(room.take(STORE_ROOM_AHEAD_BYTES));
  t.is(statSync(path).size, size);
});

test('room counts for a time only: then whether the file can be written at all is looked at', async (t) => {
  const { room, path, turn } = roomOf(100_000);
  room.takeBehind(1_000, 1);
  t.is(await room.make(1), null);
  turn(STORE_TRUST_MS);
  t.true(room.take(1));
  turn(1);
  t.false(room.take(1));
  t.is(await room.make(1), null);
  t.true(room.take(1));
  turn(STORE_TRUST_MS + 1);
  room.wasWritable();
  t.true(room.take(1));
  turn(STORE_TRUST_MS + 1);
  rmSync(path);
  t.regex((await room.make(1))!.message, /ENOENT/);
  t.false(room.take(1));
});

test('many small rows in one write take no more room than they may need', async (t) => {
  const directory = tempDirectory();
  const environment = new Environment(directory, ['meta']);
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  for (const value of [20, 30]) {
    const rows = Array.from({ length: 20_000 }, (_, i) => ({
      ...{ table: 'meta' as const, key: Buffer.from(`key ${i}`), value: Buffer.alloc(value) },
    }));
    await environment.writeSafely(rows);
  }
  const { size } = statSync(join(directory, 'data.mdb'));
  t.true(
    size < 8 * environment.usedBytes + 2 * STORE_ROOM_AHEAD_BYTES,
    `${size} for ${environment.usedBytes}`,
  );
  await environment.close();
});
