/**
 * Records per second from one shard's thread to another's, by the size of a batch: `node dist/perf/micro/peers.js`.
 * Also what appending and reading cost without a thread in between.
 */
import { isMainThread, MessageChannel, type MessagePort, Worker, workerData } from 'node:worker_threads';
import type { GroupChange, InterestChange } from '../../src/actor/peer-protocol.js';
import { BatchWriter, RECORD_DELIVER } from '../../src/protocol/batch.js';
import { BatchReader } from '../../src/protocol/batch-reader.js';
import { asShardId } from '../../src/protocol/ids.js';
import { createMessage } from '../../src/protocol/message.js';
import { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import type { Announcement, Committable, InterestTable, PeerHandlers } from '../../workers/peers/handlers.js';
import { Mesh } from '../../workers/peers/mesh.js';
import { Outbox } from '../../workers/peers/outbox.js';
import { ByteHash } from '../../workers/routing/byte-hash.js';

const RUN_MS = 1_000;
const BATCH_SIZES = [1, 8, 64, 512];
const RECORDS_PER_TURN = 1_024;
const BUDGET = { spent: false, overTime: false };
const MESSAGE = {
  topic: 'site/4711/device/0815/state',
  payload: new Uint8Array(64),
  qos: 0,
  retain: false,
  receivedAtMs: 0,
};

class NoInterest implements InterestTable {
  takeInterestChanges(): { filters: InterestChange[]; groups: GroupChange[] } | null {
    return null;
  }

  announce(): Announcement {
    return { next: () => true };
  }

  applyInterestLot(): void {}

  applyInterest(): void {}

  applyGroup(): void {}

  dropShardSome(): boolean {
    return true;
  }

  dropStaleSome(): boolean {
    return true;
  }
}

/** One end: drains and flushes once per loop, like a shard's turn. */
class End implements PeerHandlers {
  readonly mesh: Mesh;
  records = 0;
  payloadBytes = 0;
  private isScheduled = false;

  constructor(shard: number, port: MessagePort) {
    const commits = { isFailing: false, touch: () => {}, whenSafe: () => {} };
    const outbox = new Outbox({ shards: 2, isOn: false, hash: new ByteHash(0), commits });
    const table = new NoInterest();
    this.mesh = new Mesh({ shard: asShardId(shard), shards: 2, table, handlers: this, outbox });
    this.mesh.connect(asShardId(1 - shard), port);
    this.mesh.begin();
  }

  onWork(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      this.mesh.drain(BUDGET);
      this.mesh.flush();
    });
  }

  onRecord(view: PublishView): void {
    this.records++;
    this.payloadBytes += view.payloadEnd - view.payloadStart;
  }

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
}

const nextLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** @returns records sent and reported as applied, and milliseconds. */
async function sendFor(end: End, batchSize: number): Promise<{ records: number; ms: number }> {
  const view = new PublishView().load(createMessage(MESSAGE));
  const began = performance.now();
  let records = 0;
  while (performance.now() - began < RUN_MS) {
    for (let sent = 0; sent < RECORDS_PER_TURN && end.mesh.hasCredit(0b10, 0); sent += batchSize) {
      for (let i = 0; i < batchSize; i++) end.mesh.forward(view, 0b10, 0, -1);
      end.mesh.flush();
      records += batchSize;
    }
    await nextLoop();
  }
  while (end.mesh.waitingBytes > 0) await nextLoop();
  return { records, ms: performance.now() - began };
}

function print(label: string, value: string): void {
  process.stdout.write(`${label.padEnd(36)}${value.padStart(16)}\n`);
}

function measureFormat(): void {
  const view = new PublishView().load(createMessage(MESSAGE));
  const writer = new BatchWriter();
  const reader = new BatchReader();
  const rounds = 20_000;
  let appendMs = 0;
  let readMs = 0;
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    for (let i = 0; i < 64; i++) writer.append(view, RECORD_DELIVER);
    const { length } = writer;
    const bytes = writer.take();
    const written = performance.now();
    reader.open(bytes, length);
    const target = new PublishView();
    while (!reader.atEnd) reader.next(target);
    reader.close();
    appendMs += written - began;
    readMs += performance.now() - written;
  }
  const nsPerRecord = (ms: number): string => `${((ms * 1e6) / rounds / 64).toFixed(0)} ns/record`;
  print('append, 64 per batch', nsPerRecord(appendMs));
  print('read, 64 per batch', nsPerRecord(readMs));
}

async function measureThreads(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL(import.meta.url), { workerData: port2, transferList: [port2] });
  const end = new End(0, port1);
  while (!end.mesh.isReady) await nextLoop();
  for (const batchSize of BATCH_SIZES) {
    const cpu = process.cpuUsage();
    const { records, ms } = await sendFor(end, batchSize);
    const { user, system } = process.cpuUsage(cpu);
    const rate = `${Math.round(records / ms)} k/s`;
    print(
      `two threads, ${batchSize} per batch`,
      `${rate}, ${(((user + system) * 1000) / records).toFixed(0)} ns CPU`,
    );
  }
  end.mesh.close();
  await worker.terminate();
}

if (isMainThread) {
  measureFormat();
  await measureThreads();
} else {
  new End(1, workerData as MessagePort);
}
