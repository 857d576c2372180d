import test from 'ava';
import fc from 'fast-check';
import { copyBytes, withWords } from '../../../src/base/bytes.js';

test('copyBytes copies exactly the range, of any length and at any offset, prepared or not', (t) => {
  const cases = fc.tuple(fc.nat(200), fc.nat(20), fc.nat(20), fc.nat(20), fc.boolean(), fc.boolean());
  fc.assert(
    fc.property(cases, ([length, start, at, offset, isSource, isTarget]) => {
      const from = new Uint8Array(new ArrayBuffer(300), offset, 250);
      for (let i = 0; i < from.length; i++) from[i] = i * 7 + 1;
      const to = new Uint8Array(250).fill(0xee);
      if (isSource) withWords(from);
      if (isTarget) withWords(to);
      const end = copyBytes(from, start, start + length, to, at);
      const isOutsideKept = to.every((byte, i) => (i >= at && i < at + length) || byte === 0xee);
      return (
        end === at + length &&
        isOutsideKept &&
        Buffer.from(to.subarray(at, end)).equals(from.subarray(start, start + length))
      );
    }),
  );
  t.pass();
});
