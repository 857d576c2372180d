import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { ShardTraces } from '../../../src/actions/traces.js';
import type { TraceLine, TraceLot } from '../../../src/actor/trace-protocol.js';
import type { TraceListener } from '../../../src/api/broker-port.js';
import { SystemClock } from '../../../src/base/clock.js';
import {
  TRACE_LINES_PER_TAKE,
  TRACE_LINES_WAITING_MAX,
  TRACE_TAKE_INTERVAL_MS,
} from '../../../src/limits.js';
import { asShardId } from '../../../src/protocol/ids.js';
import type { AskedShards } from '../../../src/supervisor/asked-shards.js';
import { payloadDetail } from '../../../workers/tracing/trace-text.js';
import { TestShard } from '../../helpers/test-shard.js';
import { until } from '../../helpers/with-broker.js';

test('a shard has hooks for traces only while there is one, and keeps no more lines than it may', async (t) => {
  const shard = new TestShard();
  t.teardown(() => shard.stop());
  const { hooks } = shard.parts;
  const points = () =>
    [hooks.publish, hooks.delivered, hooks.acked, hooks.dropped, hooks.connected].filter(
      (each) => each !== null,
    );
  t.is(points().length, 0);
  await shard.main.request('trace.start', { id: 1, subject: { clientId: 'a' } });
  await shard.main.request('trace.start', { id: 2, subject: { filter: 't/#' } });
  t.is(points().length, 5);
  const client = shard.open('a');
  const count = TRACE_LINES_WAITING_MAX + 500;
  for (let i = 0; i < count; i++) client.publish({ topic: 'u' });
  await until(() => shard.parts.counters.receivedQos[0] === count, 'all messages');
  const lots: TraceLot[] = [];
  do lots.push((await shard.main.request('trace.take', { id: 1 }))!);
  while (lots.at(-1)!.hasMore);
  t.true(lots.every(({ lines }) => lines.length <= TRACE_LINES_PER_TAKE));
  t.is(lots.flatMap(({ lines }) => lines).length, TRACE_LINES_WAITING_MAX);
  // CONNECT is one event, too.
  t.deepEqual(
    lots.map(({ missed }) => missed).filter((missed) => missed > 0),
    [501],
  );
  t.deepEqual(await shard.main.request('trace.take', { id: 2 }), { lines: [], hasMore: false, missed: 0 });
  await shard.main.request('trace.stop', { id: 1 });
  t.is(points().length, 5);
  t.is(await shard.main.request('trace.take', { id: 1 }), null);
  await shard.main.request('trace.stop', { id: 2 });
  t.is(points().length, 0);
});

const LINE: TraceLine = { atMs: 0, event: 'publish', clientId: 'a', topic: 't', detail: {} };

test('while its reader is busy nothing is taken, and a trace that nobody reads ends by itself', async (t) => {
  let taken = 0;
  const asked: string[] = [];
  const shards = {
    count: 1,
    ownerOf: () => asShardId(0),
    request: (_shard: number, type: string) => {
      asked.push(type);
      if (type !== 'trace.take') return Promise.resolve(null);
      taken++;
      return Promise.resolve({ lines: [LINE], hasMore: true, missed: 0 });
    },
  } as unknown as AskedShards;
  const heard: string[] = [];
  const listener: TraceListener & { isBusy: boolean } = {
    isBusy: false,
    line: () => {
      listener.isBusy = true;
    },
    missed: () => {},
    ended: (why) => void heard.push(why),
  };
  const clock = new SystemClock();
  const traces = new ShardTraces(shards, clock);
  const bounds = { durationMs: 600_000, linesMax: 100 };
  await traces.start({ filter: '#' }, bounds, listener);
  await until(() => taken === 1);
  await sleep(TRACE_TAKE_INTERVAL_MS * 2);
  t.is(taken, 1);
  clock.advance(bounds.durationMs);
  await until(() => heard.length > 0);
  t.deepEqual(heard, ['time']);
  t.is(taken, 2, 'and once at its end');
  await nextTurn();
  t.is(asked.at(-1), 'trace.stop');
});

test('a payload is shown as text without half a character, or in hex', (t) => {
  const shown = (bytes: Buffer): object => payloadDetail(bytes);
  t.deepEqual(shown(Buffer.alloc(0)), { payload_bytes: 0, payload: '' });
  t.deepEqual(shown(Buffer.from('😀'.repeat(65))), { payload_bytes: 260, payload: '😀'.repeat(64) });
  t.deepEqual(shown(Buffer.from(`x${'😀'.repeat(64)}`)), {
    payload_bytes: 257,
    payload: `x${'😀'.repeat(63)}`,
  });
  t.deepEqual(shown(Buffer.alloc(300, 0x80)), { payload_bytes: 300, payload_hex: '80'.repeat(256) });
  t.deepEqual(shown(Buffer.from([0xc3])), { payload_bytes: 1, payload_hex: 'c3' });
});
