/** What a hostile client sends: random bytes, and packets that were right before something happened to them. */
import fc from 'fast-check';
import mqttPacket, { type Packet } from 'mqtt-packet';

/** The bytes of one connection, in the chunks in which they are written. */
export type Stream = readonly Uint8Array[];

type ProtocolVersion = 3 | 4 | 5;
type Mutate = (bytes: Buffer) => Buffer;

const qos: fc.Arbitrary<0 | 1 | 2> = fc.constantFrom(0, 1, 2);
const version: fc.Arbitrary<ProtocolVersion> = fc.constantFrom(3, 4, 5);
const packetId = fc.integer({ min: 1, max: 0xffff });
const level = fc.oneof(fc.constantFrom('a', 'b', '', '$SYS', 'é'), fc.string({ maxLength: 5 }));
const topic = fc.array(level, { minLength: 1, maxLength: 6 }).map((levels) => `fuzz/${levels.join('/')}`);
const filter = fc.oneof(
  topic,
  topic.map((name) => `${name}/+/#`),
  topic.map((name) => `$share/g/${name}`),
  fc.constantFrom('#', '+/+', '$queue/fuzz/#', '$local/fuzz/+', '$share//x', 'fuzz/#/x'),
);
const payload = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

const connectFields = fc.record({
  client: fc.integer({ min: 0, max: 20 }),
  clean: fc.boolean(),
  keepalive: fc.nat(0xffff),
  payload,
  qos,
});

function connect(protocolVersion: ProtocolVersion): fc.Arbitrary<Packet> {
  return connectFields.map((fields) => ({
    cmd: 'connect',
    protocolId: protocolVersion === 3 ? 'MQIsdp' : 'MQTT',
    protocolVersion,
    clientId: `fuzz${fields.client}`,
    clean: fields.clean,
    keepalive: fields.keepalive,
    will: { topic: 'fuzz/will', payload: fields.payload, qos: fields.qos, retain: fields.clean },
  }));
}

const publish = fc
  .record({ topic, payload, qos, retain: fc.boolean(), dup: fc.boolean(), messageId: packetId })
  .map((fields): Packet => ({ cmd: 'publish', ...fields, dup: fields.dup && fields.qos > 0 }));

const subscribe = fc
  .record({ messageId: packetId, filters: fc.array(filter, { minLength: 1, maxLength: 5 }), qos })
  .map(
    (fields): Packet => ({
      cmd: 'subscribe',
      messageId: fields.messageId,
      subscriptions: fields.filters.map((name) => ({ topic: name, qos: fields.qos })),
    }),
  );

const unsubscribe = fc
  .record({ messageId: packetId, unsubscriptions: fc.array(filter, { minLength: 1, maxLength: 5 }) })
  .map((fields): Packet => ({ cmd: 'unsubscribe', ...fields }));

const acknowledgement = fc
  .record({ cmd: fc.constantFrom('puback', 'pubrec', 'pubrel', 'pubcomp'), messageId: packetId })
  .map((fields) => fields as Packet);

const plain = fc.constantFrom<Packet>({ cmd: 'pingreq' }, { cmd: 'disconnect' });

const packet = fc.oneof(
  { weight: 4, arbitrary: publish },
  { weight: 2, arbitrary: subscribe },
  { weight: 1, arbitrary: unsubscribe },
  { weight: 1, arbitrary: acknowledgement },
  { weight: 1, arbitrary: plain },
);

const untouched = fc.constant<Mutate>((bytes) => bytes);
const changedByte = fc.tuple(fc.nat(), fc.nat(255)).map(
  ([at, value]): Mutate =>
    (bytes) => {
      const changed = Buffer.from(bytes);
      changed[at % changed.length] = value;
      return changed;
    },
);
const truncated = fc.nat().map(
  (at): Mutate =>
    (bytes) =>
      bytes.subarray(0, at % (bytes.length + 1)),
);
const inserted = fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 8 })).map(
  ([at, extra]): Mutate =>
    (bytes) => {
      const cut = at % (bytes.length + 1);
      return Buffer.concat([bytes.subarray(0, cut), extra, bytes.subarray(cut)]);
    },
);
const repeated = fc.constant<Mutate>((bytes) => Buffer.concat([bytes, bytes]));

/** Something that happens to one packet's bytes; mostly nothing, so that the broker gets to see what comes behind. */
const mutation = fc.oneof(
  { weight: 8, arbitrary: untouched },
  { weight: 2, arbitrary: changedByte },
  { weight: 1, arbitrary: truncated },
  { weight: 1, arbitrary: inserted },
  { weight: 1, arbitrary: repeated },
);

const conversation: fc.Arbitrary<Stream> = version.chain((protocolVersion) =>
  fc
    .tuple(connect(protocolVersion), mutation, fc.array(fc.tuple(packet, mutation), { maxLength: 12 }))
    .map(([first, mutate, rest]) =>
      [[first, mutate] as const, ...rest].map(([each, change]) => change(encode(each, protocolVersion))),
    ),
);

const noise: fc.Arbitrary<Stream> = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 });

/** A connection's bytes, cut where packets end or anywhere. */
export const stream: fc.Arbitrary<Stream> = fc.oneof(
  { weight: 7, arbitrary: conversation },
  { weight: 2, arbitrary: fc.tuple(conversation, fc.nat()).map(([chunks, at]) => recut(chunks, at)) },
  { weight: 1, arbitrary: noise },
);

function encode(value: Packet, protocolVersion: ProtocolVersion): Buffer {
  return mqttPacket.generate(value, { protocolVersion });
}

function recut(chunks: Stream, at: number): Stream {
  const bytes = Buffer.concat(chunks);
  const cut = at % (bytes.length + 1);
  return [bytes.subarray(0, cut), bytes.subarray(cut)];
}
