import test from 'ava';
import fc from 'fast-check';
import { NO_MESSAGE, STATE_SENT } from '../../../../src/storage/journal-format.js';
import { KeptRecord } from '../../../../workers/store/kept-record.js';
import { OVER, RowIndex } from '../../../../workers/store/row-index.js';

const SIZES = Uint32Array.of(100, 70_000);
const PLACES = 5_000;

test('a row of which few entries are left takes little memory', (t) => {
  const index = new RowIndex(PLACES, 1, 1, SIZES);
  index.put(PLACES - 1, 0);
  t.true(index.cells.length + index.places!.length < 10);
});

test('an entry is found at its place, however many others there are', (t) => {
  const places = fc.uniqueArray(fc.nat({ max: 99 }), { minLength: 1, maxLength: 100 });
  const property = fc.property(places, fc.boolean(), (some, hasMessages) => {
    const rising = some.toSorted((a, b) => a - b);
    const record = new KeptRecord(1, null);
    const index = new RowIndex(rising.at(-1)! + 1, rising.length, 2, SIZES);
    for (const place of rising) index.put(place, hasMessages ? place % 2 : NO_MESSAGE);
    record.made(index, 1_000, 12, 0, 0);
    for (let place = 0; place < 110; place++) {
      const expected = hasMessages ? place % 2 : NO_MESSAGE;
      if (record.messageAt(place) !== (rising.includes(place) ? expected : OVER)) return false;
      if (record.step(place, place + 1, place + 2, STATE_SENT) !== rising.includes(place)) return false;
    }
    for (const place of rising) {
      if (record.orderOf(place) !== place + 1 || record.packetIdOf(place) !== place + 2) return false;
      if (!record.end(place) || record.end(place)) return false;
    }
    return record.isOver && !record.isNeeded(0) && !record.isNeeded(1);
  });
  fc.assert(property);
  t.pass();
});
