/**
 * What a relay costs: CPU of both threads per message of 64 bytes, by direction and by messages per post:
 * `node dist/perf/micro/relay.js`. The clients' links are counters, so that nothing but the relay is measured.
 */
import { isMainThread, MessageChannel, type MessagePort, Worker, workerData } from 'node:worker_threads';
import type { PeerBytes, RelayMessage } from '../../src/actor/peer-protocol.js';
import { SystemClock } from '../../src/base/clock.js';
import { TimerWheel } from '../../src/base/timer-wheel.js';
import { Counters } from '../../src/metrics/counters.js';
import { asConnectionNumber, asShardId } from '../../src/protocol/ids.js';
import { MemoryBudget } from '../../workers/memory-budget.js';
import { RelayHub } from '../../workers/relay/relay-hub.js';
import { type Link, type LinkHandler, NO_HANDLER } from '../../workers/transport/link.js';
import { Output, OutputPool } from '../../workers/transport/output.js';
import { Turn } from '../../workers/turn.js';

const RUN_MS = 1_500;
const MESSAGES_PER_POST = [1, 10, 50, 200];
const CLIENTS = 200;
/** A PUBLISH with 64 bytes of payload. */
const PACKET = Buffer.alloc(80, 1);
const HEAD = Buffer.alloc(32, 2);
const PORT = asShardId(1);

/** One shard as far as relays are concerned. */
class Shard {
  readonly turn = new Turn(new SystemClock());
  readonly outputs = new OutputPool(this.turn, 1 << 20, new Counters());
  readonly memory = new MemoryBudget(0);
  readonly wheel = new TimerWheel({ tickMs: 100, slots: 64, nowMs: 0 });
  readonly hub: RelayHub;
  readonly connections: Connection[] = [];
  bytesReceived = 0;

  constructor(port: MessagePort) {
    const accept = (link: Link): void => {
      this.connections.push(new Connection(this, link));
    };
    this.hub = new RelayHub(this, 2, accept, (_shard, message) =>
      port.postMessage(message, message instanceof ArrayBuffer ? [message] : undefined),
    );
    this.turn.attach({
      commit() {},
      flushPeers() {},
      flushOutputs: () => this.outputs.flushAll(),
      flushRelays: () => this.hub.flush(),
    });
    port.on('message', (message: RelayMessage | PeerBytes) => this.hub.onMessage(message, PORT));
    this.hub.onPeerReady(PORT);
  }
}

/** Stands for a connection: reads and forgets, and writes when asked. */
class Connection implements LinkHandler {
  readonly output: Output;

  constructor(
    private readonly shard: Shard,
    link: Link,
  ) {
    this.output = new Output(shard.outputs, link);
    link.handler = this;
  }

  onBytes(_bytes: Uint8Array, start: number, end: number): void {
    this.shard.bytesReceived += end - start;
  }

  onDrain(): void {
    this.output.onDrain();
  }

  onLinkClosed(): void {}
}

/** Stands for a client's socket. */
class Client implements Link {
  handler: LinkHandler = NO_HANDLER;
  readonly headroomBytes = 0;
  isPaused = false;
  bytesSent = 0;
  bytesReceived = 0;

  send(): void {
    if (this.isPaused) return;
    this.bytesSent += PACKET.length;
    this.handler.onBytes(PACKET, 0, PACKET.length);
  }

  write(_chunk: Uint8Array, start: number, end: number): boolean {
    this.bytesReceived += end - start;
    return true;
  }

  writeAll(chunks: readonly Uint8Array[]): boolean {
    for (const chunk of chunks) this.bytesReceived += chunk.length;
    return true;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {}

  destroy(): void {}
}

const nextLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Calls `send` for `count` items, a loop turn each, for as long as a run takes. */
function drive(turn: Turn, items: number, count: number, send: (item: number) => void): Promise<void> {
  const untilMs = performance.now() + RUN_MS;
  let next = 0;
  return new Promise((resolve) => {
    const step = (): void => {
      turn.enter();
      for (let i = 0; i < count; i++, next = (next + 1) % items) send(next);
      if (performance.now() < untilMs) setImmediate(step);
      else resolve();
    };
    step();
  });
}

function print(label: string, messages: number, ms: number, cpu: NodeJS.CpuUsage): void {
  const ns = ((cpu.user + cpu.system) * 1_000) / messages;
  const rate = `${Math.round(messages / ms)} k/s`;
  process.stdout.write(`${label.padEnd(36)}${rate.padStart(12)}${`${ns.toFixed(0)} ns CPU`.padStart(16)}\n`);
}

async function measure(): Promise<void> {
  const data = new MessageChannel();
  const control = new MessageChannel();
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { data: data.port2, control: control.port2 },
    transferList: [data.port2, control.port2],
  });
  const shard = new Shard(data.port1);
  const clients = Array.from({ length: CLIENTS }, () => new Client());
  const options = {
    key: 'listener.tcp.external',
    mountpoint: Buffer.alloc(0),
    sendTimeoutMs: 0,
    rateLimit: null,
  };
  const address = {
    peerAddress: '192.0.2.1',
    peerPort: 1,
    assignedClientId: null,
    certificateUsername: null,
    number: asConnectionNumber(1),
    ends: { closed() {} },
  };
  for (const client of clients) {
    shard.hub.open(PORT, client, { listener: 0, options, ...address }, HEAD, 0);
  }
  const told = (): Promise<number> => new Promise((resolve) => control.port1.once('message', resolve));
  const ask = (count: number): Promise<number> => {
    const answer = told();
    control.port1.postMessage(count);
    return answer;
  };
  const total = (key: 'bytesSent' | 'bytesReceived'): number =>
    clients.reduce((sum, client) => sum + client[key], 0);
  for (const count of MESSAGES_PER_POST) {
    const before = total('bytesSent');
    const cpu = process.cpuUsage();
    const began = performance.now();
    await drive(shard.turn, CLIENTS, count, (item) => clients[item]!.send());
    const expected = total('bytesSent') + CLIENTS * HEAD.length;
    while ((await ask(0)) < expected) await nextLoop();
    const messages = (total('bytesSent') - before) / PACKET.length;
    print(`from clients, ${count} per post`, messages, performance.now() - began, process.cpuUsage(cpu));
  }
  for (const count of MESSAGES_PER_POST) {
    const before = total('bytesReceived');
    const cpu = process.cpuUsage();
    const began = performance.now();
    await ask(count);
    const messages = (total('bytesReceived') - before) / PACKET.length;
    print(`to clients, ${count} per post`, messages, performance.now() - began, process.cpuUsage(cpu));
  }
  data.port1.close();
  control.port1.close();
  await worker.terminate();
}

/** The other thread: on request it says how much has come, or writes `count` messages per turn. */
function serve({ data, control }: { data: MessagePort; control: MessagePort }): void {
  const shard = new Shard(data);
  const { connections } = shard;
  const write = (item: number): void => {
    const { output } = connections[item]!;
    if (!output.blocked) output.append(PACKET, 0, PACKET.length);
  };
  control.on('message', async (count: number) => {
    if (count > 0) await drive(shard.turn, connections.length, count, write);
    control.postMessage(shard.bytesReceived);
  });
}

if (isMainThread) await measure();
else serve(workerData as { data: MessagePort; control: MessagePort });
