/** Frames from clients, cut into chunks in any way, against a model of what they carry and against `ws`. */
import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import type { Writable } from 'node:stream';
import test from 'ava';
import fc from 'fast-check';
import { FrameDecoder, FrameEnd } from '../../../../src/protocol/websocket/frame-decoder.js';
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  closePayload,
  type FrameOptions,
  frame,
  PING,
  PONG,
  TEXT,
} from '../../../helpers/websocket-frames.js';

const LIMIT = 1 << 20;

interface Decoded {
  readonly payload: Buffer;
  readonly pings: readonly string[];
  readonly end: FrameEnd;
  /** What the end is answered with; 0 while there is none. */
  readonly code: number;
}

/** Gives `bytes` to a decoder in chunks of these sizes, each where a larger buffer happens to have room. */
function decodeAll(bytes: Buffer, sizes: readonly number[] = [], limit = LIMIT): Decoded {
  const decoder = new FrameDecoder(limit);
  const payloads: Buffer[] = [];
  const pings: string[] = [];
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes.length === 0 ? bytes.length : sizes[n % sizes.length]!;
    const chunk = bytes.subarray(at, at + size);
    const offset = (n * 7) % 16;
    const memory = new Uint8Array(offset + 3 + chunk.length + 5).subarray(offset);
    memory.set(chunk, 3);
    decoder.decode(memory, 3, 3 + chunk.length);
    payloads.push(Buffer.from(memory.subarray(decoder.payloadStart, decoder.payloadEnd)));
    if (decoder.pingBytes >= 0) pings.push(Buffer.from(decoder.pingPayload).toString('latin1'));
    at += size;
  }
  const code = decoder.end === FrameEnd.None ? 0 : decoder.closeCode;
  return { payload: Buffer.concat(payloads), pings, end: decoder.end, code };
}

const mask = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 });
const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 3_000 })), {
  minLength: 1,
  maxLength: 20,
});
const data = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 140 }) },
  { weight: 2, arbitrary: fc.integer({ min: 100, max: 3_000 }).map((n) => new Uint8Array(n).fill(n)) },
  { weight: 1, arbitrary: fc.constantFrom(65_535, 65_536, 70_000).map((n) => new Uint8Array(n).fill(n)) },
);
const control = fc.record({
  opcode: fc.constantFrom(PING, PONG),
  payload: fc.uint8Array({ maxLength: 125 }),
  mask,
});
/** A message in fragments, with control frames before each of them. */
const message = fc.array(fc.record({ payload: data, mask, controls: fc.array(control, { maxLength: 2 }) }), {
  minLength: 1,
  maxLength: 4,
});

test('payloads come out as they went in, however they are fragmented, masked, cut and mixed with control frames', (t) => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 12 }), sizes, (messages, cuts) => {
      const frames: Buffer[] = [];
      const payloads: Uint8Array[] = [];
      let lastPing: string | undefined;
      for (const fragments of messages) {
        for (const [i, each] of fragments.entries()) {
          for (const { opcode, payload, mask } of each.controls) {
            frames.push(frame(opcode, payload, { mask }));
            if (opcode === PING) lastPing = Buffer.from(payload).toString('latin1');
          }
          const fin = i === fragments.length - 1;
          frames.push(frame(i === 0 ? BINARY : CONTINUATION, each.payload, { fin, mask: each.mask }));
          payloads.push(each.payload);
        }
      }
      const decoded = decodeAll(Buffer.concat(frames), cuts);
      t.true(decoded.payload.equals(Buffer.concat(payloads)));
      t.is(decoded.end, FrameEnd.None);
      t.is(decoded.pings.at(-1), lastPing);
    }),
    { numRuns: 300 },
  );
});

test('a ping that is answered later keeps its payload while the next one comes in', (t) => {
  const decoder = new FrameDecoder(LIMIT);
  const bytes = Buffer.concat([frame(PING, 'one'), frame(PING, 'two').subarray(0, 8)]);
  decoder.decode(bytes, 0, bytes.length);
  t.is(Buffer.from(decoder.pingPayload).toString(), 'one');
});

// A header with one thing or another about it that may be wrong.
const doubtful = fc.record({
  opcode: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(BINARY, CONTINUATION) },
    { weight: 3, arbitrary: fc.constantFrom(PING, PONG) },
    { weight: 1, arbitrary: fc.constantFrom(3, 4, 5, 6, 7, 11, 12, 15) },
  ),
  payload: fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 120, maxLength: 130 })),
  fin: fc.oneof({ weight: 2, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  rsv: fc.oneof(
    { weight: 20, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 7 }) },
  ),
  mask: fc.oneof({ weight: 20, arbitrary: mask }, { weight: 1, arbitrary: fc.constant(null) }),
});
const closing = fc.oneof(
  fc.constant(Buffer.alloc(0)),
  fc.constant(Buffer.alloc(1)),
  fc
    .tuple(fc.oneof(fc.integer({ min: 990, max: 1_020 }), fc.nat(65_535)), fc.string({ maxLength: 20 }))
    .map(([code, reason]) => closePayload(code, reason)),
  fc.uint8Array({ minLength: 2, maxLength: 40 }).map((bytes) => Buffer.concat([closePayload(1_000), bytes])),
);

const { Receiver } = createRequire(import.meta.url)('ws') as {
  Receiver: new (options: { isServer: boolean; maxPayload: number }) => EventEmitter & Writable;
};

/** @returns what `ws` makes of them: whole messages, and the code of the end, 0 for none. */
async function oracle(bytes: Buffer): Promise<{ payload: Buffer; code: number }> {
  const receiver = new Receiver({ isServer: true, maxPayload: LIMIT });
  const messages: Buffer[] = [];
  let code = 0;
  receiver.on('message', (message: Buffer) => messages.push(Buffer.from(message)));
  receiver.on('conclude', (given: number) => {
    code = given;
  });
  receiver.on('error', (error: NodeJS.ErrnoException) => {
    code = error.code === 'WS_ERR_INVALID_UTF8' ? 1_007 : 1_002;
  });
  receiver.write(Buffer.from(bytes));
  await new Promise(setImmediate);
  return { payload: Buffer.concat(messages), code };
}

// Left out: text, lengths in more bytes than needed and lengths of 2^63, of which `ws` takes the first two and has
// another code for the last; and the largest size, which for `ws` is one of messages.
test('what is taken, and with which code it ends, is what ws says', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(doubtful, { maxLength: 12 }),
      fc.option(fc.tuple(closing, mask)),
      sizes,
      async (specs, close, cuts) => {
        const frames = specs.map(({ opcode, payload, ...options }) => frame(opcode, payload, options));
        if (close !== null) frames.push(frame(CLOSE, close[0], { mask: close[1] }));
        const bytes = Buffer.concat(frames);
        const theirs = await oracle(bytes);
        const ours = decodeAll(bytes, cuts);
        t.is(ours.code, theirs.code);
        // Ours hands out fragments before their message is whole.
        t.true(ours.payload.subarray(0, theirs.payload.length).equals(theirs.payload));
      },
    ),
    { numRuns: 500 },
  );
});

test('random bytes never throw, nothing comes after the end, and no more comes out than went in', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), sizes, (random, cuts) => {
      const bytes = Buffer.from(random);
      const decoded = decodeAll(bytes, cuts);
      t.true(decoded.payload.length <= bytes.length);
      if (decoded.end === FrameEnd.None) return;
      const more = decodeAll(Buffer.concat([bytes, frame(BINARY, 'more')]), cuts);
      t.deepEqual(more, decoded);
    }),
    { numRuns: 2_000 },
  );
});

const VIOLATION = [FrameEnd.Violation, 1_002] as const;
const wrong: readonly [string, readonly Buffer[], FrameEnd, number][] = [
  ['an unmasked frame', [frame(BINARY, 'x', { mask: null })], ...VIOLATION],
  ...[1, 2, 4].map((rsv): [string, readonly Buffer[], FrameEnd, number] => [
    `reserved bit ${rsv}`,
    [frame(BINARY, 'x', { rsv })],
    ...VIOLATION,
  ]),
  ['an unknown opcode', [frame(3, 'x')], ...VIOLATION],
  ['an unknown control opcode', [frame(11, 'x')], ...VIOLATION],
  ['a fragmented ping', [frame(PING, 'x', { fin: false })], ...VIOLATION],
  ['a ping of 126 bytes', [frame(PING, new Uint8Array(126))], ...VIOLATION],
  ['a continuation of nothing', [frame(CONTINUATION, 'x')], ...VIOLATION],
  ['a continuation after the last', [frame(BINARY, 'x'), frame(CONTINUATION, 'x')], ...VIOLATION],
  ['a message within a message', [frame(BINARY, 'x', { fin: false }), frame(BINARY, 'x')], ...VIOLATION],
  ['text within a message', [frame(BINARY, 'x', { fin: false }), frame(TEXT, 'x')], ...VIOLATION],
  ['16 bits for a length of 125', [frame(BINARY, new Uint8Array(125), { lengthBytes: 2 })], ...VIOLATION],
  ['64 bits for a length of 65,535', [frame(BINARY, '', { lengthBytes: 8, length: 65_535n })], ...VIOLATION],
  ['a length of 2^63', [frame(BINARY, '', { lengthBytes: 8, length: 1n << 63n })], ...VIOLATION],
  ['a close frame of one byte', [frame(CLOSE, 'x')], ...VIOLATION],
  ['a close code that must not be sent', [frame(CLOSE, closePayload(1_005))], ...VIOLATION],
  ['a close reason that is no text', [frame(CLOSE, Buffer.of(3, 232, 0xff))], FrameEnd.Violation, 1_007],
  ['text', [frame(TEXT, 'x')], FrameEnd.Text, 1_003],
  ['empty text', [frame(TEXT)], FrameEnd.Text, 1_003],
  ['a frame above the limit', [frame(BINARY, '', { length: 1_048_577n })], FrameEnd.TooLarge, 1_009],
  ['a length of 2^62', [frame(BINARY, '', { lengthBytes: 8, length: 1n << 62n })], FrameEnd.TooLarge, 1_009],
  ['a close frame', [frame(CLOSE, closePayload(4_000, 'bye'))], FrameEnd.Closed, 4_000],
  ['a close frame without a code', [frame(CLOSE)], FrameEnd.Closed, 1_005],
];

for (const [what, frames, end, code] of wrong) {
  test(`${what} ends the input, and what came before it counts`, (t) => {
    const options: FrameOptions = { mask: [1, 2, 3, 4] };
    const before = frame(BINARY, 'before', options);
    const after = frame(BINARY, 'after', options);
    for (const cut of [1, 2, 3, 1_000]) {
      const decoded = decodeAll(Buffer.concat([before, ...frames, after]), [cut]);
      t.is(decoded.end, end);
      t.is(decoded.code, code);
      t.is(decoded.payload.toString().slice(0, 7), frames.length > 1 ? 'beforex' : 'before');
    }
  });
}

test('a frame of just the limit, and a message of many such, are taken', (t) => {
  const frames = [
    frame(BINARY, new Uint8Array(100), { fin: false }),
    frame(CONTINUATION, new Uint8Array(100), { fin: false }),
    frame(CONTINUATION, new Uint8Array(100)),
  ];
  const decoded = decodeAll(Buffer.concat(frames), [], 100);
  t.is(decoded.end, FrameEnd.None);
  t.is(decoded.payload.length, 300);
});
