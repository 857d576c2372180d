/**
 * Several meshes in one thread over real channels, with a stand-in for the router, and a main that talks to
 * each in order.
 */
import { setImmediate as nextLoop } from 'node:timers/promises';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { RetainedMessage } from '../../../src/actor/peer-protocol.js';
import type { BatchReader } from '../../../src/protocol/batch-reader.js';
import { asShardId, type ShardId } from '../../../src/protocol/ids.js';
import { createMessage } from '../../../src/protocol/message.js';
import { PublishView } from '../../../src/protocol/mqtt/publish-view.js';
import type { Change, Row, Table } from '../../../src/storage/tables.js';
import type { Committable, PeerHandlers, Undelivered } from '../../../workers/peers/handlers.js';
import { Mesh } from '../../../workers/peers/mesh.js';
import { Outbox } from '../../../workers/peers/outbox.js';
import { ByteHash } from '../../../workers/routing/byte-hash.js';
import { FakeTable } from './fake-table.js';

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

export interface Received {
  readonly from: ShardId;
  readonly topic: string;
  /** Up to the first blank behind the number; padding is left out. */
  readonly text: string;
  readonly flags: number;
}

/** What one shard keeps over its lives: rows by table and key, and what it had handled that must survive. */
export class Disc {
  readonly rows = new Map<string, Row & { readonly table: Table }>();
  readonly durable = new Set<string>();
  handled: readonly string[] = [];

  write(changes: readonly Change[], handled: readonly string[]): void {
    for (const { table, key, value } of changes) {
      const name = `${table} ${key.toString('hex')}`;
      if (value === null) this.rows.delete(name);
      else this.rows.set(name, { table, key, value });
    }
    this.handled = handled;
  }

  /** In the order of keys. */
  *table(table: Table): Iterable<Row> {
    for (const name of [...this.rows.keys()].toSorted()) {
      const row = this.rows.get(name)!;
      if (row.table === table) yield row;
    }
  }
}

interface Commit {
  readonly changes: Change[];
  readonly handled: readonly string[];
  isWritten: boolean;
}

/** One shard: a mesh, its table, and what reached its handlers. */
export class Node implements PeerHandlers {
  readonly table: FakeTable;
  readonly outbox: Outbox;
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
  /** With a disc: all that must survive, of all its lives. */
  handled: string[] = [];
  isFailing = false;
  private commit: Commit | null = null;

  constructor(
    readonly id: number,
    shards: number,
    readonly incarnation = 0,
    readonly disc: Disc | null = null,
  ) {
    this.table = new FakeTable(shards);
    const { table } = this;
    this.outbox = new Outbox({ shards, isOn: disc !== null, hash: new ByteHash(0), commits: this });
    this.mesh = new Mesh({ shard: asShardId(id), shards, table, handlers: this, outbox: this.outbox });
    if (disc !== null) this.restore(disc);
  }

  private restore(disc: Disc): void {
    for (const row of disc.table('outbox')) this.outbox.restore(row);
    for (const row of disc.table('applied')) this.outbox.restoreApplied(row);
    this.handled = [...disc.handled];
    for (const filter of disc.durable) this.table.subscribe(filter, true);
  }

  get isCommitting(): boolean {
    return this.commit !== null;
  }

  touch(): void {}

  whenSafe(): void {}

  /** A commit takes what there is. */
  beginCommit(): void {
    if (this.commit !== null || this.disc === null) return;
    const changes: Change[] = [];
    this.outbox.collect(changes);
    this.commit = { changes, handled: [...this.handled], isWritten: false };
  }

  /** It is on the disc, and the shard has not heard so. */
  writeCommit(): void {
    if (this.commit === null) return;
    this.disc!.write(this.commit.changes, this.commit.handled);
    this.commit.isWritten = true;
  }

  /** The shard hears that it is, or that it has failed. */
  endCommit(): void {
    if (this.commit === null) return;
    this.isFailing = !this.commit.isWritten;
    if (this.isFailing) return;
    this.commit = null;
    this.outbox.committed();
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
    const durable = this.table.durablyInterested(topic) & ~(1 << this.id);
    this.load(topic, text.padEnd(payloadBytes, ' '), qos, retainOwner >= 0);
    const owner = retainOwner === this.id ? -1 : retainOwner;
    return (shards | (owner < 0 ? 0 : 1 << owner)) & ~this.mesh.forward(this.view, shards, durable, owner);
  }

  load(topic: string, text: string, qos: number, retain = false): PublishView {
    this.view.load(createMessage({ topic, payload: Buffer.from(text), qos, retain, receivedAtMs: 1 }));
    return this.view;
  }

  commitAll(): void {
    for (const { peer, sequence } of this.commits.splice(0)) peer.commit(sequence);
  }

  /** Everything is safe, and the shard has heard so. */
  keepAll(): void {
    this.writeCommit();
    this.endCommit();
    this.beginCommit();
    this.writeCommit();
    this.endCommit();
  }
}

export class World {
  readonly nodes: Node[];
  private readonly channels: MessageChannel[] = [];

  /** `isKeeping`: shards have discs. */
  constructor(
    readonly shards: number,
    isKeeping = false,
  ) {
    this.nodes = Array.from(
      { length: shards },
      (_, id) => new Node(id, shards, 0, isKeeping ? new Disc() : null),
    );
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
    const { incarnation, disc } = this.node(id);
    const node = new Node(id, this.shards, incarnation + 1, disc);
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
export async function withWorld(
  shards: number,
  body: (world: World) => Promise<void>,
  isKeeping = false,
): Promise<void> {
  const world = new World(shards, isKeeping);
  try {
    await world.settle(8);
    await body(world);
  } finally {
    world.close();
  }
}
