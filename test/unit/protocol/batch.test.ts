import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import type { PeerBytes } from '../../../src/actor/peer-protocol.js';
import { PEER_TEXT_BYTES_MAX } from '../../../src/limits.js';
import { authorOf } from '../../../src/protocol/author.js';
import {
  BatchWriter,
  RECORD_BOUNCE,
  RECORD_DELIVER,
  RECORD_RETAIN,
  RECORD_SHARE,
} from '../../../src/protocol/batch.js';
import { BatchReader } from '../../../src/protocol/batch-reader.js';
import { recordBytes } from '../../../src/protocol/batch-record.js';
import { createMessage } from '../../../src/protocol/message.js';
import { PublishView } from '../../../src/protocol/mqtt/publish-view.js';
import { BATCH_HEAD_BYTES } from '../../../workers/peers/posts.js';

const name = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
  fc.constant('n'.repeat(70_000)),
);
const clientId = name.map((text) => text.replaceAll('\0', '-'));

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

const record = fc.record(
  {
    topic: fc.uint8Array({ minLength: 1, maxLength: 80 }),
    properties: fc.uint8Array({ maxLength: 60 }),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.constant(new Uint8Array(20_000).fill(7)),
      fc.constant(new Uint8Array(400_000).fill(9)),
    ),
    qos: fc.integer({ min: 0, max: 2 }),
    retain: fc.boolean(),
    receivedAtMs: fc.double({ min: 0, max: 2 ** 53, noNaN: true }),
    expirySeconds: fc.option(u32, { nil: -1 }),
    author: fc.option(fc.tuple(clientId, fc.option(name)).map(([id, username]) => authorOf(id, username))),
    group: fc.option(
      fc.record({ groupId: u32, sourceGroupId: u32, triedMask: u32, hash: u32 }, { noNullPrototype: true }),
    ),
  },
  { noNullPrototype: true },
);

type Record = typeof record extends fc.Arbitrary<infer R> ? R : never;

function append(writer: BatchWriter, from: Record, view: PublishView): number {
  // Topic, properties and payload in places of their own, as after a topic alias.
  view.load(createMessage(from));
  if (from.group === null) return writer.append(view, RECORD_DELIVER | RECORD_RETAIN);
  const { groupId, sourceGroupId, triedMask, hash } = from.group;
  return writer.appendShared(view, RECORD_SHARE, groupId, sourceGroupId, triedMask, hash);
}

function read(view: PublishView, reader: BatchReader): Record {
  const { flags, groupId, sourceGroupId, triedMask, hash } = reader;
  return {
    topic: new Uint8Array(view.topicBytes.subarray(view.topicStart, view.topicEnd)),
    properties: new Uint8Array(view.propertyBytes.subarray(view.propertiesStart, view.propertiesEnd)),
    payload: new Uint8Array(view.bytes.subarray(view.payloadStart, view.payloadEnd)),
    qos: view.qos,
    retain: view.retain,
    receivedAtMs: view.receivedAtMs,
    expirySeconds: view.expirySeconds,
    author: view.author,
    group: (flags & RECORD_SHARE) === 0 ? null : { groupId, sourceGroupId, triedMask, hash },
  };
}

/** What a batch becomes: a text where it may be one, otherwise a buffer. */
function post(writer: BatchWriter, mayBeText: boolean): PeerBytes {
  const isText = mayBeText && BATCH_HEAD_BYTES + writer.length <= PEER_TEXT_BYTES_MAX;
  return isText ? writer.takeText() : writer.take();
}

function open(reader: BatchReader, batch: PeerBytes, length: number): void {
  if (typeof batch === 'string') reader.openText(batch, length, BATCH_HEAD_BYTES);
  else reader.open(batch, length, BATCH_HEAD_BYTES);
}

test('what is written into batches is read from them, in order and whole, as text and from a buffer', (t) => {
  const writer = new BatchWriter(BATCH_HEAD_BYTES);
  const reader = new BatchReader();
  const view = new PublishView();
  const batch = fc.tuple(fc.array(record, { maxLength: 8 }), fc.boolean());
  const property = fc.property(fc.array(batch, { maxLength: 4 }), (batches) => {
    for (const [records, mayBeText] of batches) {
      const bytes = records.reduce((sum, one) => sum + append(writer, one, view), 0);
      t.is(writer.length, bytes);
      t.is(writer.records, records.length);
      t.is(writer.guaranteed, records.filter((one) => one.qos > 0).length);
      open(reader, post(writer, mayBeText), bytes);
      for (const one of records) {
        t.false(reader.atEnd);
        reader.next(view);
        // The assertion's own comparison would draw a picture of 400,000 numbers.
        t.true(isDeepStrictEqual(read(view, reader), one));
      }
      t.true(reader.atEnd);
      reader.close();
      t.is(writer.length, 0);
    }
  });
  fc.assert(property, { numRuns: 60 });
});

test('where a record ends can be told without reading it, whatever is in it', (t) => {
  const view = new PublishView();
  const property = fc.property(fc.array(record, { maxLength: 8 }), (records) => {
    const writer = new BatchWriter();
    const sizes = records.map((one) => append(writer, one, view));
    const content = Buffer.alloc(writer.length);
    writer.moveTo(content, 0);
    const from = new DataView(content.buffer, content.byteOffset, content.length);
    let at = 0;
    for (const size of sizes) {
      t.is(recordBytes(from, at, content.length), size);
      t.is(recordBytes(from, at, at + size - 1), -1);
      at += size;
    }
  });
  fc.assert(property, { numRuns: 60 });
});

test('a view filled from a record stands for a PUBLISH of its own, nothing of the last one is left', (t) => {
  const writer = new BatchWriter();
  const view = new PublishView();
  view.load(
    createMessage({
      topic: '$SYS/x',
      payload: Buffer.from('1'),
      qos: 2,
      retain: true,
      receivedAtMs: 5_000,
      expirySeconds: 7,
      author: authorOf('client', 'user'),
    }),
  );
  writer.append(view, RECORD_DELIVER);
  view.load(
    createMessage({ topic: 'a', payload: Buffer.from('22'), qos: 0, retain: false, receivedAtMs: 6_000 }),
  );
  writer.appendShared(view, RECORD_BOUNCE, 1, 2, 0x8000_0001, 4);
  const { length } = writer;
  const reader = new BatchReader();
  reader.open(writer.take(), length);
  reader.next(view);
  t.true(view.isSys);
  t.is(view.expiresAtMs, 12_000);
  t.is(view.message().topicText(), '$SYS/x');
  view.dup = true;
  view.packetId = 9;
  view.topicAlias = 3;
  reader.next(view);
  t.like(view, {
    isSys: false,
    dup: false,
    packetId: 0,
    topicAlias: 0,
    expirySeconds: -1,
    qos: 0,
    retain: false,
    author: null,
  });
  t.is(view.expiresAtMs, Number.POSITIVE_INFINITY);
  t.is(view.message().topicText(), 'a');
  t.is(view.message().payload().toString(), '22');
  t.is(reader.triedMask, 0x8000_0001);
});

test('a record costs what the names of its publisher take, and nothing where there are none', (t) => {
  const writer = new BatchWriter();
  const view = new PublishView();
  view.load(
    createMessage({ topic: 'a', payload: new Uint8Array(10), qos: 0, retain: false, receivedAtMs: 0 }),
  );
  const size = writer.append(view, RECORD_DELIVER);
  view.author = authorOf('client', 'üser');
  t.is(writer.append(view, RECORD_DELIVER), size + 4 + 'client_uuser'.length);
  t.is(writer.length, 2 * size + 16);
});

test('a batch leaves as a copy of its exact size, and a huge one without a copy', (t) => {
  const writer = new BatchWriter();
  const view = new PublishView();
  view.load(
    createMessage({ topic: 'a', payload: new Uint8Array(10), qos: 0, retain: false, receivedAtMs: 0 }),
  );
  const size = writer.append(view, RECORD_DELIVER);
  t.is(writer.take().byteLength, size);
  view.load(
    createMessage({ topic: 'a', payload: new Uint8Array(5_000_000), qos: 0, retain: false, receivedAtMs: 0 }),
  );
  const huge = writer.append(view, RECORD_DELIVER);
  t.is(writer.take().byteLength, huge);
  view.load(
    createMessage({ topic: 'a', payload: new Uint8Array(10), qos: 0, retain: false, receivedAtMs: 0 }),
  );
  writer.append(view, RECORD_DELIVER);
  t.is(writer.take().byteLength, size);
});

test('a record that does not lie within its batch is an error of ours, and never an endless walk', (t) => {
  const reader = new BatchReader();
  reader.open(new ArrayBuffer(64), 64);
  t.throws(() => reader.next(new PublishView()), { message: /a record lies within its batch/ });
  t.throws(() => reader.open(new ArrayBuffer(64), 60, 5), { message: /a batch lies within its buffer/ });
  // What an earlier text has left behind its end is no record.
  reader.openText('\u00ff'.repeat(64), 64, 0);
  reader.openText('\u001c\0\0\0'.padEnd(27, '\0'), 27, 0);
  t.throws(() => reader.next(new PublishView()), { message: /a record lies within its batch/ });
});
