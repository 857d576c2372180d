/**
 * Two shards' relays in one thread over a real channel: clients that send, read, stop and break off when the test says
 * so at the edge, and at the owner something on top of the link that writes, pauses and ends.
 */
import { setImmediate as nextLoop } from 'node:timers/promises';
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { PeerBytes, RelayMessage, RelayOpened } from '../../../src/actor/peer-protocol.js';
import { TimerWheel } from '../../../src/base/timer-wheel.js';
import { TIMER_WHEEL_SLOTS, TIMER_WHEEL_TICK_MS } from '../../../src/limits.js';
import { Counters } from '../../../src/metrics/counters.js';
import { asConnectionNumber, asShardId } from '../../../src/protocol/ids.js';
import { MemoryBudget } from '../../../workers/memory-budget.js';
import { RelayHub } from '../../../workers/relay/relay-hub.js';
import { type Link, type LinkHandler, NO_HANDLER } from '../../../workers/transport/link.js';
import { Output, OutputPool } from '../../../workers/transport/output.js';
import { Turn } from '../../../workers/turn.js';
import { heldClock } from '../../helpers/held-clock.js';

export const SEND_TIMEOUT_MS = 5_000;

/** One shard: its relays, and what they stand on. */
export class Node {
  readonly clock = heldClock();
  readonly turn = new Turn(this.clock);
  readonly outputs = new OutputPool(this.turn, 1 << 20, new Counters());
  readonly memory = new MemoryBudget(0);
  readonly wheel: TimerWheel;
  readonly hub: RelayHub;
  /** Connections this shard owns, in the order in which they came. */
  readonly accepted: Accepted[] = [];
  readonly readies: number[] = [];
  private readonly ports: (MessagePort | null)[] = [null, null];

  constructor(
    readonly id: number,
    underWayBytesMax: number | undefined,
  ) {
    this.wheel = new TimerWheel({
      tickMs: TIMER_WHEEL_TICK_MS,
      slots: TIMER_WHEEL_SLOTS,
      nowMs: this.turn.nowMs,
    });
    const accept = (link: Link, opened: RelayOpened, closed: (reason: string) => void): void => {
      this.accepted.push(new Accepted(this, link, opened, closed));
    };
    const post = (shard: number, message: RelayMessage | PeerBytes): void => {
      const transfer = message instanceof ArrayBuffer ? [message] : undefined;
      this.ports[shard]?.postMessage(message, transfer);
    };
    this.hub = new RelayHub(this, 2, accept, post, underWayBytesMax);
    this.hub.onReady = (shard) => this.readies.push(shard);
    this.turn.attach({
      commit() {},
      flushPeers() {},
      flushOutputs: () => this.outputs.flushAll(),
      flushRelays: () => this.hub.flush(),
    });
  }

  connect(other: number, port: MessagePort): void {
    this.ports[other] = port;
    port.on('message', (message: RelayMessage | PeerBytes) => this.hub.onMessage(message, asShardId(other)));
    this.hub.onPeerReady(asShardId(other));
  }

  /** What the dead shard has sent is still handled, as a peer does it. */
  lose(other: number): void {
    const port = this.ports[other]!;
    this.turn.enter();
    for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port)) {
      this.hub.onMessage(got.message as RelayMessage | PeerBytes, asShardId(other));
    }
    this.ports[other] = null;
    port.close();
    this.hub.onPeerLost(asShardId(other));
  }

  /** The thread ends. */
  die(): void {
    for (const port of this.ports) port?.close();
    this.ports.fill(null);
  }

  advance(ms: number): void {
    this.clock.advance(ms);
    const nowMs = this.clock.monotonicMs();
    while (!this.wheel.advance(nowMs, 100));
    this.hub.sweep();
  }
}

/** What is on top of a link at the owner. */
export class Accepted implements LinkHandler {
  readonly received: Buffer[] = [];
  readonly written: Buffer[] = [];
  readonly output: Output;
  readonly ends: string[] = [];
  isPaused = false;
  /** Bytes that came since it has been paused. */
  bytesSincePause = 0;
  /** `end` or `destroy` was called. */
  hasEnded = false;
  /** `end` was called, and everything had been written. */
  isGraceful = false;

  constructor(
    private readonly node: Node,
    readonly link: Link,
    readonly opened: RelayOpened,
    private readonly closed: (reason: string) => void,
  ) {
    this.output = new Output(node.outputs, link);
    link.handler = this;
  }

  onBytes(bytes: Uint8Array, start: number, end: number): void {
    if (this.ends.length > 0) throw new Error('bytes after the end');
    this.received.push(Buffer.from(bytes.subarray(start, end)));
    if (this.isPaused) this.bytesSincePause += end - start;
  }

  onDrain(): void {
    if (!this.output.blocked) throw new Error('a drain that nobody waits for');
    this.output.onDrain();
  }

  onLinkClosed(end: string): void {
    this.ends.push(end);
    this.output.close();
    this.closed(`owner says ${end}`);
  }

  write(bytes: Buffer): void {
    if (this.hasEnded || this.ends.length > 0) return;
    this.node.turn.enter();
    this.written.push(bytes);
    this.output.append(bytes, 0, bytes.length);
  }

  pause(): void {
    this.isPaused = true;
    this.bytesSincePause = 0;
    this.link.pause();
  }

  resume(): void {
    this.node.turn.enter();
    this.isPaused = false;
    this.link.resume();
  }

  end(): void {
    if (this.hasEnded || this.ends.length > 0) return;
    this.node.turn.enter();
    this.hasEnded = true;
    this.output.flush();
    if (this.output.blocked) this.output.abandon();
    else {
      this.isGraceful = true;
      this.link.end();
    }
  }

  destroy(): void {
    if (this.ends.length > 0) return;
    this.node.turn.enter();
    this.hasEnded = true;
    this.output.abandon();
  }
}

/** A client and its socket at the edge. */
export class Client implements Link {
  handler: LinkHandler = NO_HANDLER;
  readonly headroomBytes = 3;
  readonly sent: Buffer[] = [];
  readonly received: Buffer[] = [];
  /** Why the connection ended, as main hears it. */
  readonly ends: string[] = [];
  isPaused = false;
  isSlow = false;
  isStubborn = false;
  /** The edge has closed with `end`: everything was sent. */
  hasEnded = false;
  isDestroyed = false;
  isClosed = false;

  open(edge: Node, owner: number, head: Buffer): void {
    const options = {
      key: 'listener.tcp.external',
      mountpoint: Buffer.alloc(0),
      sendTimeoutMs: SEND_TIMEOUT_MS,
      rateLimit: null,
    };
    const origin = {
      listener: 3,
      options,
      peerAddress: '192.0.2.1',
      peerPort: 1883,
      assignedClientId: null,
      certificateUsername: 'name',
      number: asConnectionNumber(1),
      ends: {
        closed: (_number: number, reason: string) => {
          if (!this.isClosed) throw new Error('counted as closed while the socket is open');
          this.ends.push(reason);
        },
      },
    };
    this.sent.push(Buffer.from(head));
    edge.hub.open(asShardId(owner), this, origin, head, 17);
    head.fill(0xff);
  }

  /** Sends unless it is not read; the edge's read buffer is used anew at once. */
  send(bytes: Buffer): void {
    if (this.isClosed || this.isPaused || this.isDestroyed) return;
    this.sent.push(Buffer.from(bytes));
    this.handler.onBytes(bytes, 0, bytes.length);
    bytes.fill(0xff);
  }

  drain(): void {
    if (!this.isSlow || this.isClosed || this.isDestroyed) return;
    this.isSlow = false;
    this.handler.onDrain();
  }

  /** The connection breaks. */
  drop(end = 'broken'): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.handler.onLinkClosed(end);
  }

  write(chunk: Uint8Array, start: number, end: number): boolean {
    if (start < this.headroomBytes) throw new Error('no headroom');
    chunk.fill(0xee, start - this.headroomBytes, start);
    return this.writeAll([chunk.subarray(start, end)]);
  }

  writeAll(chunks: readonly Uint8Array[]): boolean {
    if (this.hasEnded) throw new Error('written after the end');
    for (const chunk of chunks) if (!this.isDestroyed) this.received.push(Buffer.from(chunk));
    return !this.isSlow;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    if (this.hasEnded) throw new Error('ended twice');
    this.hasEnded = true;
    this.isPaused = false;
    if (!this.isStubborn) setImmediate(() => this.drop('closed'));
  }

  destroy(): void {
    this.isDestroyed = true;
    setImmediate(() => this.drop('closed'));
  }
}

/** Two nodes that know each other; either may die and come back. */
export class World {
  readonly nodes: [Node, Node];

  /** @param underWayBytesMax where the shards' own is too much for a test */
  constructor(private readonly underWayBytesMax?: number) {
    this.nodes = [new Node(0, underWayBytesMax), new Node(1, underWayBytesMax)];
    this.join();
  }

  /** The thread of one shard ends, and a new one takes its place. */
  replace(id: 0 | 1): Node {
    const dead = this.nodes[id];
    dead.die();
    this.nodes[1 - id]!.lose(id);
    this.nodes[id] = new Node(id, this.underWayBytesMax);
    this.join();
    return dead;
  }

  /** Until nothing moves any more. */
  async settle(loops = 12): Promise<void> {
    for (let i = 0; i < loops; i++) await nextLoop();
  }

  close(): void {
    for (const node of this.nodes) node.die();
  }

  private join(): void {
    const { port1, port2 } = new MessageChannel();
    this.nodes[0].connect(1, port1);
    this.nodes[1].connect(0, port2);
  }
}
