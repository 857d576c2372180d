import test from 'ava';
import fc from 'fast-check';
import { authorOf } from '../../../src/protocol/author.js';
import { createMessage, type Message } from '../../../src/protocol/message.js';
import { decodePublish } from '../../../src/protocol/mqtt/decode-publish.js';
import { PublishView } from '../../../src/protocol/mqtt/publish-view.js';
import { frameOf, packet, properties } from './mqtt/wire.js';

const contentOf = (view: PublishView): Buffer[] => [
  Buffer.from(view.topicBytes.subarray(view.topicStart, view.topicEnd)),
  Buffer.from(view.propertyBytes.subarray(view.propertiesStart, view.propertiesEnd)),
  Buffer.from(view.bytes.subarray(view.payloadStart, view.payloadEnd)),
];

function decoded(bytes: Buffer): PublishView {
  const view = new PublishView();
  view.nowMs = 5000;
  const frame = frameOf(bytes);
  decodePublish(bytes, frame.firstByte, frame.bodyStart, frame.bodyEnd, 5, view);
  return view;
}

test('a message keeps every byte value, whether it is kept as a string or as bytes', (t) => {
  const payloads = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    fc.uint8Array({ minLength: 4000, maxLength: 4200 }),
  );
  fc.assert(
    fc.property(payloads, fc.boolean(), (payload, hasAlias) => {
      const extra = hasAlias ? [[0x03], 'type', [0x23, 0, 1], [0x26], 'n', 'v'] : [[0x03], 'type'];
      const bytes = packet(0x30, 'tö/pic', properties(...(extra as (string | number[])[])), payload);
      const view = decoded(bytes);
      const before = contentOf(view);
      const message = view.message();
      bytes.fill(0xee);
      const after = new PublishView().load(message);
      return (
        before.every((part, i) => part.equals(contentOf(after)[i]!)) &&
        message.topicText() === 'tö/pic' &&
        message.payload().equals(payload) &&
        message.payloadBytes === payload.length &&
        after.message() === message
      );
    }),
  );
  t.pass();
});

test('a view makes one message per fill, and a new one after the next', (t) => {
  const view = decoded(packet(0x30, 'a', [0]));
  const first = view.message();
  t.is(view.message(), first);
  view.useTopic(Buffer.from('other'), 0, 5);
  t.is(view.message().topicText(), 'other');
  t.is(first.topicText(), 'a');
});

test('a stored message carries QoS, retain, time of receipt and expiry', (t) => {
  const view = decoded(packet(0x35, 'a', [0, 9], properties([0x02, 0, 0, 0, 10]), [1]));
  const message = view.message();
  t.is(message.qos, 2);
  t.true(message.retain);
  t.is(message.receivedAtMs, 5000);
  t.is(message.expiresAtMs, 15_000);
  const other = decoded(packet(0x30, 'b', [0])).load(message);
  t.is(other.qos, 2);
  t.true(other.retain);
  t.is(other.expirySeconds, 10);
  t.is(other.expiresAtMs, 15_000);
  t.is(other.packetId, 0);
  t.false(other.dup);
});

test('only $SYS/ and what lies below it are the system`s', (t) => {
  const isSys = (topic: string): boolean => decoded(packet(0x30, topic, [0])).isSys;
  t.true(isSys('$SYS/broker'));
  t.true(isSys('$SYS/'));
  for (const topic of ['$SYS', '$sys/a', 'a/$SYS/', 'SYS/a', '$']) t.false(isSys(topic), topic);
});

test('a message of the broker`s own is like one that came in', (t) => {
  const parts = { topic: '$SYS/a', payload: Buffer.from('up'), qos: 1, retain: true, receivedAtMs: 1000 };
  const message: Message = createMessage({ ...parts, properties: Buffer.from([0x01, 1]), expirySeconds: 2 });
  const view = new PublishView().load(message);
  t.deepEqual(contentOf(view), [Buffer.from('$SYS/a'), Buffer.from([0x01, 1]), Buffer.from('up')]);
  t.true(message.isSys);
  t.is(message.expiresAtMs, 3000);
  t.is(createMessage(parts).expiresAtMs, Number.POSITIVE_INFINITY);
  const large = createMessage({ ...parts, payload: Buffer.alloc(5000, 0xfe) });
  t.deepEqual(large.payload(), Buffer.alloc(5000, 0xfe));
  t.true(large.size > 5000);
});

test('copyTo writes all of a message`s bytes', (t) => {
  const message = createMessage({
    topic: 'a',
    payload: Buffer.from([0xff, 0]),
    qos: 0,
    retain: false,
    receivedAtMs: 0,
  });
  const out = Buffer.alloc(5);
  message.copyTo(out, 1);
  t.deepEqual(out, Buffer.from([0, 0x61, 0xff, 0, 0]));
});

test('who published a message goes with it, counts as part of it, and is not in the view of the next', (t) => {
  const bytes = packet(0x30, 'a', [0]);
  const anonymous = decoded(bytes).message();
  t.is(anonymous.author, null);
  const view = decoded(bytes);
  view.author = authorOf('client', 'user');
  const message = view.message();
  t.is(message.author, authorOf('client', 'user'));
  t.true(message.size >= anonymous.size + 'client_user'.length);
  const other = new PublishView().load(message);
  t.is(other.author, message.author);
  other.useTopic(Buffer.from('other'), 0, 5);
  t.is(other.message().author, message.author);
  t.like(other.load(anonymous), { author: null });
  const frame = frameOf(bytes);
  decodePublish(bytes, frame.firstByte, frame.bodyStart, frame.bodyEnd, 5, view);
  t.like(view, { author: null });
});
