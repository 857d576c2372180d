/**
 * Nanoseconds per WebSocket message of our frames and of `ws`: `node dist/perf/micro/websocket.js`. Each figure is the
 * best of several rounds. In: chunks of frames as a socket gives them, with another mask each. Out: a payload with room
 * before it, handed to a link that takes everything. One thread.
 */
import { createRequire } from 'node:module';
import { PassThrough, type Writable } from 'node:stream';
import { SystemClock } from '../../src/base/clock.js';
import { TimerWheel } from '../../src/base/timer-wheel.js';
import { READ_BUFFER_BYTES, TIMER_WHEEL_SLOTS, TIMER_WHEEL_TICK_MS } from '../../src/limits.js';
import { FrameDecoder } from '../../src/protocol/websocket/frame-decoder.js';
import { type Link, type LinkHandler, NO_HANDLER } from '../../workers/transport/link.js';
import { WebSocketLink } from '../../workers/transport/websocket-link.js';
import { Turn } from '../../workers/turn.js';

const ROUNDS = 15;
const ROUND_MESSAGES = 200_000;

interface Receiver extends Writable {
  readonly listenerCount: (event: string) => number;
}
interface Sender {
  send(payload: Buffer, options: object): void;
}
const ws = createRequire(import.meta.url)('ws') as {
  Receiver: new (options: object) => Receiver;
  Sender: new (socket: Writable) => Sender;
};

let sink = 0;

class Below implements Link {
  handler: LinkHandler = NO_HANDLER;
  readonly headroomBytes = 0;

  write(_chunk: Uint8Array, start: number, end: number): boolean {
    sink += end - start;
    return true;
  }

  writeAll(chunks: readonly Uint8Array[]): boolean {
    sink += chunks.length;
    return true;
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

const above: LinkHandler = {
  onBytes(_bytes, start, end) {
    sink += end - start;
  },
  onDrain() {},
  onLinkClosed() {},
};

/** `count` masked frames of `payloadBytes`, in one chunk. */
function framesOf(count: number, payloadBytes: number): Buffer {
  const headerBytes = payloadBytes < 126 ? 6 : 8;
  const bytes = Buffer.alloc(count * (headerBytes + payloadBytes), 0x5a);
  for (let n = 0; n < count; n++) {
    const at = n * (headerBytes + payloadBytes);
    bytes[at] = 0x82;
    bytes[at + 1] = 0x80 | (payloadBytes < 126 ? payloadBytes : 126);
    if (payloadBytes >= 126) bytes.writeUInt16BE(payloadBytes, at + 2);
    bytes.writeInt32LE(((n + 1) * 0x9e3779b9) | 0, at + headerBytes - 4);
  }
  return bytes;
}

function bestNs(messages: number, round: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i++) {
    const start = process.hrtime.bigint();
    let done = 0;
    for (; done < ROUND_MESSAGES; done += messages) round();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / done);
  }
  return best;
}

/** Reading overwrites what it reads, so every round begins with a copy, as it does with a read from the kernel. */
function measureIn(count: number, payloadBytes: number): number[] {
  const frames = framesOf(count, payloadBytes);
  const buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  const copy = bestNs(count, () => {
    sink += frames.copy(buffer);
  });
  const decoder = new FrameDecoder(1 << 20);
  const ours = bestNs(count, () => {
    decoder.decode(buffer, 0, frames.copy(buffer));
    sink += decoder.payloadEnd;
  });
  const below = new Below();
  const turn = new Turn(new SystemClock());
  const wheel = new TimerWheel({ tickMs: TIMER_WHEEL_TICK_MS, slots: TIMER_WHEEL_SLOTS, nowMs: turn.nowMs });
  const link = new WebSocketLink(below, { turn, wheel }, 1 << 20, false);
  link.handler = above;
  const linked = bestNs(count, () => below.handler.onBytes(buffer, 0, frames.copy(buffer)));
  const receiver = new ws.Receiver({ isServer: true, maxPayload: 1 << 20 });
  receiver.on('message', (message: Buffer) => {
    sink += message.length;
  });
  const theirs = bestNs(count, () => {
    receiver.write(buffer.subarray(0, frames.copy(buffer)));
  });
  return [ours - copy, linked - copy, theirs - copy];
}

function measureOut(payloadBytes: number): number[] {
  const turn = new Turn(new SystemClock());
  const wheel = new TimerWheel({ tickMs: TIMER_WHEEL_TICK_MS, slots: TIMER_WHEEL_SLOTS, nowMs: turn.nowMs });
  const link = new WebSocketLink(new Below(), { turn, wheel }, 1 << 20, false);
  const chunk = Buffer.alloc(link.headroomBytes + payloadBytes);
  const ours = bestNs(1, () => {
    sink += link.write(chunk, link.headroomBytes, chunk.length) ? 1 : 0;
  });
  const socket = new PassThrough();
  socket.resume();
  socket.cork = socket.uncork = () => {};
  socket.write = (bytes: Buffer) => {
    sink += bytes.length;
    return true;
  };
  const sender = new ws.Sender(socket);
  const options = { binary: true, fin: true, mask: false, compress: false };
  const payload = chunk.subarray(link.headroomBytes);
  const theirs = bestNs(1, () => sender.send(payload, options));
  return [ours, ours, theirs];
}

function print(title: string, cells: readonly (number | string)[]): void {
  const text = cells.map((cell) => (typeof cell === 'string' ? cell : cell.toFixed(1)).padStart(12));
  process.stdout.write(`${title.padEnd(36)}${text.join('')}\n`);
}

print('ns per message', ['frames', 'and link', 'ws']);
for (const [payloadBytes, count] of [
  [64, 1],
  [64, 10],
  [64, 100],
  [1_024, 1],
  [1_024, 50],
  [16_384, 1],
] as const) {
  print(`in: ${payloadBytes} bytes, ${count} in a chunk`, measureIn(count, payloadBytes));
}
for (const payloadBytes of [64, 1_024, 16_384]) print(`out: ${payloadBytes} bytes`, measureOut(payloadBytes));
if (sink === 0) throw new Error('nothing was measured');
