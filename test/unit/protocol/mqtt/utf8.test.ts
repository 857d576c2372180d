/** MQTT's UTF-8 rules against the platform's own strict decoder. */
import test from 'ava';
import fc from 'fast-check';
import { isValidUtf8Mqtt } from '../../../../src/protocol/mqtt/utf8.js';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function oracle(bytes: Uint8Array): boolean {
  if (bytes.includes(0)) return false;
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

const check = (...bytes: number[]): boolean => isValidUtf8Mqtt(Uint8Array.from(bytes), 0, bytes.length);

test('[MQTT-1.5.4-1] surrogates, overlong forms and characters above U+10FFFF are refused', (t) => {
  t.false(check(0xed, 0xa0, 0x80));
  t.false(check(0xed, 0xbf, 0xbf));
  t.false(check(0xc0, 0x80));
  t.false(check(0xc1, 0xbf));
  t.false(check(0xe0, 0x9f, 0xbf));
  t.false(check(0xf0, 0x8f, 0xbf, 0xbf));
  t.false(check(0xf4, 0x90, 0x80, 0x80));
  t.false(check(0xf5, 0x80, 0x80, 0x80));
  t.true(check(0xed, 0x9f, 0xbf));
  t.true(check(0xee, 0x80, 0x80));
  t.true(check(0xf4, 0x8f, 0xbf, 0xbf));
});

test('[MQTT-1.5.4-2] U+0000 is refused, other control characters are not', (t) => {
  t.false(check(0x61, 0, 0x62));
  t.true(check(0x01, 0x1f, 0x7f));
});

test('[MQTT-1.5.4-3] U+FEFF is an ordinary character', (t) => {
  t.true(check(0xef, 0xbb, 0xbf));
});

test('a sequence cut off by the end is refused although the buffer goes on', (t) => {
  const bytes = Buffer.from('aé€😀');
  for (let end = 0; end <= bytes.length; end += 1) {
    t.is(isValidUtf8Mqtt(bytes, 0, end), oracle(bytes.subarray(0, end)), `end ${end}`);
  }
});

test('any bytes are judged as the strict decoder judges them', (t) => {
  const near = fc.array(
    fc.oneof(
      fc.constantFrom(
        0x61,
        0x7f,
        0x80,
        0x8f,
        0x90,
        0x9f,
        0xa0,
        0xbf,
        0xc0,
        0xc2,
        0xdf,
        0xe0,
        0xe1,
        0xed,
        0xef,
        0xf0,
        0xf1,
        0xf4,
        0xf5,
      ),
      fc.integer({ min: 0, max: 255 }),
    ),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(near, (values) => check(...values) === oracle(Uint8Array.from(values))),
    { numRuns: 20_000 },
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const bytes = Buffer.from(text);
      return isValidUtf8Mqtt(bytes, 0, bytes.length) === oracle(bytes);
    }),
  );
  t.pass();
});
