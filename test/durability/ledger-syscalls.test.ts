/** Level `disk` as the kernel sees it: what is acknowledged was flushed before. */
import { join } from 'node:path';
import test from 'ava';
import { temporaryDir } from '../cli/run-cli.js';
import { needs } from '../helpers/needs.js';
import { ack, PERSISTENT } from '../helpers/packets.js';
import { RawClient } from '../helpers/raw-client.js';
import { until } from '../helpers/with-broker.js';
import { startCliBroker } from './ledger/broker-process.js';
import { type Call, inHex, parseCalls, STRACE, Strace } from './ledger/strace.js';

const MESSAGES = 10;
const SYNCS = ['fdatasync', 'fsync', 'msync'];
const FLUSHES = 'fdatasync,fsync,msync';
const isRead = ({ name }: Call): boolean => ['read', 'readv', 'recvfrom'].includes(name);
const isWrite = ({ name }: Call): boolean => ['write', 'writev', 'sendto', 'sendmsg'].includes(name);

/** A broker at level `disk` with a session that is away and wants everything, and a publisher. */
async function begin(t: Parameters<typeof temporaryDir>[0]): Promise<{ pid: number; publisher: RawClient }> {
  const broker = startCliBroker({ dataDir: temporaryDir(t), level: 'disk', shards: 1 });
  t.teardown(() => broker.end('SIGKILL'));
  const address = { host: '127.0.0.1', port: await broker.ready };
  const subscriber = await RawClient.open(address, 4);
  await subscriber.connect({ clientId: 'away', ...PERSISTENT });
  await subscriber.subscribe([['t/#', 2]]);
  await subscriber.disconnect();
  const publisher = await RawClient.open(address, 5);
  await publisher.connect({ clientId: 'publisher', ...PERSISTENT });
  return { pid: broker.pid, publisher };
}

/** @returns whether a flush began after the packet was read and ended well before its acknowledgement was written */
function isFlushedBetween(calls: readonly Call[], payload: string, acknowledgement: Buffer): boolean {
  const read = calls.find((call) => isRead(call) && call.text.includes(inHex(Buffer.from(payload))));
  if (read === undefined) throw new Error(`nobody has read ${payload}`);
  const answer = inHex(acknowledgement);
  const written = calls.find(
    (call) => isWrite(call) && call.begunAt > read.endedAt && call.text.includes(answer),
  );
  if (written === undefined) throw new Error(`nobody has acknowledged ${payload}`);
  return calls.some(
    ({ name, begunAt, endedAt, text }) =>
      SYNCS.includes(name) && begunAt > read.endedAt && endedAt < written.begunAt && /= 0$/.test(text),
  );
}

needs(STRACE)(
  'a flush that was begun after PUBLISH had come has ended before PUBACK or PUBREC leaves',
  async (t) => {
    const { pid, publisher } = await begin(t);
    const strace = await Strace.attach(pid, join(temporaryDir(t), 'strace'));
    t.teardown(() => strace.detach());
    for (let i = 1; i <= MESSAGES; i++) {
      await publisher.publish({ topic: 't/1', qos: 1, id: 0x100 + i, payload: `once at least ${i};` });
      await publisher.publish({ topic: 't/2', qos: 2, id: 0x200 + i, payload: `exactly once ${i};` });
    }
    await strace.detach();
    const calls = strace.calls();
    for (let i = 1; i <= MESSAGES; i++) {
      t.true(isFlushedBetween(calls, `once at least ${i};`, ack('puback', 0x100 + i)), `PUBACK ${i}`);
      t.true(isFlushedBetween(calls, `exactly once ${i};`, ack('pubrec', 0x200 + i)), `PUBREC ${i}`);
    }
  },
);

needs(STRACE)(
  'while flushes fail nothing is acknowledged that needs one, and everything else goes on',
  async (t) => {
    const { pid, publisher } = await begin(t);
    const strace = await Strace.attach(pid, join(temporaryDir(t), 'strace'), `${FLUSHES}:error=EIO`);
    t.teardown(() => strace.detach());
    publisher.sendPublish({ topic: 't/1', qos: 1, id: 7, payload: 'not safe' });
    const failed = (): boolean =>
      strace.calls().some(({ name, endedAt }) => SYNCS.includes(name) && endedAt < Infinity);
    await until(failed, 'a flush that fails');
    publisher.sendPublish({ topic: 'nobody', qos: 1, id: 8, payload: 'needs nothing' });
    await publisher.expectSilence();
    await strace.detach();
    t.is((await publisher.expect('puback')).id, 7);
    t.is((await publisher.expect('puback')).id, 8);
  },
);

test('calls that were interrupted by others are put together, and flushes found between', (t) => {
  const calls = parseCalls([
    '7 read(20<socket:[1]>, "\\x61\\x62", 100) = 2',
    '8 fdatasync(9</data.mdb> <unfinished ...>',
    '7 write(20<socket:[1]>, "\\x40\\x02\\x00\\x01", 4) = 4',
    '8 <... fdatasync resumed>) = 0',
    '7 write(20<socket:[1]>, "\\x40\\x02\\x00\\x02", 4) = 4',
    '7 --- SIGTERM {si_signo=SIGTERM} ---',
  ]);
  t.deepEqual(
    calls.map(({ name, begunAt, endedAt }) => [name, begunAt, endedAt]),
    [
      ['read', 0, 0],
      ['fdatasync', 1, 3],
      ['write', 2, 2],
      ['write', 4, 4],
    ],
  );
  t.false(isFlushedBetween(calls, 'ab', ack('puback', 1)));
  t.true(isFlushedBetween(calls, 'ab', ack('puback', 2)));
});
