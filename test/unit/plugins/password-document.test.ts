/** The document of passwords: what is written is read again, and what was damaged is not. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { BrokerError } from '../../../src/base/errors.js';
import { parseHashFormat, type StoredPassword } from '../../../src/passwords/hash-format.js';
import { readPasswords, writePasswords } from '../../../src/plugins/shared/password-document.js';
import { MemoryDocument } from '../../helpers/documents.js';

const MD5 = parseHashFormat('salt,md5');
const PLAIN = parseHashFormat('plain');

function storedMd5(seed: number): StoredPassword {
  return { format: MD5, salt: `salt${seed}`, hash: seed.toString(16).padStart(32, '0') };
}

async function written(names: number): Promise<MemoryDocument> {
  const document = new MemoryDocument();
  const entries = Array.from({ length: names }, (_, i) => [`user${i}`, storedMd5(i)] as const);
  await writePasswords(document, new Map(entries));
  return document;
}

async function refusesToRead(t: ExecutionContext, document: MemoryDocument, message: RegExp): Promise<void> {
  const error = await t.throwsAsync(readPasswords(document), {
    instanceOf: BrokerError,
    code: 'DATA_DIR_FAILED',
  });
  t.regex(error.message, message);
}

test('no document is no passwords', async (t) => {
  t.is((await readPasswords(new MemoryDocument())).size, 0);
});

test('what is written is read again, whatever the names and plain passwords', async (t) => {
  const document = new MemoryDocument();
  const text = fc.string({ unit: 'binary' });
  await fc.assert(
    fc.asyncProperty(fc.dictionary(text, text), async (passwords) => {
      const entries = new Map(
        Object.entries(passwords).map(([name, hash]) => [name, { format: PLAIN, salt: '', hash }]),
      );
      await writePasswords(document, entries);
      t.deepEqual(await readPasswords(document), entries);
    }),
    { numRuns: 30 },
  );
});

test('an empty document is damaged', async (t) => {
  const document = new MemoryDocument(Buffer.alloc(0));
  await refusesToRead(t, document, /line 1/);
});

test('a document of another version is refused with the version', async (t) => {
  const document = await written(3);
  document.bytes = Buffer.from(document.text.replace('"version":1', '"version":2'));
  await refusesToRead(t, document, /version 2/);
});

test('a line that is no password is named', async (t) => {
  const document = await written(3);
  document.bytes = Buffer.from(document.text.replace('salt1', 'sa"lt1'));
  await refusesToRead(t, document, /line 3/);
});

test('a name that is there twice is named', async (t) => {
  const document = await written(3);
  document.bytes = Buffer.from(document.text.replace('user2', 'user0'));
  await refusesToRead(t, document, /line 4/);
});

test('a document that has lost its last line is damaged', async (t) => {
  const document = await written(3);
  const lines = document.text.trimEnd().split('\n');
  document.bytes = Buffer.from(`${lines.slice(0, -1).join('\n')}\n`);
  await refusesToRead(t, document, /2 names and should have 3/);
});

test('a name that was changed is damage', async (t) => {
  const document = await written(3);
  document.bytes = Buffer.from(document.text.replace('user1', 'usfr1'));
  await refusesToRead(t, document, /not as it was written/);
});

test('a document cut anywhere, or with any byte changed, is damaged', async (t) => {
  const document = await written(5);
  const bytes = document.bytes!;
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (place, change) => {
      document.bytes = bytes.subarray(0, place);
      await t.throwsAsync(readPasswords(document), { instanceOf: BrokerError });
      const changed = Buffer.from(bytes);
      changed[place]! ^= change;
      document.bytes = changed;
      await t.throwsAsync(readPasswords(document), { instanceOf: BrokerError });
    }),
    { numRuns: 200 },
  );
});

test('a hundred thousand names are read back', async (t) => {
  const document = await written(100_000);
  t.is((await readPasswords(document)).size, 100_000);
});
