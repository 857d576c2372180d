/**
 * Several meshes in one thread over real channels, with a stand-in for the router, and a main that talks to
 * each in order.
 */
import { setImmediate as nextLoop } from 'node:timers/promises';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { InterestReader } from '../../../src/actor/interest-lot.js';
import type { GroupChange, InterestChange, RetainedMessage } from '../../../src/actor/peer-protocol.js';
import type { BatchReader } from '../../../src/protocol/batch.js';
import { asShardId, type ShardId } from '../../../src/protocol/ids.js';
import { createMessage } from '../../../src/protocol/message.js';
import { PublishView } from '../../../src/protocol/mqtt/publish-view.js';
import type {
  Announcement,
  Committable,
  InterestTable,
  PeerHandlers,
  Undelivered,
} from '../../../workers/peers/handlers.js';
import { Mesh } from '../../../workers/peers/mesh.js';

/** As many records as it was made with. */
export class CountedBudget {
  constructor(private left: number) {}

  get spent(): boolean {
    return this.left-- <= 0;
  }

  get overTime(): boolean {
    return this.left <= 0;
  }
}

export const PLENTY = new CountedBudget(Number.POSITIVE_INFINITY);

/** Filters are topics here: matching is another part's matter. */
const FILTERS_AT_ONCE = 256;

export class FakeTable implements InterestTable {
  readonly own = new Set<string>();
  /** Other shards' interest. */
  readonly filters: Map<string, InterestChange>[];
  readonly groups: GroupChange[] = [];
  private readonly changed = new Set<string>();

  constructor(shards: number) {
    this.filters = Array.from({ length: shards }, () => new Map<string, InterestChange>());
  }

  subscribe(filter: string): void {
    this.own.add(filter);
    this.changed.add(filter);
  }

  unsubscribe(filter: string): void {
    this.own.delete(filter);
    this.changed.add(filter);
  }

  /** Bits of the shards that want `topic`. */
  interested(topic: string): number {
    return this.filters.reduce(
      (mask, filters, shard) => (filters.has(topic) ? mask | (1 << shard) : mask),
      0,
    );
  }

  takeInterestChanges(): { filters: InterestChange[]; groups: GroupChange[] } | null {
    if (this.changed.size === 0) return null;
    const filters = [...this.changed].map((filter) => this.change(filter));
    this.changed.clear();
    return { filters, groups: [] };
  }

  /** In small slices. */
  announce(): Announcement {
    const left = this.own.values();
    return {
      next: (filters) => {
        for (let count = 0; count < FILTERS_AT_ONCE; count++) {
          const { done, value } = left.next();
          if (done === true) return true;
          const text = Buffer.from(value);
          filters.add(text, 0, text.length, false, undefined);
        }
        return false;
      },
    };
  }

  applyInterestLot(shard: number, lot: ArrayBuffer): void {
    const reader = new InterestReader(lot);
    while (reader.next()) {
      const filter = Buffer.from(reader.bytes).toString('utf8', reader.start, reader.end);
      this.applyInterest(shard, { filter, plain: true, durable: reader.durable });
    }
  }

  applyInterest(shard: number, change: InterestChange): void {
    if (change.plain) this.filters[shard]!.set(change.filter, change);
    else this.filters[shard]!.delete(change.filter);
  }

  applyGroup(_shard: number, change: GroupChange): void {
    this.groups.push(change);
  }

  dropShardSome(shard: number, max: number): boolean {
    const filters = this.filters[shard]!;
    for (const filter of [...filters.keys()].slice(0, max)) filters.delete(filter);
    return filters.size === 0;
  }

  private change(filter: string): InterestChange {
    return { filter, plain: this.own.has(filter), durable: false };
  }
}

export interface Received {
  readonly from: ShardId;
  readonly topic: string;
  /** Up to the first blank behind the number; padding is left out. */
  readonly text: string;
  readonly flags: number;
}

/** One shard: a mesh, its table, and what reached its handlers. */
export class Node implements PeerHandlers {
  readonly table: FakeTable;
  readonly mesh: Mesh;
  readonly view = new PublishView();
  readonly received: Received[] = [];
  readonly retained: RetainedMessage[] = [];
  readonly credits: ShardId[] = [];
  readonly peerNews: string[] = [];
  readonly undelivered: Undelivered[] = [];
  readonly commits: { peer: Committable; sequence: number }[] = [];
  /** What main has told this shard and it has not heard yet. */
  readonly orders: (() => void)[] = [];
  /** At the other ends of the channels, by shard: a dead one until this shard hears of its successor. */
  readonly others: Node[] = [];
  works = 0;
  readies = 0;
  isAlive = true;
  /** Commits as soon as a batch has been handled. */
  commitsAtOnce = true;
  watch: ((received: Received) => void) | null = null;

  constructor(
    readonly id: number,
    shards: number,
    readonly incarnation = 0,
  ) {
    this.table = new FakeTable(shards);
    this.mesh = new Mesh({ shard: asShardId(id), shards, table: this.table, handlers: this });
  }

  onWork(): void {
    this.works++;
  }

  onRecord(view: PublishView, record: BatchReader, from: ShardId): void {
    const topic = view.topicBytes.toString('utf8', view.topicStart, view.topicEnd);
    const text = view.bytes.toString(
      'utf8',
      view.payloadStart,
      Math.min(view.payloadEnd, view.payloadStart + 64),
    );
    const received = { from, topic, text: text.trimEnd(), flags: record.flags };
    this.received.push(received);
    this.watch?.(received);
  }

  onBatch(peer: Committable, sequence: number): void {
    if (this.commitsAtOnce) peer.commit(sequence);
    else this.commits.push({ peer, sequence });
  }

  onRetained(message: RetainedMessage): void {
    this.retained.push(message);
  }

  onRelay(): void {}

  onPeerReady(shard: ShardId): void {
    this.peerNews.push(`${shard} ready`);
  }

  onPeerLost(shard: ShardId): void {
    this.peerNews.push(`${shard} lost`);
  }

  onCredit(shard: ShardId): void {
    this.credits.push(shard);
  }

  onUndelivered(_shard: ShardId, undelivered: Undelivered): void {
    this.undelivered.push(undelivered);
  }

  onReady(): void {
    this.readies++;
  }

  /** Forwards to whoever is interested. @returns the shards it went to. */
  publish(topic: string, text: string, qos = 0, retainOwner = -1, payloadBytes = 0): number {
    const shards = this.table.interested(topic) & ~(1 << this.id);
    const payload = Buffer.from(text.padEnd(payloadBytes, ' '));
    this.view.load(createMessage({ topic, payload, qos, retain: retainOwner >= 0, receivedAtMs: 1 }));
    const owner = retainOwner === this.id ? -1 : retainOwner;
    return (shards | (owner < 0 ? 0 : 1 << owner)) & ~this.mesh.forward(this.view, shards, 0, owner);
  }

  commitAll(): void {
    for (const { peer, sequence } of this.commits.splice(0)) peer.commit(sequence);
  }
}

export class World {
  readonly nodes: Node[];
  private readonly channels: MessageChannel[] = [];

  constructor(readonly shards: number) {
    this.nodes = Array.from({ length: shards }, (_, id) => new Node(id, shards));
    for (let a = 0; a < shards; a++) for (let b = a + 1; b < shards; b++) this.channel(a, b);
    for (const node of this.nodes) node.orders.push(() => node.mesh.begin());
  }

  node(id: number): Node {
    return this.nodes[id]!;
  }

  /** The shard's thread ends: main tells the others. */
  kill(id: number): void {
    const dead = this.node(id);
    dead.isAlive = false;
    dead.mesh.close();
    for (const node of this.nodes) {
      if (node.isAlive) node.orders.push(() => node.mesh.lost(asShardId(id)));
    }
  }

  /** A new incarnation: main connects it to all that live. */
  restart(id: number): void {
    const node = new Node(id, this.shards, this.node(id).incarnation + 1);
    this.nodes[id] = node;
    for (const other of this.nodes) if (other !== node && other.isAlive) this.channel(id, other.id);
    node.orders.push(() => node.mesh.begin());
  }

  /** Everybody does all there is to do, until nothing comes any more. */
  async settle(rounds = 40): Promise<void> {
    for (let i = 0; i < rounds; i++) {
      for (const node of this.nodes) {
        if (!node.isAlive) continue;
        for (const order of node.orders.splice(0)) order();
        node.mesh.drain(PLENTY);
        node.commitAll();
        node.mesh.flush();
      }
      await nextLoop();
    }
  }

  close(): void {
    for (const node of this.nodes) node.mesh.close();
    for (const { port1, port2 } of this.channels) {
      port1.close();
      port2.close();
    }
  }

  private channel(a: number, b: number): void {
    const channel = new MessageChannel();
    this.channels.push(channel);
    this.connectLater(a, b, channel.port1);
    this.connectLater(b, a, channel.port2);
  }

  private connectLater(id: number, to: number, port: MessagePort): void {
    const node = this.node(id);
    const other = this.node(to);
    node.orders.push(() => {
      node.others[to] = other;
      node.mesh.connect(asShardId(to), port);
    });
  }
}

/** Runs `body` with `shards` meshes that know each other, and closes them. */
export async function withWorld(shards: number, body: (world: World) => Promise<void>): Promise<void> {
  const world = new World(shards);
  try {
    await world.settle(8);
    await body(world);
  } finally {
    world.close();
  }
}
