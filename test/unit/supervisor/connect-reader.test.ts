/** Half-read CONNECTs, on sockets that are connected to nothing. */
import { Socket } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import { defaultConfig } from '../../../src/config/load.js';
import { HALF_READ_BYTES_MAX, HALF_READ_CONNECTS_MAX } from '../../../src/limits.js';
import { ConnectReader } from '../../../src/supervisor/connect-reader.js';
import { ListenerFigures } from '../../../src/supervisor/listener-figures.js';

interface Passed {
  readonly head: Buffer;
  readonly packetBytes: number;
}

function setUp(connectBytesMax = 1024) {
  const passed: Passed[] = [];
  const listener = new ListenerFigures(0, defaultConfig().listeners[0]!);
  const reader = new ConnectReader(
    { connectBytesMax, idleTimeoutMs: 1_000 },
    (arrival, head, packetBytes) => {
      arrival.socket.destroy();
      passed.push({ head: Buffer.from(head), packetBytes });
    },
  );
  const begin = (acceptedAtMs = 0): Socket => {
    const socket = new Socket();
    listener.current++;
    reader.begin({ socket, listener, acceptedAtMs, peerAddress: '::1', peerPort: 1 });
    return socket;
  };
  return { reader, listener, passed, begin };
}

test('a CONNECT is passed on whole, however it was cut into pieces', (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 0, maxLength: 800 }),
      fc.uint8Array({ maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 30 }),
      (body, behind, cuts) => {
        const { passed, begin, reader } = setUp();
        const length = body.length < 128 ? [body.length] : [(body.length & 0x7f) | 0x80, body.length >> 7];
        const packet = Buffer.from([0x10, ...length, ...body]);
        const sent = Buffer.concat([packet, behind]);
        const socket = begin();
        for (let at = 0, i = 0; at < sent.length && passed.length === 0; i++) {
          const end = at + cuts[i % cuts.length]!;
          socket.emit('data', sent.subarray(at, end));
          at = end;
        }
        const [{ head, packetBytes }] = passed as [Passed];
        return (
          packetBytes === packet.length && head.equals(sent.subarray(0, head.length)) && reader.count === 0
        );
      },
    ),
  );
  t.pass();
});

test('what is announced too large, or is no CONNECT, is passed on as it stands', (t) => {
  const { passed, begin } = setUp(100);
  begin().emit('data', Buffer.from([0x10, 99]));
  begin().emit('data', Buffer.from([0x10, 98]));
  begin().emit('data', Buffer.from([0x30]));
  t.deepEqual(passed, [
    { head: Buffer.from([0x10, 99]), packetBytes: 0 },
    { head: Buffer.from([0x30]), packetBytes: 0 },
  ]);
});

test('connections are closed in the order of their arrival when their time is over', (t) => {
  const { reader, listener, begin } = setUp();
  const sockets = [begin(0), begin(400), begin(800)];
  reader.sweep(1_400);
  t.deepEqual(
    sockets.map((socket) => socket.destroyed),
    [true, true, false],
  );
  t.deepEqual(listener.shutdownCount(), { idle_timeout: 2 });
  reader.stop();
  t.is(listener.current, 0);
});

test('above the bound in number the oldest goes', (t) => {
  const { reader, listener, begin } = setUp();
  const oldest = begin();
  for (let n = 1; n < HALF_READ_CONNECTS_MAX; n++) begin();
  t.false(oldest.destroyed);
  begin();
  t.true(oldest.destroyed);
  t.is(reader.count, HALF_READ_CONNECTS_MAX);
  t.deepEqual(listener.shutdownCount(), { connect_overflow: 1 });
});

test('above the bound in bytes the oldest goes, and its bytes are free again', (t) => {
  const mebibyte = 1 << 20;
  const { listener, begin } = setUp(4 * mebibyte);
  const piece = Buffer.alloc(mebibyte, 0x80);
  Buffer.from([0x10, 0xff, 0xff, 0x7f]).copy(piece);
  const fitting = HALF_READ_BYTES_MAX / mebibyte;
  for (let n = 0; n < fitting; n++) begin().emit('data', piece);
  t.deepEqual(listener.shutdownCount(), {});
  for (let n = 0; n < 3; n++) begin().emit('data', piece);
  t.deepEqual(listener.shutdownCount(), { connect_overflow: 3 });
});
