/**
 * The broker is killed at the moment at which an answer arrives, on a disc that is slow: what was answered holds, for
 * it was stored before. The ledger finds such moments by chance, these tests by design.
 */
import test, { type ExecutionContext } from 'ava';
import { temporaryDir } from '../cli/run-cli.js';
import { PERSISTENT } from '../helpers/packets.js';
import { RawClient } from '../helpers/raw-client.js';
import { type BrokerRun, startForkedBroker } from './ledger/broker-process.js';

/** A broker with a slow disc, and what is done with it. */
class Stage {
  private run: BrokerRun;
  private readonly choice;

  constructor(t: ExecutionContext) {
    t.timeout(60_000);
    this.choice = { dataDir: temporaryDir(t), level: 'process', shards: 2, isSlow: true } as const;
    this.run = startForkedBroker(this.choice);
    t.teardown(() => this.run.end('SIGKILL'));
  }

  /** A client whose session stays. */
  async client(clientId: string, version: 4 | 5 = 4): Promise<RawClient> {
    const client = await RawClient.open({ host: '127.0.0.1', port: await this.run.ready }, version);
    await client.connect({ clientId, ...PERSISTENT });
    return client;
  }

  /** @returns a ClientId that belongs to the shard of `other`, or to the other shard */
  async nameFor(other: string, isSameShard: boolean): Promise<string> {
    await this.run.ready;
    const shard = await this.run.shardOf(other);
    for (let i = 0; ; i++) {
      const name = `publisher-${i}`;
      if (((await this.run.shardOf(name)) === shard) === isSameShard) return name;
    }
  }

  async crash(): Promise<void> {
    await this.run.end('SIGKILL');
    this.run = startForkedBroker(this.choice);
    await this.run.ready;
  }
}

// One after the other: each starts two brokers.
const killed = test.serial;

killed('at SUBACK: the subscription is there', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.client('subscriber');
  await subscriber.subscribe([['a', 1]]);
  await stage.crash();
  const again = await stage.client('subscriber');
  t.true(again.connack?.sessionPresent);
  await (await stage.client('publisher')).publish({ topic: 'a', payload: 'x', qos: 1 });
  await again.receive('x');
});

killed('at UNSUBACK: the subscription is gone', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.client('subscriber');
  await subscriber.subscribe([
    ['a', 1],
    ['b', 1],
  ]);
  await subscriber.unsubscribe('a');
  await stage.crash();
  const again = await stage.client('subscriber');
  const publisher = await stage.client('publisher');
  await publisher.publish({ topic: 'a', payload: 'x', qos: 1 });
  await publisher.publish({ topic: 'b', payload: 'y', qos: 1 });
  t.is((await again.receive()).topic, 'b');
});

for (const [qos, isSameShard] of [
  [1, true],
  [1, false],
  [2, true],
  [2, false],
] as const) {
  const where = isSameShard ? 'on the same shard' : 'on another shard';
  const answer = qos === 1 ? 'puback' : 'pubrec';

  killed(`at ${answer.toUpperCase()}: the message for a session ${where} is there, once`, async (t) => {
    const stage = new Stage(t);
    const name = await stage.nameFor('subscriber', isSameShard);
    const subscriber = await stage.client('subscriber');
    await subscriber.subscribe([['a', qos]]);
    subscriber.drop();
    const publisher = await stage.client(name);
    publisher.sendPublish({ topic: 'a', payload: 'x', qos, id: 1 });
    await publisher.expect(answer);
    await stage.crash();
    const back = await stage.client(name);
    // As a client does that has not seen PUBREC.
    if (qos === 2) await back.publish({ topic: 'a', payload: 'x', qos, id: 1, dup: true });
    await back.publish({ topic: 'a', payload: 'y', qos, id: 2 });
    const again = await stage.client('subscriber');
    const payloads = (await again.receiveAll(2)).map(({ payload }) => payload);
    t.deepEqual(payloads, ['x', 'y']);
    await again.expectSilence();
  });
}

killed('at PUBCOMP: the packet identifier is free for another message', async (t) => {
  const stage = new Stage(t);
  const subscriber = await stage.client('subscriber');
  await subscriber.subscribe([['a', 2]]);
  subscriber.drop();
  // What is left of the message lies in the same record.
  const name = await stage.nameFor('subscriber', true);
  const publisher = await stage.client(name);
  await publisher.publish({ topic: 'a', payload: 'x', qos: 2, id: 1 });
  await stage.crash();
  const back = await stage.client(name);
  await back.publish({ topic: 'a', payload: 'y', qos: 2, id: 1 });
  const again = await stage.client('subscriber');
  const payloads = (await again.receiveAll(2)).map(({ payload }) => payload);
  t.deepEqual(payloads, ['x', 'y']);
});

killed(
  'at PUBLISH with QoS 2, and at PUBREL: the same message does not come under another identifier',
  async (t) => {
    const stage = new Stage(t);
    const subscriber = await stage.client('subscriber');
    await subscriber.subscribe([['a', 2]]);
    const publisher = await stage.client('publisher');
    // So that a session which has forgotten the next one would begin with another identifier.
    await publisher.publish({ topic: 'a', payload: 'w', qos: 2, id: 1 });
    const first = await subscriber.expectPublish('w');
    subscriber.sendAck('pubrec', first.id);
    await subscriber.expect('pubrel');
    subscriber.sendAck('pubcomp', first.id);
    publisher.sendPublish({ topic: 'a', payload: 'x', qos: 2, id: 1 });
    const { id } = await subscriber.expectPublish('x');
    t.not(id, first.id);
    await stage.crash();
    const back = await stage.client('publisher');
    await back.publish({ topic: 'a', payload: 'x', qos: 2, id: 1, dup: true });
    const again = await stage.client('subscriber');
    t.is((await again.expectPublish('x')).id, id);
    again.sendAck('pubrec', id);
    t.is((await again.expect('pubrel')).id, id);
    await stage.crash();
    const third = await stage.client('subscriber');
    t.is((await third.expect('pubrel')).id, id);
    third.sendAck('pubcomp', id);
    await third.expectSilence();
  },
);

killed('at the PUBACK of a retained message: it is retained', async (t) => {
  const stage = new Stage(t);
  const publisher = await stage.client('publisher');
  for (let i = 0; i < 4; i++)
    await publisher.publish({ topic: `r/${i}`, payload: 'x', qos: 1, retain: true });
  await publisher.publish({ topic: 'r/0', payload: '', qos: 1, retain: true });
  await stage.crash();
  const reader = await stage.client('reader');
  await reader.subscribe([['r/#', 0]]);
  const topics = (await reader.receiveAll(3)).map(({ topic }) => topic);
  t.deepEqual(topics.sort(), ['r/1', 'r/2', 'r/3']);
  await reader.expectSilence();
});
