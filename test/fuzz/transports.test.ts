/**
 * As live.test.ts, through TLS and WebSocket: what is wrong may be the packets, with their owner on the edge shard or
 * on another one, or what is put around them. SHARDMQ_FUZZ_RUNS sets the number of runs per transport.
 */
import test from 'ava';
import fc from 'fast-check';
import { twist } from './carriage.js';
import { HOSTILE } from './hostile.js';
import { FuzzSiege } from './siege.js';
import { stream } from './streams.js';

const RUNS = Number(process.env['SHARDMQ_FUZZ_RUNS'] ?? 25);
/** What the broker may grow by, garbage that is not yet collected included. */
const GROWTH_BYTES_MAX = 250 * 2 ** 20;

for (const transport of ['ws', 'ssl', 'wss'] as const) {
  test.serial(`over ${transport} hostile, random and twisted bytes harm nobody else`, async (t) => {
    t.timeout(10 * 60_000);
    const siege = await FuzzSiege.start(transport);
    try {
      const before = siege.rssBytes;
      for (const [title, chunks] of Object.entries(HOSTILE)) {
        await t.notThrowsAsync(siege.attackWith(chunks), title);
      }
      const attacks = fc.array(fc.record({ chunks: stream, twist }), { minLength: 1, maxLength: 8 });
      const property = fc.asyncProperty(attacks, (each) => siege.attack(each));
      await fc.assert(property, { numRuns: RUNS, endOnFailure: true });
      const grownBytes = siege.rssBytes - before;
      t.true(grownBytes < GROWTH_BYTES_MAX, `grown by ${grownBytes} bytes`);
    } finally {
      await siege.stop();
    }
  });
}
