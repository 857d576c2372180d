/** The arena of short texts against a list of them. */
import test from 'ava';
import fc from 'fast-check';
import { TextArena } from '../../../workers/retained/text-arena.js';

const length = fc.oneof(
  fc.nat(40),
  fc.integer({ min: 100, max: 600 }),
  fc.constantFrom(0, 4_096, 32_769, 65_535),
);
const step = fc.record({ isPut: fc.boolean(), length, filler: fc.nat(255), pick: fc.nat(30) });

test('what is put into the arena stays as it was until it is freed', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
      const arena = new TextArena();
      const kept: { address: number; bytes: Buffer }[] = [];
      for (const { isPut, length, filler, pick } of steps) {
        if (isPut) {
          const bytes = Buffer.alloc(length + 2, filler);
          kept.push({ address: arena.put(bytes, 1, length + 1), bytes: bytes.subarray(1, length + 1) });
        } else if (kept[pick] !== undefined) {
          const [{ address, bytes }] = kept.splice(pick, 1) as [(typeof kept)[0]];
          arena.free(address, bytes.length);
        }
        for (const { address, bytes } of kept) {
          if (!arena.equals(address, bytes.length, bytes, 0, bytes.length)) throw new Error('text changed');
        }
      }
    }),
    { numRuns: 100 },
  );
  t.pass();
});

test('freed memory is used again', (t) => {
  const arena = new TextArena();
  for (let i = 0; i < 100_000; i += 1) {
    const bytes = Buffer.alloc((i % 300) + 1, i);
    arena.free(arena.put(bytes, 0, bytes.length), bytes.length);
  }
  t.is(arena.pageBytes, 65_536);
});
