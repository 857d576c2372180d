/** WebSocket on a link: what it sends, in which order, and how it ends. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import { LINK_CLOSE_TIMEOUT_MS } from '../../../src/limits.js';
import { Counters } from '../../../src/metrics/counters.js';
import { Output, OutputPool } from '../../../workers/transport/output.js';
import { WebSocketLink } from '../../../workers/transport/websocket-link.js';
import { InnerLink, Listener, timing } from '../../helpers/inner-link.js';
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  closeCodeOf,
  closePayload,
  frame,
  PING,
  PONG,
  serverFrames,
  TEXT,
} from '../../helpers/websocket-frames.js';

function opened(options: { isBusy?: boolean; headroomBytes?: number } = {}) {
  const inner = new InnerLink(options.headroomBytes);
  const time = timing();
  const link = new WebSocketLink(inner, time, 1 << 20, options.isBusy ?? false);
  const listener = new Listener();
  link.handler = listener;
  const frames = () => serverFrames(inner.sent);
  return { inner, link, listener, time, frames };
}

function write(link: WebSocketLink, payload: Buffer): boolean {
  const chunk = Buffer.concat([Buffer.alloc(link.headroomBytes), payload]);
  return link.write(chunk, link.headroomBytes, chunk.length);
}

for (const size of [0, 1, 125, 126, 16_384, 65_535, 65_536, 70_000]) {
  test(`${size} bytes written are one binary frame`, (t) => {
    for (const headroomBytes of [0, 7]) {
      const { link, frames, inner } = opened({ headroomBytes });
      const payload = Buffer.alloc(size, 7);
      t.true(write(link, payload));
      t.true(size > 65_535 || inner.taken.length === 1, 'in one call');
      t.true(link.writeAll([payload, payload.subarray(size >> 1)]));
      const sizes = frames().map(({ opcode, payload }) => [opcode, payload.length]);
      t.deepEqual(sizes, [
        [BINARY, size],
        [BINARY, size + size - (size >> 1)],
      ]);
    }
  });
}

test('frames of one chunk reach the handler as one run of bytes, and control frames not at all', (t) => {
  const { inner, listener, frames } = opened();
  inner.receive(
    frame(BINARY, 'one', { fin: false }),
    frame(PING, 'ping'),
    frame(PONG, 'pong'),
    frame(CONTINUATION, 'two'),
  );
  t.deepEqual(listener.chunks.map(String), ['onetwo']);
  t.deepEqual(frames(), [{ opcode: PONG, payload: Buffer.from('ping') }]);
});

const step = fc.oneof(
  fc.record({ kind: fc.constant('append' as const), bytes: fc.nat(300) }),
  fc.record({ kind: fc.constant('append' as const), bytes: fc.nat(20_000) }),
  fc.record({ kind: fc.constant('own' as const), bytes: fc.nat(70_000) }),
  fc.record({ kind: fc.constantFrom('flush' as const, 'slow' as const, 'drain' as const, 'ping' as const) }),
);

test('whatever is written leaves once and in order, pings are answered in between, and the link below is never pushed', (t) => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.nat(9),
      fc.boolean(),
      (steps, headroomBytes, isBusy) => {
        const { inner, link, frames, time } = opened({ headroomBytes });
        const pool = new OutputPool(time.turn, 1_000, new Counters());
        const output = new Output(pool, link);
        link.handler = { onBytes() {}, onDrain: () => void output.onDrain(), onLinkClosed() {} };
        inner.isSlow = isBusy;
        const sent: Buffer[] = [];
        let pings = 0;
        for (const each of steps) {
          if (each.kind === 'append' || each.kind === 'own') {
            const bytes = Buffer.alloc(each.bytes + 1, sent.length + 1);
            sent.push(bytes);
            if (each.kind === 'own') output.appendOwned(bytes);
            else output.append(bytes, 0, bytes.length);
          } else if (each.kind === 'flush') pool.flushAll();
          else if (each.kind === 'slow') inner.isSlow = true;
          else if (each.kind === 'drain') inner.drain();
          else inner.receive(frame(PING, `${++pings}`));
        }
        pool.flushAll();
        inner.drain();
        while (output.blocked) inner.drain();
        const all = frames();
        const payloads = all.filter(({ opcode }) => opcode === BINARY).map(({ payload }) => payload);
        t.true(Buffer.concat(payloads).equals(Buffer.concat(sent)));
        const pongs = all.filter(({ opcode }) => opcode === PONG).map(({ payload }) => Number(payload));
        t.deepEqual(
          pongs,
          [...pongs].sort((a, b) => a - b),
        );
        t.is(pongs.at(-1) ?? 0, pings);
        t.deepEqual([output.waitingBytes, inner.isPaused], [0, false]);
      },
    ),
    { numRuns: 300 },
  );
});

test('a link that took over one that is busy waits for it', (t) => {
  const { inner, link, listener, frames } = opened({ isBusy: true });
  t.false(write(link, Buffer.from('first')));
  t.is(inner.sent.length, 0);
  inner.handler.onDrain();
  t.deepEqual(
    frames().map(({ payload }) => String(payload)),
    ['first'],
  );
  t.is(listener.drains, 1);
});

test('a client that pings and does not read gets the last answer only, and is not read until it takes it', (t) => {
  const { inner, link, frames } = opened();
  inner.isSlow = true;
  write(link, Buffer.from('data'));
  for (let n = 1; n <= 1_000; n++) inner.receive(frame(PING, `${n}`));
  t.true(inner.isPaused);
  link.resume();
  t.true(inner.isPaused, 'its handler does not change that');
  inner.drain();
  t.deepEqual(
    frames().map(({ payload }) => String(payload)),
    ['data', '1000'],
  );
  t.false(inner.isPaused);
});

test('a link that its handler has paused stays paused when the answers to pings have left', (t) => {
  const { inner, link } = opened();
  inner.isSlow = true;
  write(link, Buffer.from('data'));
  for (let n = 1; n <= 3; n++) inner.receive(frame(PING));
  link.pause();
  inner.drain();
  t.true(inner.isPaused);
  link.resume();
  t.false(inner.isPaused);
});

const ends: readonly [string, Buffer, number | null, string][] = [
  ['a close frame is answered with its code', frame(CLOSE, closePayload(1_001, 'leaving')), 1_001, 'closed'],
  ['a close frame without a code is answered without one', frame(CLOSE), null, 'closed'],
  ['text is refused [MQTT-6.0.0-1]', frame(TEXT, 'x'), 1_003, 'websocket_text'],
  ['an unmasked frame is refused', frame(BINARY, 'x', { mask: null }), 1_002, 'websocket_error'],
  [
    'a frame above the limit is refused',
    frame(BINARY, '', { length: 1n << 40n }),
    1_009,
    'websocket_frame_too_large',
  ],
];

for (const [title, bytes, code, reason] of ends) {
  test(`${title}: a close frame, the end of the link, and its reason once`, async (t) => {
    const { inner, link, listener, frames } = opened();
    inner.receive(frame(BINARY, 'before'), bytes, frame(BINARY, 'after'));
    t.is(String(listener.received), 'before');
    t.is(closeCodeOf(frames()[0]!), code);
    t.is(inner.ended, 'end');
    inner.receive(frame(BINARY, 'later'));
    t.true(write(link, Buffer.from('unread')), 'whoever writes is not held up');
    link.end();
    await nextTurn();
    t.deepEqual(listener.ends, [reason]);
    t.is(String(listener.received), 'before');
    t.is(frames().length, 1);
  });

  test(`${title}: behind what its handler has not used yet`, async (t) => {
    const { inner, link, frames } = opened();
    const listener = new Listener(() => link.pause());
    link.handler = listener;
    inner.receive(frame(BINARY, 'before'), bytes);
    t.is(inner.ended, null);
    t.true(inner.isPaused);
    link.resume();
    t.is(inner.ended, 'end');
    t.is(closeCodeOf(frames()[0]!), code);
    await nextTurn();
    t.deepEqual(listener.ends, [reason]);
  });

  test(`${title}: behind what is on its way`, async (t) => {
    const { inner, link, listener, frames } = opened();
    inner.isSlow = true;
    write(link, Buffer.from('data'));
    inner.receive(frame(PING), bytes);
    t.is(inner.ended, null);
    inner.drain();
    t.deepEqual(
      frames().map(({ opcode }) => opcode),
      [BINARY, CLOSE],
    );
    t.is(inner.ended, 'end');
    await nextTurn();
    t.deepEqual(listener.ends, [reason]);
  });

  test(`${title}: a client that stays is cut off`, async (t) => {
    const { inner, listener, time } = opened();
    inner.isStubborn = true;
    inner.receive(bytes);
    time.advance(LINK_CLOSE_TIMEOUT_MS - 200);
    t.is(inner.ended, 'end');
    time.advance(LINK_CLOSE_TIMEOUT_MS + 200);
    t.is(inner.ended, 'destroy');
    await nextTurn();
    t.deepEqual(listener.ends, [reason]);
    t.is(time.wheel.size, 0);
  });
}

test('an end from above says 1000, once what is written has left', async (t) => {
  const { inner, link, listener, frames } = opened();
  inner.isSlow = true;
  write(link, Buffer.from('data'));
  link.end();
  inner.receive(frame(BINARY, 'late'), frame(TEXT, 'late'));
  t.is(inner.ended, null);
  inner.drain();
  t.deepEqual(
    frames().map(({ opcode }) => opcode),
    [BINARY, CLOSE],
  );
  t.is(closeCodeOf(frames()[1]!), 1_000);
  await nextTurn();
  t.deepEqual([listener.ends, listener.received.length, listener.drains], [['closed'], 0, 0]);
});

test('a handler may end the link within its bytes: what follows them in the chunk has no effect', async (t) => {
  for (const end of ['end', 'destroy'] as const) {
    const { inner, link, frames } = opened();
    const listener = new Listener(() => link[end]());
    link.handler = listener;
    inner.receive(frame(BINARY, 'x'), frame(PING), frame(CLOSE, closePayload(4_000)));
    t.is(inner.ended, end);
    t.deepEqual(frames().map(closeCodeOf), end === 'end' ? [1_000] : []);
    await nextTurn();
    t.deepEqual(listener.ends, ['closed']);
  }
});

test('a connection that breaks is told once, with its own reason', (t) => {
  const { inner, listener } = opened();
  inner.receive(frame(BINARY, 'hal', { fin: false }).subarray(0, 7));
  inner.drop('econnreset');
  t.deepEqual(listener.ends, ['econnreset']);
});
