/** One connection: how it ends, what it takes from its link in which pieces, what it leaves behind. */
import test from 'ava';
import fc from 'fast-check';
import { LINK_CLOSE_TIMEOUT_MS } from '../../../src/limits.js';
import { ReasonCode } from '../../../src/protocol/mqtt/reason-code.js';
import * as packets from '../../helpers/packets.js';
import { settle, TestShard } from '../../helpers/test-shard.js';

test('a client that goes on talking after its connection was closed is cut off in time', async (t) => {
  const shard = new TestShard();
  t.teardown(() => shard.stop());
  const client = shard.open('c');
  await settle();
  client.isStubborn = true;
  client.send(packets.disconnect());
  await settle();
  t.true(client.isEnded);
  for (let i = 0; i < 4; i++) {
    client.send(packets.PINGREQ);
    await shard.advance(LINK_CLOSE_TIMEOUT_MS / 3);
  }
  t.true(client.isClosed);
  t.is(shard.parts.connections.size, 0);
});

test('a shard that stops does not wait for connections that are closing already', async (t) => {
  const shard = new TestShard();
  const client = shard.open('c');
  await settle();
  client.isStubborn = true;
  client.send(packets.disconnect());
  await shard.main.request('shard.stop', { deadlineMs: 20 });
  await settle();
  t.true(client.isClosed);
});

test('a rate limit leaves nothing behind in the timer wheel', async (t) => {
  const shard = new TestShard({ config: { 'listener.tcp.external.rate_limit': '1000,1' } });
  t.teardown(() => shard.stop());
  const client = shard.open('c');
  await settle();
  client.send(packets.disconnect(0, { reasonString: 'x'.repeat(5_000) }));
  await settle();
  t.true(client.isClosed);
  t.is(shard.parts.wheel.size, 0);
});

/** Everything a client may send in one go, with answers that tell the order. */
function stream(qos: readonly number[]): Buffer {
  const parts: Buffer[] = [
    packets.subscribe(5, 1, [
      ['a/#', 2],
      ['$share/g/b', 1],
    ]),
  ];
  for (const [index, each] of qos.entries()) {
    parts.push(
      packets.publish(5, {
        topic: 'a/b',
        payload: `m${index}`.padEnd(index * 40, '.'),
        qos: each,
        id: 10 + index,
      }),
    );
    if (each === 2) parts.push(packets.ack('pubrel', 10 + index));
  }
  return Buffer.concat([...parts, packets.unsubscribe(5, 2, ['a/#', 'none']), packets.PINGREQ]);
}

test('however a stream of packets is cut into pieces, its outcome is the same', async (t) => {
  const shard = new TestShard();
  t.teardown(() => shard.stop());
  async function outcome(bytes: Buffer, cuts: readonly number[]): Promise<string[]> {
    const client = shard.open('c', { properties: { receiveMaximum: 1_000 } });
    await settle();
    client.take();
    let from = 0;
    for (const cut of [...cuts, bytes.length]) {
      client.send(bytes.subarray(from, cut));
      from = cut;
      if (cut % 3 === 0) await settle(1);
    }
    await settle();
    const frames = client
      .take()
      .map(({ type, id, code, codes, payload }) => `${type} ${id} ${code} ${codes} ${payload}`);
    client.drop();
    return frames;
  }
  const gate = fc.tuple(fc.array(fc.nat(2), { maxLength: 12 }), fc.array(fc.nat(10_000), { maxLength: 40 }));
  await fc.assert(
    fc.asyncProperty(gate, fc.boolean(), async ([qos, places], isDripped) => {
      const bytes = stream(qos);
      const all = Array.from({ length: bytes.length - 1 }, (_, i) => i + 1);
      const cuts = isDripped
        ? all
        : [...new Set(places.map((place) => place % bytes.length))].sort((a, b) => a - b);
      t.deepEqual(await outcome(bytes, cuts), await outcome(bytes, []));
      t.is(shard.parts.memory.totalBytes, 0);
    }),
    { numRuns: 40 },
  );
});

test('who holds most with a packet that never ends goes first when memory is short, and nobody else', async (t) => {
  const shard = new TestShard({ memoryBudgetBytes: 200_000 });
  t.teardown(() => shard.stop());
  const clients = ['small', 'large', 'middle'].map((name) => shard.open(name));
  await settle();
  for (const [index, kib] of [20, 100, 60].entries()) {
    clients[index]!.send(
      packets.publish(5, { topic: 't', payload: 'x'.repeat(150_000) }).subarray(0, kib * 1_024),
    );
  }
  t.is(shard.parts.memory.totalBytes, 180 * 1_024);
  clients[0]!.send(Buffer.alloc(30 * 1_024));
  await shard.advance(1_000);
  t.deepEqual(
    clients.map((client) => client.isClosed),
    [false, true, false],
  );
  t.is(clients[1]!.take().at(-1)?.code, 0x97);
});

test('[MQTT-4.3.3-10] a repeated QoS 2 message needs no leave: it is ours already', async (t) => {
  let asked = 0;
  const authorizePublish = (_client: string, _topic: string, answer: (reason: ReasonCode) => void) =>
    answer(asked++ === 0 ? ReasonCode.Success : ReasonCode.NotAuthorized);
  const shard = new TestShard({ hooks: { authorizePublish } });
  t.teardown(() => shard.stop());
  const client = shard.open('c');
  await settle();
  client.take();
  const again = { topic: 't', payload: 'm', qos: 2, id: 1 };
  client.publish(again);
  client.publish({ ...again, dup: true });
  client.publish({ ...again, id: 2 });
  client.send(packets.ack('pubrel', 1));
  await settle();
  t.deepEqual(
    client.take().map(({ type, id, code }) => [type, id, code]),
    [
      ['pubrec', 1, 0x10],
      ['pubrec', 1, 0],
      ['pubrec', 2, 0x87],
      ['pubcomp', 1, 0],
    ],
  );
});

test('QoS 0 messages that waited for the client come before those that follow', async (t) => {
  const shard = new TestShard();
  t.teardown(() => shard.stop());
  const stays = { clean: false, properties: { sessionExpiry: 60, receiveMaximum: 1 } } as const;
  const away = shard.open('c', stays);
  away.subscribe(1, ['t', 1]);
  await settle();
  away.drop();
  const publisher = shard.open('p');
  for (let id = 1; id <= 3; id++) {
    publisher.publish({ topic: 't', payload: `first ${id}`, qos: 1, id });
    publisher.publish({ topic: 't', payload: `zero ${id}` });
  }
  const back = shard.open('c', stays);
  publisher.publish({ topic: 't', payload: 'zero 4' });
  for (let id = 1; id <= 3; id++) {
    await settle();
    back.send(packets.ack('puback', id));
  }
  publisher.publish({ topic: 't', payload: 'zero 5' });
  await settle();
  t.deepEqual(
    back.takePayloads().filter((payload) => payload.startsWith('zero')),
    ['zero 1', 'zero 2', 'zero 3', 'zero 4', 'zero 5'],
  );
});
