/**
 * Random histories of three shards that publish, subscribe, drain a little, commit late, die and come back, over real
 * channels. What must hold is checked while it happens and again when all have settled.
 */
import { setImmediate as nextLoop } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { PEER_CREDIT_BYTES, PEER_OVERDRAFT_BYTES } from '../../../src/limits.js';
import { RECORD_DELIVER, RECORD_RETAIN } from '../../../src/protocol/batch.js';
import { CountedBudget, type Node, World } from './world.js';

const SHARDS = 3;
const TOPICS = ['a', 'b', 'c'];
const LARGE_BYTES = 3_000_000;

const shard = fc.nat({ max: SHARDS - 1 });
const topic = fc.constantFrom(...TOPICS);

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      shard,
      topic,
      owner: fc.integer({ min: -1, max: SHARDS - 1 }),
      isLarge: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('subscribe' as const), shard, topic }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), shard, topic }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('drain' as const), shard, records: fc.nat({ max: 4 }) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('flush' as const), shard }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('commit' as const), shard }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('order' as const), shard }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('loop' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const), shard }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('restart' as const), shard }) },
);

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** One message as its publisher sent it; `to` loses shards that die. */
interface Sent {
  readonly publisher: Node;
  readonly topicName: string;
  readonly text: string;
  /** Nodes it was forwarded to, to be delivered or retained. */
  readonly to: Set<Node>;
  readonly owner: Node | null;
  readonly at: Set<Node>;
}

class History {
  readonly world = new World(SHARDS);
  private readonly sent = new Map<string, Sent>();
  // What each node may rely on: topics for which it was told that all know.
  private readonly promised = new Map<Node, Set<string>>();
  private readonly lastSeen = new Map<string, number>();
  private number = 0;
  private subscriptions = 0;
  private readonly newest = new Map<string, number>();

  constructor(private readonly t: ExecutionContext) {
    for (const node of this.world.nodes) this.adopt(node);
  }

  async run(steps: readonly Step[], isMeshed: boolean): Promise<void> {
    if (isMeshed) await this.world.settle(6);
    for (const one of steps) await this.apply(one);
    await this.settled();
  }

  private async apply(one: Step): Promise<void> {
    if (one.do === 'loop') {
      await nextLoop();
      return;
    }
    const node = this.world.node(one.shard);
    if (one.do === 'restart') {
      if (!node.isAlive) this.restart(one.shard);
      return;
    }
    if (!node.isAlive) return;
    switch (one.do) {
      case 'publish':
        this.publish(node, one.topic, one.owner, one.isLarge);
        break;
      case 'subscribe':
        this.subscribe(node, one.topic);
        break;
      case 'unsubscribe':
        node.table.unsubscribe(one.topic);
        this.promised.get(node)?.delete(one.topic);
        break;
      case 'drain':
        node.mesh.drain(new CountedBudget(one.records));
        break;
      case 'flush':
        node.mesh.flush();
        break;
      case 'commit':
        node.commitAll();
        break;
      case 'order':
        node.orders.shift()?.();
        break;
      case 'die':
        this.kill(node);
        break;
    }
  }

  private publish(node: Node, topicName: string, owner: number, isLarge: boolean): void {
    // A publisher asks first; one message may go over the edge, and no more.
    if (!node.mesh.isReady || !node.mesh.hasCredit(-1, 1)) return;
    const text = `${this.number++}`;
    const mask = node.publish(topicName, text, 1, owner, isLarge ? LARGE_BYTES : 0);
    const to = new Set(node.others.filter((other) => other !== undefined && (mask & (1 << other.id)) !== 0));
    const ownerNode = owner === node.id ? node : (node.others[owner] ?? null);
    const at = new Set<Node>();
    this.sent.set(text, { publisher: node, topicName, text, to, owner: ownerNode, at });
    // The heart of it: whoever was promised a topic is among those it was sent to.
    for (const other of this.world.nodes) {
      if (other === node || !other.isAlive || this.promised.get(other)?.has(topicName) !== true) continue;
      this.t.true(
        to.has(other),
        `${text} on ${topicName} was not sent to ${other.id}, which was promised it`,
      );
    }
    this.t.true(
      node.mesh.waitingBytes <=
        (SHARDS - 1) * (2 * PEER_CREDIT_BYTES + 2 * LARGE_BYTES + PEER_OVERDRAFT_BYTES),
    );
  }

  private subscribe(node: Node, topicName: string): void {
    if (node.table.own.has(topicName)) return;
    node.table.subscribe(topicName);
    const subscription = ++this.subscriptions;
    this.newest.set(`${node.id} ${topicName}`, subscription);
    node.mesh.whenInterestKnown((ok) => {
      this.t.true(ok);
      // Unsubscribed meanwhile, and perhaps subscribed anew: that one has an answer of its own.
      if (!node.table.own.has(topicName)) return;
      if (this.newest.get(`${node.id} ${topicName}`) !== subscription) return;
      this.promised.get(node)?.add(topicName);
      this.checkRetained(node, topicName);
    }, Number.POSITIVE_INFINITY);
  }

  // What was published without going to `node` lies with its owner by now, where a replay finds it.
  private checkRetained(node: Node, topicName: string): void {
    for (const sent of this.sent.values()) {
      const { owner, publisher } = sent;
      if (
        sent.topicName !== topicName ||
        owner === null ||
        owner === publisher ||
        !owner.isAlive ||
        !publisher.isAlive
      )
        continue;
      if (publisher === node || sent.to.has(node) || !sent.to.has(owner)) continue;
      this.t.true(sent.at.has(owner), `retained ${sent.text} is not yet with its owner`);
    }
  }

  private adopt(node: Node): void {
    node.commitsAtOnce = false;
    this.promised.set(node, new Set());
    node.watch = ({ text, flags }) => {
      const sent = this.sent.get(text)!;
      this.t.true(sent.to.has(node), `${text} came to a shard it was not sent to`);
      this.t.false(sent.at.has(node), `${text} came twice`);
      sent.at.add(node);
      this.t.is((flags & RECORD_RETAIN) !== 0, sent.owner === node);
      this.t.true((flags & (RECORD_DELIVER | RECORD_RETAIN)) !== 0);
      const path = `${sent.publisher.id}.${sent.publisher.incarnation} to ${node.id}.${node.incarnation}`;
      this.t.true(Number(text) > (this.lastSeen.get(path) ?? -1), `${text} is out of order`);
      this.lastSeen.set(path, Number(text));
    };
  }

  private kill(node: Node): void {
    // Those who waited there will never hear.
    this.promised.delete(node);
    this.world.kill(node.id);
  }

  private restart(id: number): void {
    this.world.restart(id);
    this.adopt(this.world.node(id));
  }

  private async settled(): Promise<void> {
    await this.world.settle(24);
    for (const node of this.world.nodes) {
      if (!node.isAlive) continue;
      this.t.true(node.mesh.isReady, `shard ${node.id} is stuck`);
      this.t.is(node.mesh.waitingBytes, 0, 'all credit has returned');
      this.t.true(node.mesh.hasCredit(-1, 0) && node.mesh.hasCredit(-1, 2));
      for (const topicName of node.table.own) {
        this.t.true(this.promised.get(node)?.has(topicName), `shard ${node.id} still waits for ${topicName}`);
      }
    }
    for (const { publisher, text, to, at } of this.sent.values()) {
      if (!publisher.isAlive) continue;
      for (const node of to) if (node.isAlive) this.t.true(at.has(node), `${text} was lost`);
    }
  }
}

test('promised messages arrive once and in order, credit returns, nobody waits for ever', async (t) => {
  const steps = fc.array(step, { minLength: 20, maxLength: 150, size: 'max' });
  const property = fc.asyncProperty(steps, fc.boolean(), async (history, isMeshed) => {
    const run = new History(t);
    try {
      await run.run(history, isMeshed);
    } finally {
      run.world.close();
    }
  });
  await fc.assert(property, { numRuns: 400 });
});
