import { strictEqual } from 'node:assert';
import { crc32 } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { checkOf } from '../../../src/storage/check-value.js';

const bytes = fc.uint8Array({ maxLength: 150 });

test('it is the CRC-32 of key and value, however long they are', (t) => {
  fc.assert(
    fc.property(bytes, bytes, fc.nat(150), (key, value, end) => {
      const part = value.subarray(0, end);
      strictEqual(checkOf(key, value, part.length), crc32(Buffer.concat([key, part])));
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});
