/** One connection's output: what it sends, in which order, and that it keeps no memory it does not need. */
import test from 'ava';
import fc from 'fast-check';
import { SystemClock } from '../../../src/base/clock.js';
import { LINK_WRITE_BYTES_MAX, OUTPUT_CHUNK_BYTES } from '../../../src/limits.js';
import { Counters } from '../../../src/metrics/counters.js';
import { type Link, type LinkHandler, NO_HANDLER } from '../../../workers/transport/link.js';
import { Output, OutputPool } from '../../../workers/transport/output.js';
import { Turn } from '../../../workers/turn.js';

/** Takes everything, or keeps what it was given until `free`. */
class Sink implements Link {
  handler: LinkHandler = NO_HANDLER;
  readonly taken: Buffer[] = [];
  isBusy = false;
  private held: readonly Uint8Array[] = [];

  constructor(readonly headroomBytes: number) {}

  write(chunk: Uint8Array, start: number, end: number): boolean {
    // What is left free belongs to the link.
    chunk.fill(0xff, start - this.headroomBytes, start);
    return this.writeAll([chunk.subarray(start, end)]);
  }

  // What is held may not be changed by anybody: it is looked at only when the link lets go of it.
  writeAll(chunks: readonly Uint8Array[]): boolean {
    this.held = chunks;
    if (!this.isBusy) this.free();
    return !this.isBusy;
  }

  free(): void {
    this.isBusy = false;
    for (const chunk of this.held) this.taken.push(Buffer.from(chunk));
    this.held = [];
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
}

const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('append' as const), bytes: fc.nat(20_000) }) },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('append' as const), bytes: fc.nat(100) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('own' as const), bytes: fc.nat(40_000) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('stream' as const), bytes: fc.nat(60_000) }) },
  { weight: 4, arbitrary: fc.constant({ kind: 'flush' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'busy' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'drain' as const }) },
);

test('everything leaves once and in order, is counted while it waits, and no chunk stays with an output at rest', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(10), (steps, headroomBytes) => {
      const pool = new OutputPool(new Turn(new SystemClock()), 1_000, new Counters());
      const sink = new Sink(headroomBytes);
      const output = new Output(pool, sink);
      const sent: Buffer[] = [];
      let fill = 0;
      for (const each of steps) {
        if (each.kind === 'append' || each.kind === 'own' || each.kind === 'stream') {
          const bytes = Buffer.alloc(each.bytes + 1, ++fill);
          sent.push(bytes);
          if (each.kind === 'own') output.appendOwned(bytes);
          else if (each.kind === 'stream') {
            const source = Buffer.concat([Buffer.of(0xff), bytes]);
            output.appendStream(source, 1, source.length);
            source.fill(0xff);
          } else output.append(Buffer.concat([Buffer.of(0xff), bytes]), 1, bytes.length + 1);
        } else if (each.kind === 'flush') pool.flushAll();
        else if (each.kind === 'busy') sink.isBusy = true;
        else if (output.blocked) {
          sink.free();
          output.onDrain();
        } else sink.isBusy = false;
      }
      pool.flushAll();
      while (output.blocked) {
        sink.free();
        output.onDrain();
      }
      t.true(Buffer.concat(sink.taken).equals(Buffer.concat(sent)));
      t.deepEqual(
        [output.waitingBytes, pool.waitingBytes, pool.counters.bytesSent],
        [0, 0, Buffer.concat(sent).length],
      );
      t.is(output.chunk, null);
    }),
    { numRuns: 200 },
  );
});

test('an output that is closed gives its memory back and takes no more', (t) => {
  const pool = new OutputPool(new Turn(new SystemClock()), 1_000, new Counters());
  const sink = new Sink(0);
  const output = new Output(pool, sink);
  sink.isBusy = true;
  output.append(Buffer.alloc(10), 0, 10);
  pool.flushAll();
  output.append(Buffer.alloc(OUTPUT_CHUNK_BYTES / 4), 0, OUTPUT_CHUNK_BYTES / 4);
  t.is(pool.waitingBytes, 10 + OUTPUT_CHUNK_BYTES / 4);
  output.close();
  output.append(Buffer.alloc(10), 0, 10);
  output.flush();
  sink.free();
  t.is(pool.waitingBytes, 0);
  t.is(Buffer.concat(sink.taken).length, 10);
});

test('a link gets what waits in pieces, so that one that takes some of it can be told from one that takes none', (t) => {
  const pool = new OutputPool(new Turn(new SystemClock()), 1_000, new Counters());
  const sink = new Sink(0);
  const output = new Output(pool, sink);
  sink.isBusy = true;
  output.appendOwned(Buffer.alloc(10));
  pool.flushAll();
  output.appendOwned(Buffer.alloc(3 * LINK_WRITE_BYTES_MAX));
  const waiting: number[] = [];
  while (output.blocked) {
    waiting.push(output.waitingBytes);
    sink.free();
    sink.isBusy = true;
    output.onDrain();
    if (waiting.length === 4) sink.free();
  }
  t.deepEqual(
    waiting,
    [10 + 3 * LINK_WRITE_BYTES_MAX, 3, 2, 1].map((n) => (n < 10 ? n * LINK_WRITE_BYTES_MAX : n)),
  );
});
