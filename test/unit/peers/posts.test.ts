import test from 'ava';
import fc from 'fast-check';
import type { PeerBytes } from '../../../src/actor/peer-protocol.js';
import {
  ANSWER_BYTES,
  answerText,
  BATCH_HEAD_BYTES,
  Owed,
  POST_ANSWER,
  POST_BATCH,
  POST_RELAY,
  PostHead,
  sizeOf,
  writeBatchHead,
} from '../../../workers/peers/posts.js';
import { DATA_UP, RecordWriter } from '../../../workers/relay/records.js';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

test('what the head of a post says is read from it, from text and from a buffer', (t) => {
  const head = new PostHead();
  const property = fc.property(u32, u32, u32, u32, (batches, bytes, guaranteed, batchGuaranteed) => {
    const answer = { batches, bytes, guaranteed };
    head.read(answerText(answer));
    t.like(head, { kind: POST_ANSWER, ...answer });
    const buffer = new ArrayBuffer(BATCH_HEAD_BYTES + 3);
    writeBatchHead(new DataView(buffer), answer, batchGuaranteed);
    const posts: PeerBytes[] = [buffer, Buffer.from(buffer).toString('latin1')];
    for (const post of posts) {
      head.read(post);
      t.like(head, { kind: POST_BATCH, ...answer, batchGuaranteed });
      t.is(sizeOf(post), BATCH_HEAD_BYTES + 3);
    }
  });
  fc.assert(property);
});

test('an answer has its exact size, and records of relays are told from everything else', (t) => {
  t.is(answerText(new Owed()).length, ANSWER_BYTES);
  const head = new PostHead();
  const writer = new RecordWriter();
  const bytes = new Uint8Array(20_000).fill(POST_BATCH);
  for (const size of [0, 20_000]) {
    writer.data(DATA_UP, POST_BATCH, bytes, 0, size);
    head.read(writer.take());
    t.is(head.kind, POST_RELAY);
  }
});

test('what is owed adds up until it is answered', (t) => {
  const owed = new Owed();
  owed.add(100, 1);
  owed.add(50, 0);
  t.like(owed, { batches: 2, bytes: 150, guaranteed: 1, hasAnswered: false });
  owed.answered();
  t.like(owed, { batches: 0, bytes: 0, guaranteed: 0, hasAnswered: true });
});
