import test from 'ava';
import fc from 'fast-check';
import { authorOf } from '../../../../src/protocol/author.js';
import { createMessage, Message } from '../../../../src/protocol/message.js';
import { PublishView } from '../../../../src/protocol/mqtt/publish-view.js';
import { opened } from '../../../../src/storage/framing.js';
import {
  isEntry,
  JOURNAL_VERSION,
  NO_MESSAGE,
  PLACES_MAX,
  STATE_INBOUND,
  STATE_QUEUED,
  STATE_RELEASED,
  STATE_SENT,
} from '../../../../src/storage/journal-format.js';
import { JournalReader } from '../../../../src/storage/journal-reader.js';
import { JournalWriter } from '../../../../src/storage/journal-writer.js';
import { journalKey } from '../../../../src/storage/keys.js';
import { messageOf } from './journal-bench.js';

interface Written {
  readonly state: number;
  readonly session: number;
  readonly gap: number;
  readonly packetId: number;
  readonly qos: number;
  readonly flags: number;
  readonly order: number;
  readonly message: number;
  readonly identifiers: number[] | null;
  readonly group: { readonly filter: string; readonly name: string } | null;
}

interface Event {
  readonly entry: number;
  readonly order: number;
  readonly packetId: number;
  readonly state: number;
}

interface Content {
  readonly entries: readonly Written[];
  readonly ends: readonly number[];
  readonly steps: readonly Event[];
  readonly messages: readonly string[];
  readonly settled: number;
}

const entryNumber = fc.integer({ min: PLACES_MAX, max: Number.MAX_SAFE_INTEGER });
const order = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const u16 = fc.integer({ min: 1, max: 65_535 });
const text = fc.string({ maxLength: 20, unit: 'grapheme' });

const content: fc.Arbitrary<Content> = fc.record({
  entries: fc.array(
    fc.record({
      state: fc.constantFrom(STATE_QUEUED, STATE_SENT, STATE_RELEASED, STATE_INBOUND),
      session: fc.integer({ min: 1, max: 0xffffffff }),
      gap: fc.integer({ min: 1, max: 100 }),
      packetId: u16,
      qos: fc.integer({ min: 1, max: 2 }),
      flags: fc.nat(255),
      order,
      message: fc.nat(1_000),
      identifiers: fc.option(fc.array(fc.integer({ min: 1, max: 268_435_455 }), { maxLength: 5 })),
      group: fc.option(fc.record({ filter: text, name: text })),
    }),
    { maxLength: 30 },
  ),
  ends: fc.array(entryNumber, { maxLength: 20 }),
  steps: fc.array(
    fc.record({
      entry: entryNumber,
      order,
      packetId: u16,
      state: fc.constantFrom(STATE_SENT, STATE_RELEASED),
    }),
    { maxLength: 20 },
  ),
  messages: fc.array(fc.string({ maxLength: 200 }), { minLength: 1, maxLength: 10 }),
  settled: fc.nat(1_000_000),
});

const TEXT = { topic: 't', payload: Buffer.from('p'), qos: 1, retain: false, receivedAtMs: 1_000 };
const KEY = journalKey(7);
const view = new PublishView();
const writer = new JournalWriter();
const reader = new JournalReader();

function written({ entries, ends, steps, messages, settled }: Content): Buffer {
  writer.begin();
  for (const message of messages) writer.message(messageOf(message));
  let place = -1;
  for (const one of entries) {
    place += one.gap;
    const message = hasMessage(one) ? one.message % messages.length : NO_MESSAGE;
    writer.entry(one.session, place, message, one.packetId, one.state, one.qos, one.flags, one.order);
    if (one.identifiers !== null) writer.identifiers(one.identifiers);
    if (one.group !== null) writer.group(one.group);
  }
  for (const entry of ends) writer.end(entry);
  for (const one of steps) writer.step(one.entry, one.order, one.packetId, one.state);
  return writer.take(KEY, settled);
}

const hasMessage = ({ state }: Written): boolean => state === STATE_QUEUED || state === STATE_SENT;
const hasOrder = ({ state }: Written): boolean => state === STATE_SENT || state === STATE_RELEASED;

function contentOf(value: Buffer): Buffer {
  const frame = opened(KEY, value, JOURNAL_VERSION);
  if (!frame.ok) throw new Error(frame.why);
  return frame.content;
}

/** Reads everything that `reader` has, whatever it is. */
function readAll(): { entries: unknown[]; ends: number[]; steps: Event[]; messages: string[] } {
  const entries: unknown[] = [];
  for (let i = 0; i < reader.entries; i++) {
    reader.nextEntry();
    const { session, place, message, packetId, state, qos, flags } = reader;
    const extras = { identifiers: reader.identifiers(), group: reader.group(), order: reader.order };
    entries.push({ session, place, message, packetId, state, qos, flags, ...extras });
  }
  const ends = Array.from({ length: reader.ends }, (_, i) => reader.endAt(i));
  const steps = Array.from({ length: reader.steps }, (_, i) => ({
    entry: reader.stepEntry(i),
    order: reader.stepOrder(i),
    packetId: reader.stepPacketId(i),
    state: reader.stepState(i),
  }));
  const messages = Array.from({ length: reader.messages }, () => {
    reader.nextMessage(view);
    return view.message().payload().toString();
  });
  return { entries, ends, steps, messages };
}

test('what is written is read again', (t) => {
  fc.assert(
    fc.property(content, (given) => {
      t.true(reader.open(contentOf(written(given))));
      t.is(reader.settled, given.settled);
      let place = -1;
      const entries = given.entries.map((one) => {
        place += one.gap;
        const { session, packetId, state, qos, flags, identifiers, group } = one;
        const message = hasMessage(one) ? one.message % given.messages.length : NO_MESSAGE;
        const at = hasOrder(one) ? one.order : 0;
        return { session, place, message, packetId, state, qos, flags, identifiers, group, order: at };
      });
      const read = readAll();
      t.deepEqual(read.entries, entries);
      t.deepEqual(read.ends, given.ends);
      t.deepEqual(read.steps, given.steps);
      t.deepEqual(read.messages, given.messages);
      t.is(reader.places, place + 1);
    }),
  );
});

test('a message is read as it was: properties, expiry, names, retain, and what lies between its parts', (t) => {
  const small = createMessage({
    topic: 'ä/b',
    payload: Buffer.from('p'),
    qos: 2,
    retain: true,
    receivedAtMs: 1_700_000_000_123,
    properties: Buffer.of(1, 1),
    expirySeconds: 7,
    author: authorOf('client ☃', 'user'),
  });
  const large = createMessage({ ...TEXT, payload: Buffer.alloc(300_000, 7) });
  const gaps = new Message('topicIDlprpayload', 5, 8, 10, 10, 1, false, 5_000, 6_000, false, null);
  writer.begin();
  const sizes = [small, large, gaps].map((message) => writer.message(message));
  t.true(reader.open(contentOf(writer.take(KEY, 0))));
  for (const [i, message] of [small, large, gaps].entries()) {
    t.is(reader.messageAt(i + 1) - reader.messageAt(i), sizes[i]!);
    reader.nextMessage(view);
    t.deepEqual(view.message(), message);
  }
});

test('whatever bytes it is given, the reader refuses them or reads to the end', (t) => {
  let read = 0;
  const damage = fc.array(fc.record({ at: fc.nat(), to: fc.nat(255) }), { maxLength: 4 });
  fc.assert(
    fc.property(content, damage, fc.option(fc.nat()), (given, changes, cut) => {
      const bytes = Buffer.from(contentOf(written(given)));
      for (const { at, to } of changes) bytes[at % bytes.length] = to;
      // Most of what matters is at the beginning.
      for (const { at, to } of changes.slice(2)) bytes[(at % 64) % bytes.length] = to;
      if (!reader.open(cut === null ? bytes : bytes.subarray(0, cut % (bytes.length + 1)))) return;
      read++;
      t.notThrows(readAll);
    }),
    { numRuns: 5_000 },
  );
  t.true(read > 100);
});

test('random bytes are refused or read to the end', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(3), (noise, zeroed) => {
      const bytes = Buffer.from(noise);
      // Small counts get further.
      bytes.fill(0, 0, Math.min(bytes.length, 8));
      for (let i = 0; i < 4; i++) if (i !== zeroed && bytes.length > 16) bytes[9 + 2 * i] = 0;
      if (reader.open(bytes)) t.notThrows(readAll);
      t.pass();
    }),
    { numRuns: 5_000 },
  );
});

test('an entry has a record and a place', (t) => {
  t.true(isEntry(PLACES_MAX));
  for (const none of [0, -1, PLACES_MAX - 1, 1e300, Number.NaN, PLACES_MAX + 0.5]) t.false(isEntry(none));
});

test('a record larger than what the writer keeps is written, and so is the one after it', (t) => {
  writer.begin();
  for (let i = 0; i < 8_000; i++) writer.entry(1, i, NO_MESSAGE, 1, STATE_RELEASED, 2, 0, i + 1);
  t.true(reader.open(contentOf(writer.take(KEY, 0))));
  t.is(reader.entries, 8_000);
  writer.begin();
  t.true(writer.isEmpty);
  writer.end(PLACES_MAX);
  t.true(reader.open(contentOf(writer.take(KEY, 0))));
  t.is(reader.ends, 1);
});
