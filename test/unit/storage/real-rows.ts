/** Rows of every table as a shard writes them, whose keys are alike: numbers are small, names as short as numbers. */
import fc from 'fast-check';
import { authorOf } from '../../../src/protocol/author.js';
import { BatchWriter } from '../../../src/protocol/batch.js';
import { RECORD_DELIVER, RECORD_SHARE } from '../../../src/protocol/batch-record.js';
import { createMessage } from '../../../src/protocol/message.js';
import { PublishView } from '../../../src/protocol/mqtt/publish-view.js';
import { appliedValue } from '../../../src/storage/applied-record.js';
import { framed } from '../../../src/storage/framing.js';
import { NO_MESSAGE, PLACES_MAX, STATE_INBOUND } from '../../../src/storage/journal-format.js';
import { JournalWriter } from '../../../src/storage/journal-writer.js';
import { appliedKey, journalKey, outboxKey } from '../../../src/storage/keys.js';
import { FORMAT_ROW, NEXT_SESSION_KEY, nextSessionValue } from '../../../src/storage/meta-rows.js';
import { OUTBOX_VERSION } from '../../../src/storage/outbox-record.js';
import { encodeRemoval, encodeRetained } from '../../../src/storage/retained-record.js';
import { encodeSession } from '../../../src/storage/session-record.js';
import { encodeSubscription } from '../../../src/storage/subscription-record.js';
import type { Row, Table } from '../../../src/storage/tables.js';

export interface RowIn extends Row {
  readonly table: Table;
}

const SLOT = fc.nat(3);
const NUMBER = fc.nat(300);
/** Keys with some of these are as long as those with a sequence. */
const NAME = fc.oneof(
  fc.constantFrom('\u0001', '\u0001\u0001\u0001\u0001\u0001', 'abcdef', 'abcde'),
  fc.string({ minLength: 1, maxLength: 12 }),
  fc.constant('long '.repeat(120)),
);
const PAYLOAD = fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.constant(new Uint8Array(6_000)));

const parts = fc.record({ slot: SLOT, number: NUMBER, name: NAME, payload: PAYLOAD });

function message(topic: string, payload: Uint8Array, qos: number) {
  return createMessage({ topic, payload, qos, retain: false, receivedAtMs: 1_000 });
}

const journal = new JournalWriter();

function journalRow(sequence: number, payload: Uint8Array): Row {
  const key = journalKey(sequence);
  journal.begin();
  journal.message(message('t', payload, 1));
  journal.entry(1, 0, NO_MESSAGE, 1 + sequence, STATE_INBOUND, 2, 0, 0);
  for (let i = 0; i < sequence % 5; i++) journal.end(PLACES_MAX + i);
  return { key, value: journal.take(key, sequence >> 1) };
}

/** A row of `outbox` with so many messages: to subscribers and for groups, with names of publishers and without. */
export function outboxRow(target: number, sequence: number, payload: Uint8Array, messages = 1): Row {
  const key = outboxKey(target, sequence);
  const view = new PublishView();
  const writer = new BatchWriter();
  for (let i = 0; i < messages; i++) {
    view.load(message(`t/${i}`, payload, 1));
    view.author = (sequence + i) % 2 === 0 ? null : authorOf('client', 'user');
    if ((sequence + i) % 3 === 0) writer.append(view, RECORD_DELIVER);
    else writer.appendNamed(view, RECORD_SHARE, 't/+', 'group', 0, 5);
  }
  const content = Buffer.alloc(writer.length);
  writer.moveTo(content, 0);
  return { key, value: framed(key, content, OUTBOX_VERSION) };
}

function sessionRow(slot: number, number: number, clientId: string): Row {
  const times = { createdAtMs: 1_000 + number, disconnectedAtMs: number };
  return encodeSession(slot, { clientId, number, ...times, expirySeconds: 60, client: null, will: null });
}

function subscriptionRow(slot: number, session: number, filter: string): Row {
  const rest = { group: null, local: false, options: 1, identifier: session };
  return encodeSubscription(slot, { session, filter, ...rest });
}

/** Any row that is not of `meta`. */
export const realRow: fc.Arbitrary<RowIn> = fc
  .tuple(
    fc.constantFrom<Table>(
      'sessions',
      'subscriptions',
      'journal',
      'journal',
      'retained',
      'outbox',
      'applied',
    ),
    parts,
  )
  .map(([table, { slot, number, name, payload }]) => {
    const rows: { readonly [T in Exclude<Table, 'meta'>]: () => Row } = {
      sessions: () => sessionRow(slot, number, name),
      subscriptions: () => subscriptionRow(slot, number, name),
      journal: () => journalRow(1 + number, payload),
      retained: () =>
        number % 4 === 0
          ? encodeRemoval(slot, Buffer.from(name), 1_000 + number)
          : encodeRetained(slot, message(name, payload, number % 3)),
      outbox: () => outboxRow(slot, 1 + number, payload, number % 4),
      applied: () => ({ key: appliedKey(slot), value: appliedValue(appliedKey(slot), number, 0, 0) }),
    };
    return { table, ...rows[table as Exclude<Table, 'meta'>]() };
  });

/** What a store says once. */
export const metaRows: readonly RowIn[] = [
  { table: 'meta', key: FORMAT_ROW.key, value: FORMAT_ROW.value! },
  { table: 'meta', key: NEXT_SESSION_KEY, value: nextSessionValue(7) },
];
