/**
 * What it costs to keep messages on their way to another shard: `node dist/perf/micro/outbox.js`. Both shards are in
 * one thread, so a figure is the CPU time of both for one message: on the plain way, on the kept way with a store
 * that forgets, and with lmdb, whose own threads count as well.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { SystemClock } from '../../src/base/clock.js';
import { Counters } from '../../src/metrics/counters.js';
import { asShardId } from '../../src/protocol/ids.js';
import { createMessage } from '../../src/protocol/message.js';
import { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import type { Committable, PeerHandlers } from '../../workers/peers/handlers.js';
import { Mesh } from '../../workers/peers/mesh.js';
import { Outbox } from '../../workers/peers/outbox.js';
import { ByteHash } from '../../workers/routing/byte-hash.js';
import { Router } from '../../workers/routing/router.js';
import { Commits } from '../../workers/store/commits.js';
import { LmdbStore } from '../../workers/store/lmdb-store.js';
import { MemoryStore, type Store } from '../../workers/store/store.js';
import { Turn } from '../../workers/turn.js';

const ROUND_MS = 1_000;
const ROUNDS = 3;
const PER_TURN = [1, 10, 100, 1_000];
const SWEEP_MS = 100;
const MESSAGE = {
  topic: 'site/4711/device/0815/state',
  payload: new Uint8Array(64),
  qos: 1,
  retain: false,
  receivedAtMs: 0,
};

class Forgetful extends MemoryStore {
  override readonly isKeeping: boolean = true;
}

class Shard implements PeerHandlers {
  readonly mesh: Mesh;
  readonly turn = new Turn(new SystemClock());
  queued = false;
  private readonly commits: Commits;
  private readonly sweep: NodeJS.Timeout;

  constructor(
    id: number,
    port: MessagePort,
    readonly store: Store,
  ) {
    this.commits = new Commits(store, this.turn, new Counters());
    const hash = new ByteHash(0);
    const outbox = new Outbox({ shards: 2, isOn: store.isKeeping, hash, commits: this.commits });
    this.commits.add(outbox);
    const limits = { shard: id, hashSeed: 1, topicsCachedMax: 10, targetsCachedMax: 10 };
    const table = new Router(limits).interest;
    this.mesh = new Mesh({ shard: asShardId(id), shards: 2, table, handlers: this, outbox });
    this.turn.attach({
      commit: () => this.commits.endTurn(),
      flushPeers: () => this.mesh.flush(),
      flushOutputs: () => {},
      flushRelays: () => {},
    });
    this.sweep = setInterval(() => this.tick(), SWEEP_MS);
    this.mesh.connect(asShardId(1 - id), port);
    this.mesh.begin();
  }

  run(): boolean {
    return !this.mesh.drain(this.turn);
  }

  onWork(): void {
    this.turn.queue(this);
  }

  onRecord(): void {}

  onBatch(peer: Committable, sequence: number): void {
    peer.commit(sequence);
  }

  onRetained(): void {}

  onRelay(): void {}

  onPeerReady(): void {}

  onPeerLost(): void {}

  onCredit(): void {}

  onUndelivered(): void {}

  onReady(): void {}

  async close(): Promise<void> {
    clearInterval(this.sweep);
    await new Promise<void>((resolve) => this.commits.flush(resolve));
    this.mesh.close();
    await this.store.close();
  }

  private tick(): void {
    this.turn.enter();
    this.commits.sweep(this.turn.nowMs);
    this.mesh.sweep(this.turn.nowMs);
  }
}

const nextLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** @returns microseconds of CPU time for one message, and thousands a second. */
async function measure(source: Shard, perTurn: number): Promise<readonly [number, number]> {
  const view = new PublishView().load(createMessage(MESSAGE));
  const cpu = process.cpuUsage();
  const began = performance.now();
  let sent = 0;
  while (performance.now() - began < ROUND_MS) {
    if (source.mesh.hasCredit(0b10, 1)) {
      source.turn.enter();
      for (let i = 0; i < perTurn; i++) source.mesh.forward(view, 0b10, 0b10, -1);
      sent += perTurn;
    }
    await nextLoop();
  }
  while (source.mesh.waitingBytes > 0) await nextLoop();
  const { user, system } = process.cpuUsage(cpu);
  return [(user + system) / sent, sent / (performance.now() - began)];
}

async function measureAll(title: string, open: (shard: number) => Store): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const shards = [new Shard(0, port1, open(0)), new Shard(1, port2, open(1))] as const;
  while (!shards.every(({ mesh }) => mesh.isReady)) await nextLoop();
  for (const perTurn of PER_TURN) {
    const rounds: (readonly [number, number])[] = [];
    for (let i = 0; i < ROUNDS; i++) rounds.push(await measure(shards[0], perTurn));
    const [us, rate] = rounds.toSorted(([a], [b]) => a - b)[ROUNDS >> 1]!;
    const figures = `${us.toFixed(2)} us, ${Math.round(rate)} k/s`;
    process.stdout.write(`${title}, ${perTurn} per turn`.padEnd(44) + `${figures}\n`.padStart(24));
  }
  await Promise.all(shards.map((shard) => shard.close()));
}

await measureAll('plain', () => new MemoryStore());
await measureAll('kept, in memory', () => new Forgetful());
const directory = mkdtempSync(join(tmpdir(), 'shardmq-outbox-'));
const limits = { flushIntervalMs: 1_000, unsyncedMax: 4, maxBytes: 0 };
await measureAll('kept, lmdb at level process', (shard) => {
  const options = { directory: join(directory, `shard-${shard}`), level: 'process', ...limits } as const;
  return new LmdbStore(options, new SystemClock());
});
rmSync(directory, { recursive: true });
