import test from 'ava';
import fc from 'fast-check';
import { asciiJson } from '../../src/api/http/answers.js';

test('JSON of answers is ASCII, and says the same', (t) => {
  t.is(
    asciiJson({ a: 'é\u007f€\ud83d\ude00~' }).toString('latin1'),
    '{"a":"\\u00e9\\u007f\\u20ac\\ud83d\\ude00~"}',
  );
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
      const bytes = asciiJson([value, text]);
      t.true(bytes.every((byte) => byte < 0x7f));
      t.is(JSON.stringify(JSON.parse(bytes.toString('latin1'))), JSON.stringify([value, text]));
    }),
  );
});
