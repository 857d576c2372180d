import test from 'ava';
import fc from 'fast-check';
import { asAuthor } from '../../../src/protocol/author.js';
import { createMessage } from '../../../src/protocol/message.js';
import { CONTENT_AT, framed, opened } from '../../../src/storage/framing.js';
import { retainedKey, sessionKey, subscriptionKey } from '../../../src/storage/keys.js';
import { decodeRetained, encodeRemoval, encodeRetained } from '../../../src/storage/retained-record.js';
import { decodeSession, encodeSession, type SessionRecord } from '../../../src/storage/session-record.js';
import { encodeSubscription, SubscriptionReader } from '../../../src/storage/subscription-record.js';

const SLOT = fc.nat(1_023);
/** Well-formed and not empty; some are longer than a key may be. */
const TEXT = fc
  .tuple(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), fc.constantFrom(1, 1, 1, 80))
  .map(([text, times]) => text.repeat(times));
const BYTES = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const TIME = fc.nat(2 ** 31).map((seconds) => seconds * 1_000);

const WILL = fc.record({
  topic: TEXT.map((text) => Buffer.from(text)),
  payload: BYTES,
  properties: BYTES,
  qos: fc.nat(2),
  retain: fc.boolean(),
  delaySeconds: fc.nat(0xffff_ffff),
  expirySeconds: fc.oneof(fc.constant(-1), fc.nat(0xffff_ffff)),
});

const SESSION: fc.Arbitrary<SessionRecord> = fc
  .record({
    clientId: TEXT,
    number: fc.nat(0xffff_ffff),
    createdAtMs: TIME,
    disconnectedAtMs: TIME,
    expirySeconds: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(0xffff_ffff)),
    client: fc.option(
      fc.record({
        info: fc.record({
          clientId: fc.constant(''),
          username: fc.option(TEXT),
          peerAddress: TEXT,
          peerPort: fc.nat(65_535),
          listener: TEXT,
          protocolVersion: fc.constantFrom(3 as const, 4 as const, 5 as const),
          cleanStart: fc.boolean(),
          keepAliveSeconds: fc.nat(65_535),
          connectedAtMs: TIME,
        }),
        isSuperuser: fc.boolean(),
        mountpoint: BYTES,
      }),
    ),
    will: fc.option(WILL),
  })
  .map((record) => ({
    ...record,
    client:
      record.client === null
        ? null
        : { ...record.client, info: { ...record.client.info, clientId: record.clientId } },
  }));

test('a session comes back as it was', (t) => {
  fc.assert(
    fc.property(SLOT, SESSION, (slot, record) => {
      t.deepEqual(decodeSession(encodeSession(slot, record)), record);
      const { client, ...rest } = record;
      const expected = { ...rest, client: record.will === null ? null : client };
      t.deepEqual(decodeSession(encodeSession(slot, record), false), expected);
    }),
  );
});

test('a subscription comes back as it was', (t) => {
  const reader = new SubscriptionReader();
  const record = fc.record({
    session: fc.nat(0xffff_ffff),
    filter: TEXT,
    group: fc.option(TEXT),
    local: fc.boolean(),
    options: fc.nat(0x3f),
    identifier: fc.nat(268_435_455),
  });
  fc.assert(
    fc.property(SLOT, record, (slot, each) => {
      t.is(reader.read(encodeSubscription(slot, each)), null);
      const { session, group, local, options, identifier } = reader;
      t.deepEqual({ session, filter: reader.filter(), group, local, options, identifier }, each);
    }),
  );
});

test('a retained message and a removal come back as they were', (t) => {
  const parts = fc.record({
    topic: TEXT,
    payload: BYTES,
    properties: BYTES,
    qos: fc.nat(2),
    retain: fc.constant(true),
    receivedAtMs: TIME,
    expirySeconds: fc.oneof(fc.constant(-1), fc.nat(0xffff_ffff)),
    author: fc.option(TEXT.map((text) => asAuthor(Buffer.from(text).toString('latin1')))),
  });
  fc.assert(
    fc.property(SLOT, parts, (slot, each) => {
      const message = createMessage(each);
      t.deepEqual(decodeRetained(encodeRetained(slot, message)), { kind: 'message', message });
      const topic = Buffer.from(each.topic);
      const { receivedAtMs } = each;
      const removal = { kind: 'removal', topic, receivedAtMs } as const;
      t.deepEqual(decodeRetained(encodeRemoval(slot, topic, receivedAtMs)), removal);
    }),
  );
});

test('whatever bytes a row has, it is one or it is damaged', (t) => {
  const reader = new SubscriptionReader();
  const keys = fc.constantFrom(
    sessionKey(1, 'c'),
    sessionKey(1, 'c'.repeat(600)),
    subscriptionKey(1, 1, 'f'),
    subscriptionKey(1, 1, 'f'.repeat(600)),
    retainedKey(1, Buffer.from('t')),
    Buffer.alloc(0),
    Buffer.of(0),
  );
  fc.assert(
    fc.property(keys, fc.uint8Array({ maxLength: 200 }), fc.boolean(), (key, bytes, isFramed) => {
      const row = { key, value: isFramed ? framed(key, Buffer.from(bytes), 1) : Buffer.from(bytes) };
      const session = decodeSession(row);
      const retained = decodeRetained(row);
      const subscription = reader.read(row);
      if (isFramed) return;
      t.deepEqual([session, retained, subscription], ['damaged', 'damaged', 'damaged']);
    }),
    { numRuns: 2_000 },
  );
});

test('a row that ends early, or goes on, is damaged', (t) => {
  const reader = new SubscriptionReader();
  const group = { session: 1, filter: 'f', group: 'g', local: true, options: 1, identifier: 1 };
  const rows = [
    encodeSubscription(1, group),
    encodeSubscription(1, { ...group, filter: 'f'.repeat(600) }),
    encodeRetained(1, createMessage({ topic: 't', payload: BYTE, qos: 0, retain: true, receivedAtMs: 1 })),
  ];
  for (const { key, value } of rows) {
    const frame = opened(key, value, 1);
    const content = frame.ok ? Buffer.from(frame.content) : BYTE;
    for (let length = 0; length < content.length; length++) {
      const row = { key, value: framed(key, content.subarray(0, length), 1) };
      t.is(reader.read(row), 'damaged');
      t.is(decodeRetained(row), 'damaged');
    }
    const more = { key, value: framed(key, Buffer.concat([content, BYTE]), 1) };
    t.true([reader.read(more), decodeRetained(more)].includes('damaged'));
  }
});

test('a row of a later version says so', (t) => {
  const key = sessionKey(1, 'c');
  const row = { key, value: framed(key, Buffer.alloc(40), 2) };
  t.is(row.value[CONTENT_AT - 1], 2);
  t.is(decodeSession(row), 'newer');
  t.is(decodeRetained(row), 'newer');
  t.is(new SubscriptionReader().read(row), 'newer');
});

const BYTE = Buffer.of(0);
