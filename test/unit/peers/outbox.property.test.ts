/**
 * Random histories of three shards with discs: commits that come late, fail or are not heard of, shards that die at any
 * moment and come back from what is on their disc. What a publisher could have been promised is handled once.
 */
import { setImmediate as nextLoop } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { CountedBudget, type Node, World } from './world.js';

const SHARDS = 3;
const TOPICS = ['a', 'b', 'c'];
const LARGE_BYTES = 100_000;

const shard = fc.nat({ max: SHARDS - 1 });
const topic = fc.constantFrom(...TOPICS);

const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      shard,
      topic,
      owner: fc.oneof({ weight: 4, arbitrary: fc.constant(-1) }, { weight: 1, arbitrary: shard }),
      isLarge: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('subscribe' as const),
      shard,
      topic,
      isDurable: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), shard, topic }) },
  // One pass of a shard's loop, and the middle of one.
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('turn' as const),
      shard,
      records: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('drain' as const),
      shard,
      records: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('commit' as const), shard }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('beginCommit' as const), shard }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('writeCommit' as const), shard }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('endCommit' as const), shard }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('loop' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('die' as const), shard }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('restart' as const), shard }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
);

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Longer than rows stay that are no longer needed. */
const WAIT_MS = 3_000;

interface Sent {
  readonly source: number;
  readonly topicName: string;
  /** Shards that must handle it, once it is on the disc of its source. */
  readonly kept: readonly number[];
  readonly nodes: ReadonlySet<Node>;
}

class History {
  readonly world = new World(SHARDS, true);
  private readonly sent = new Map<string, Sent>();
  /** Of every shard: messages that were in one of its commits. */
  private readonly written = new Set<string>();
  private readonly unwritten = new Map<Node, Set<string>>();
  private readonly underway = new Map<Node, Set<string>>();
  /** Shard and topic of durable subscriptions that are answered: they hold while the shard is dead. */
  private readonly promised = new Set<string>();
  private readonly newest = new Map<string, number>();
  private subscriptions = 0;
  private number = 0;
  private nowMs = 0;

  constructor(private readonly t: ExecutionContext) {
    for (const node of this.world.nodes) this.adopt(node);
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const node of this.world.nodes) this.subscribe(node, 'a', true);
    await this.world.settle(6);
    for (const one of steps) await this.apply(one);
    for (const { id, isAlive } of this.world.nodes) if (!isAlive) this.restart(id);
    await this.settle(30);
    this.check();
  }

  private async apply(one: Step): Promise<void> {
    if (one.do === 'loop') {
      await nextLoop();
      return;
    }
    if (one.do === 'settle') {
      await this.settle(3);
      return;
    }
    if (one.do === 'wait') {
      this.nowMs += WAIT_MS;
      for (const { mesh, isAlive } of this.world.nodes) if (isAlive) mesh.sweep(this.nowMs);
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
        this.subscribe(node, one.topic, one.isDurable);
        break;
      case 'unsubscribe':
        node.table.unsubscribe(one.topic);
        node.disc!.durable.delete(one.topic);
        this.promised.delete(`${node.id} ${one.topic}`);
        break;
      case 'drain':
        node.mesh.drain(new CountedBudget(one.records));
        break;
      case 'turn':
        for (const order of node.orders.splice(0)) order();
        node.mesh.drain(new CountedBudget(one.records));
        node.mesh.flush();
        break;
      case 'commit':
        this.beginCommit(node);
        this.writeCommit(node);
        node.endCommit();
        break;
      case 'beginCommit':
        this.beginCommit(node);
        break;
      case 'writeCommit':
        this.writeCommit(node);
        break;
      case 'endCommit':
        node.endCommit();
        break;
      case 'die':
        this.world.kill(node.id);
        break;
    }
  }

  private publish(node: Node, topicName: string, owner: number, isLarge: boolean): void {
    if (!node.mesh.isReady || !node.mesh.hasCredit(-1, 1)) return;
    const text = `${this.number++}`;
    const ownBit = 1 << node.id;
    const keptMask = (node.table.durablyInterested(topicName) | (owner < 0 ? 0 : 1 << owner)) & ~ownBit;
    const mask = node.publish(topicName, text, 1, owner, isLarge ? LARGE_BYTES : 0);
    this.t.is(mask & keptMask, keptMask, 'what is kept is taken, whoever is dead');
    for (const { id } of this.world.nodes) {
      const isPromised = id !== node.id && this.promised.has(`${id} ${topicName}`);
      this.t.true(!isPromised || (keptMask & (1 << id)) !== 0, `${text} is not kept for shard ${id}`);
    }
    const kept = this.world.nodes.map(({ id }) => id).filter((id) => (keptMask & (1 << id)) !== 0);
    const nodes = new Set(node.others.filter((_, id) => (mask & (1 << id)) !== 0));
    this.sent.set(text, { source: node.id, topicName, kept, nodes });
    this.unwritten.get(node)!.add(text);
  }

  private subscribe(node: Node, topicName: string, isDurable: boolean): void {
    node.table.subscribe(topicName, isDurable);
    const name = `${node.id} ${topicName}`;
    if (!isDurable) {
      node.disc!.durable.delete(topicName);
      this.promised.delete(name);
      return;
    }
    if (node.disc!.durable.has(topicName)) return;
    node.disc!.durable.add(topicName);
    const number = ++this.subscriptions;
    this.newest.set(name, number);
    node.mesh.whenInterestKnown(() => {
      if (this.newest.get(name) === number && node.disc!.durable.has(topicName)) this.promised.add(name);
    }, Number.POSITIVE_INFINITY);
  }

  private beginCommit(node: Node): void {
    if (node.isCommitting) return;
    node.beginCommit();
    this.underway.set(node, this.unwritten.get(node)!);
    this.unwritten.set(node, new Set());
  }

  private writeCommit(node: Node): void {
    node.writeCommit();
    if (!node.isCommitting) return;
    for (const text of this.underway.get(node)!) this.written.add(text);
  }

  private adopt(node: Node): void {
    this.unwritten.set(node, new Set());
    this.underway.set(node, new Set());
    const latest = new Map<string, number>();
    const seen = new Set<string>();
    node.watch = ({ text, topic: topicName }) => {
      const { source, kept, nodes } = this.sent.get(text)!;
      const isKept = kept.includes(node.id);
      if (isKept) {
        this.t.true(this.written.has(text), `${text} came before it was safe`);
        this.t.false(node.handled.includes(text), `${text} came twice`);
        node.handled.push(text);
      } else {
        this.t.true(nodes.has(node) || this.written.has(text), `${text} came to a shard it was not sent to`);
        this.t.false(seen.has(text), `${text} came twice`);
      }
      seen.add(text);
      const stream = `${source} ${topicName}`;
      this.t.true(Number(text) > (latest.get(stream) ?? -1), `${text} is out of order`);
      latest.set(stream, Number(text));
    };
  }

  private restart(id: number): void {
    this.world.restart(id);
    this.adopt(this.world.node(id));
  }

  private async settle(rounds: number): Promise<void> {
    for (let i = 0; i < rounds; i++) {
      for (const node of this.world.nodes) {
        if (!node.isAlive) continue;
        this.writeCommit(node);
        node.endCommit();
        this.beginCommit(node);
        this.writeCommit(node);
        node.endCommit();
      }
      await this.world.settle(1);
      this.nowMs += 100;
      for (const { mesh, isAlive } of this.world.nodes) if (isAlive) mesh.sweep(this.nowMs);
    }
  }

  private check(): void {
    for (const { mesh, id, disc, handled } of this.world.nodes) {
      this.t.true(mesh.isReady, `shard ${id} is stuck`);
      this.t.is(mesh.waitingBytes, 0, 'all credit has returned');
      this.t.true(mesh.hasCredit(-1, 0) && mesh.hasCredit(-1, 2));
      this.t.deepEqual(disc!.handled, handled, 'all that is handled is safe');
      const rows = [...disc!.table('outbox')];
      this.t.true(rows.length <= SHARDS - 1, `${rows.length} rows are left`);
      for (const other of this.world.nodes) {
        const interest = [...other.table.filters[id]!.keys()].toSorted();
        if (other.id === id) continue;
        this.t.deepEqual(interest, [...this.world.node(id).table.own].toSorted(), 'all know what is wanted');
      }
    }
    for (const [text, { kept }] of this.sent) {
      const isSafe = this.written.has(text);
      for (const id of kept) {
        const count = this.world.node(id).handled.filter((each) => each === text).length;
        this.t.is(count, isSafe ? 1 : 0, `${text}, which ${isSafe ? 'is' : 'was not'} safe`);
      }
    }
  }
}

test('what was safe before its shard died is handled exactly once, in order, whoever dies when', async (t) => {
  const steps = fc.array(step, { minLength: 20, maxLength: 200, size: 'max' });
  const property = fc.asyncProperty(steps, async (history) => {
    const run = new History(t);
    try {
      await run.run(history);
    } finally {
      run.world.close();
    }
  });
  await fc.assert(property, { numRuns: Number(process.env['OUTBOX_RUNS'] ?? 300) });
});
