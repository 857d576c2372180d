/**
 * What every real client must be able to do through the broker, with the other end on the same shard and on another.
 * The broker itself reports where the two sessions are, so that a test cannot pass on the wrong path.
 */
import { randomUUID } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { needs } from '../helpers/needs.js';
import type { ClientKind, Identity, Qos, Received, Subscriber } from './client-kind.js';
import { ShardedBroker } from './sharded-broker.js';

/** One test's view: two ClientIds where they should be, and topics that no other test uses. */
class Scene {
  readonly topic = `t-${randomUUID()}`;
  readonly subscriberId: string;
  readonly publisherId: string;
  readonly #subscribers: Subscriber[] = [];

  constructor(
    readonly t: ExecutionContext,
    readonly broker: ShardedBroker,
    readonly kind: ClientKind,
    readonly isSameShard: boolean,
  ) {
    this.subscriberId = broker.clientIdOn(broker.subscriberShard);
    this.publisherId = broker.clientIdOn(this.publisherShard);
  }

  get publisherShard(): number {
    const { subscriberShard } = this.broker;
    return this.isSameShard ? subscriberShard : 1 - subscriberShard;
  }

  /** As whom a client of this kind connects. */
  identity(clientId: string): Identity {
    return this.broker.identity(this.kind.transport, clientId);
  }

  async subscribe(filter: string, qos: Qos, clientId = this.subscriberId): Promise<Subscriber> {
    const subscriber = await this.kind.subscribe(this.identity(clientId), filter, qos);
    this.#subscribers.push(subscriber);
    const shard = this.broker.broker.shardOf(clientId);
    this.t.deepEqual(await this.broker.shardsConnectedTo(clientId), [shard]);
    return subscriber;
  }

  async publish(topic: string, payload: string, qos: Qos, retain = false): Promise<void> {
    await this.kind.publish(this.identity(this.publisherId), { topic, payload, qos, retain });
  }

  async end(): Promise<void> {
    for (const subscriber of this.#subscribers) await subscriber.stop();
  }
}

type Case = (scene: Scene) => Promise<void>;

const CASES: Readonly<Record<string, Case>> = {
  'a message arrives at each QoS': async (scene) => {
    const subscriber = await scene.subscribe(`${scene.topic}/+`, 2);
    for (const qos of [0, 1, 2] as const) {
      await scene.publish(`${scene.topic}/${qos}`, `at ${qos}`, qos);
      await subscriber.received(qos + 1);
    }
    scene.t.deepEqual(
      await subscriber.received(3),
      [0, 1, 2].map((qos) => received(`${scene.topic}/${qos}`, `at ${qos}`, qos)),
    );
  },
  'a subscription lowers the QoS': async (scene) => {
    const subscriber = await scene.subscribe(scene.topic, 1);
    await scene.publish(scene.topic, 'lowered', 2);
    scene.t.deepEqual(await subscriber.received(1), [received(scene.topic, 'lowered', 1)]);
  },
  'wildcards match what they should and nothing else': async (scene) => {
    const subscriber = await scene.subscribe(`${scene.topic}/+/b/#`, 1);
    const topics = ['a/b', 'a/b/c', 'x/b/c/d', 'a/c', 'a', 'last/b'];
    for (const topic of topics) await scene.publish(`${scene.topic}/${topic}`, topic, 1);
    const messages = await subscriber.received(4);
    scene.t.deepEqual(messages.map(({ payload }) => payload).sort(), ['a/b', 'a/b/c', 'last/b', 'x/b/c/d']);
    scene.t.is(subscriber.soFar().length, 4);
  },
  'a retained message comes to who subscribes later, until it is removed': async (scene) => {
    await scene.publish(scene.topic, 'kept', 1, true);
    const subscriber = await scene.subscribe(scene.topic, 1);
    scene.t.deepEqual(await subscriber.received(1), [received(scene.topic, 'kept', 1, true)]);
    await scene.publish(scene.topic, '', 1, true);
    await subscriber.received(2);
    const late = await scene.subscribe(`${scene.topic}/#`, 1, scene.broker.clientIdOn(0));
    await scene.publish(`${scene.topic}/next`, 'next', 1);
    scene.t.deepEqual(await late.received(1), [received(`${scene.topic}/next`, 'next', 1)]);
  },
  'a will is published when the connection breaks': async (scene) => {
    const subscriber = await scene.subscribe(scene.topic, 1);
    const identity = scene.identity(scene.publisherId);
    const will = { topic: scene.topic, payload: 'gone', qos: 1, retain: false } as const;
    const vanish = await scene.kind.connectWithWill(identity, will);
    scene.t.deepEqual(await scene.broker.shardsConnectedTo(identity.clientId), [scene.publisherShard]);
    scene.t.deepEqual(subscriber.soFar(), []);
    vanish();
    scene.t.deepEqual(await subscriber.received(1), [received(scene.topic, 'gone', 1)]);
  },
  'members of a shared subscription get each message once between them': async (scene) => {
    const filter = `$share/group/${scene.topic}`;
    const members = [
      await scene.subscribe(filter, 1),
      await scene.subscribe(filter, 1, scene.broker.clientIdOn(1)),
    ];
    const plain = await scene.subscribe(scene.topic, 1, scene.broker.clientIdOn(0));
    const payloads = ['1', '2', '3', '4', '5'];
    for (const payload of payloads) await scene.publish(scene.topic, payload, 1);
    await plain.received(payloads.length);
    for (const payload of payloads) {
      await Promise.race(members.map((member) => untilReceived(member, payload)));
    }
    const all = members.flatMap((member) => member.soFar().map(({ payload }) => payload));
    scene.t.deepEqual(all.sort(), payloads);
  },
};

/** Registers all cases for one client kind, against one broker with two shards for the file. */
export function testClientKinds(kinds: readonly ClientKind[]): void {
  let broker: ShardedBroker;
  test.before(async () => {
    broker = await ShardedBroker.open();
  });
  test.after.always(async () => {
    for (const kind of kinds) await kind.end?.();
    await broker.stop();
  });
  for (const kind of kinds) {
    for (const isSameShard of [true, false]) {
      const place = isSameShard ? 'on one shard' : 'from shard to shard';
      for (const [title, body] of Object.entries(CASES)) {
        needs(...kind.requirements)(`${kind.name}, ${place}: ${title}`, async (t) => {
          const scene = new Scene(t, broker, kind, isSameShard);
          await body(scene);
          await scene.end();
        });
      }
    }
  }
}

function received(topic: string, payload: string, qos: number, retain = false): Received {
  return { topic, payload, qos, retain };
}

async function untilReceived(subscriber: Subscriber, payload: string): Promise<void> {
  for (let count = 1; ; count++) {
    const messages = await subscriber.received(count);
    if (messages.some((message) => message.payload === payload)) return;
  }
}
