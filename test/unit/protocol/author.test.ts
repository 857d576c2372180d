import test from 'ava';
import fc from 'fast-check';
import { authorOf, namesOf } from '../../../src/protocol/author.js';

const text = fc.string({ unit: 'binary', maxLength: 40 });
const clientId = text.map((each) => each.replaceAll('\0', '-'));

test('the names of a client are kept whole, a character for each byte', (t) => {
  fc.assert(
    fc.property(clientId, fc.option(text), (id, username) => {
      const author = authorOf(id, username);
      t.deepEqual(namesOf(author), { clientId: id, username });
      const separatorBytes = username === null ? 0 : 1;
      t.is(author.length, Buffer.byteLength(id) + separatorBytes + Buffer.byteLength(username ?? ''));
      t.true([...author].every((each) => each.charCodeAt(0) <= 0xff));
    }),
  );
});

test('an empty user name is one, and none is none', (t) => {
  t.deepEqual(namesOf(authorOf('a', '')), { clientId: 'a', username: '' });
  t.deepEqual(namesOf(authorOf('a', null)), { clientId: 'a', username: null });
  t.deepEqual(namesOf(null), { clientId: null, username: null });
});
