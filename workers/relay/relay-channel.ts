/**
 * All relays between this shard and one other, those of which this one is the edge and those of which it is the owner,
 * and what has to be posted about them at the end of the turn. It ends with the other shard's incarnation. Runs on the
 * shard's thread.
 */
import type { PeerBytes, RelayEnd, RelayMessage, RelayOpened } from '../../src/actor/peer-protocol.js';
import { assert, unreachable } from '../../src/base/assert.js';
import type { TimerWheel } from '../../src/base/timer-wheel.js';
import { PEER_TEXT_BYTES_MAX, RELAY_BATCH_BYTES_MAX, RELAY_LOST_SLICE } from '../../src/limits.js';
import type { Origin } from '../connection/origin.js';
import { RELAY_HEAD_BYTES } from '../peers/posts.js';
import type { Link } from '../transport/link.js';
import type { OutputPool } from '../transport/output.js';
import type { Runnable, Turn } from '../turn.js';
import {
  CREDIT_DOWN,
  CREDIT_UP,
  DATA_DOWN,
  DATA_UP,
  DESTROY,
  END,
  HANDLED,
  KIND_SHIFT,
  RECORD_HEAD_BYTES,
  RecordWriter,
  VALUE_MAX,
} from './records.js';
import { RelayLink } from './relay-link.js';
import { RelayedClient } from './relayed-client.js';

/** Text that is being read. */
const received = Buffer.from(new ArrayBuffer(PEER_TEXT_BYTES_MAX));
const receivedView = new DataView(received.buffer);

/** What a channel needs of its shard. */
export interface RelayContext {
  readonly turn: Turn;
  readonly wheel: TimerWheel;
  readonly outputs: OutputPool;
  /** Clients that are relayed from here, to whichever shard. */
  readonly clients: Set<RelayedClient>;
  /** Bytes under way in one channel from which on readers are asked to wait. */
  readonly underWayBytesMax: number;
  /** A client of which this shard is the owner; what it sends comes through `link`, CONNECT first. */
  accept(link: Link, opened: RelayOpened, closed: (reason: string) => void): void;
  /** The memory budget forgets the client. */
  forget(client: RelayedClient): void;
}

/** One end of a relay that is not to send more while the channel is full. */
export interface RoomWaiter {
  onRoom(): void;
}

export class RelayChannel implements Runnable {
  // The turn's.
  queued = false;
  readonly turn: Turn;
  readonly wheel: TimerWheel;
  readonly outputs: OutputPool;
  /** The other shard takes clients. */
  isReady = false;
  /** Posted, and not yet handled there as far as is known here. */
  underWayBytes = 0;

  private isLost = false;
  private readonly writer = new RecordWriter();
  /** By number of the relay; the edge gives the numbers, low ones first. */
  private readonly clients: (RelayedClient | null)[] = [];
  private readonly freeNumbers: number[] = [];
  private readonly links: (RelayLink | null)[] = [];
  private opened: RelayOpened[] = [];
  private closedEnds: RelayEnd[] = [];
  private finishedEnds: RelayEnd[] = [];
  private dues: RelayedClient[] = [];
  /** Told when half of what is under way has been handled, in the order in which they came. */
  private waiters: RoomWaiter[] = [];
  /** Handled, and the other shard has not been told. */
  private handledBytes = 0;

  constructor(
    private readonly context: RelayContext,
    private readonly post: (message: RelayMessage | PeerBytes) => void,
  ) {
    this.turn = context.turn;
    this.wheel = context.wheel;
    this.outputs = context.outputs;
  }

  /** Takes over `link`, of which `head` has been read: CONNECT, whole, and perhaps more. */
  open(link: Link, origin: Origin, head: Buffer, ageMs: number): void {
    const { listener, peerAddress, peerPort, assignedClientId, certificateUsername } = origin;
    const relay = this.freeNumbers.pop() ?? this.clients.length;
    const client = new RelayedClient(this, relay, link, origin);
    this.clients[relay] = client;
    this.context.clients.add(client);
    const opened = { relay, listener, peerAddress, peerPort, assignedClientId, certificateUsername, ageMs };
    this.opened.push(opened);
    link.handler = client;
    client.onBytes(head, 0, head.length);
  }

  command(kind: number, relay: number, value: number): void {
    if (!this.isLost) this.writer.command(kind, relay, value);
  }

  data(kind: number, relay: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.isLost) return;
    this.underWayBytes += end - start;
    this.writer.data(kind, relay, bytes, start, end);
    if (this.writer.length >= RELAY_BATCH_BYTES_MAX) this.postRecords();
  }

  /** More is on its way than the other shard may be given at a time, for whichever relays. */
  get isFull(): boolean {
    return this.underWayBytes >= this.context.underWayBytesMax;
  }

  /** `waiter` has found it full, and is told once when it is no longer. */
  awaitRoom(waiter: RoomWaiter): void {
    this.waiters.push(waiter);
  }

  /** Edge: the client's link is closed. */
  closed(relay: number, reason: string): void {
    this.closedEnds.push({ relay, reason });
  }

  /** Edge: `client` has something to tell its owner when the outputs are flushed. */
  due(client: RelayedClient): void {
    this.dues.push(client);
  }

  /** Edge: nothing is left of the client. */
  forget(client: RelayedClient, reason: string): void {
    this.context.clients.delete(client);
    this.context.forget(client);
    client.origin.ends.closed(client.origin.number, reason);
  }

  receiveText(text: string): void {
    // Nothing refers to the text's bytes when the call returns.
    const length = received.write(text, 'latin1');
    this.receiveRecords(received, receivedView, length, false);
  }

  receiveBuffer(buffer: ArrayBuffer): void {
    this.receiveRecords(Buffer.from(buffer), new DataView(buffer), buffer.byteLength, true);
  }

  receive(message: RelayMessage): void {
    switch (message.kind) {
      case 'relay.opened':
        for (const opened of message.relays) this.receiveOpened(opened);
        break;
      case 'relay.closed':
        for (const { relay, reason } of message.relays) this.receiveClosed(relay, reason);
        break;
      case 'relay.finished':
        for (const { relay, reason } of message.relays) this.receiveFinished(relay, reason);
        break;
      default:
        unreachable(message);
    }
  }

  /** At the end of every turn, when the outputs are flushed. */
  flush(): void {
    if (this.isLost) return;
    if (this.dues.length > 0) {
      for (let i = 0; i < this.dues.length; i++) this.dues[i]!.settle();
      this.dues.length = 0;
    }
    if (!this.writer.isEmpty || this.opened.length > 0) this.postRecords();
    if (this.closedEnds.length > 0) {
      this.post({ kind: 'relay.closed', relays: this.closedEnds });
      this.closedEnds = [];
    }
    if (this.finishedEnds.length > 0) {
      this.post({ kind: 'relay.finished', relays: this.finishedEnds });
      this.finishedEnds = [];
    }
    if (this.handledBytes >= RELAY_BATCH_BYTES_MAX) this.postRecords();
  }

  /** Several times a second: where nothing goes the other way, what was handled is told now. */
  sweep(): void {
    if (this.handledBytes > 0 && !this.isLost) this.postRecords();
  }

  /** The other shard has died: all relays between the two end, in slices. */
  lose(): void {
    this.isLost = true;
    this.underWayBytes = 0;
    this.waiters = [];
    this.turn.queue(this);
  }

  run(): boolean {
    for (let ended = 1; ; ended++) {
      const client = this.clients.pop();
      const link = this.links.pop();
      client?.onOwnerLost();
      link?.onClosed('shard_crashed');
      if (this.clients.length === 0 && this.links.length === 0) return false;
      if (ended % RELAY_LOST_SLICE === 0 && (this.turn.spent || this.turn.overTime)) return true;
    }
  }

  private postRecords(): void {
    if (this.opened.length > 0) {
      this.post({ kind: 'relay.opened', relays: this.opened });
      this.opened = [];
    }
    if (this.handledBytes > 0) this.writer.command(HANDLED, 0, this.handledBytes);
    this.handledBytes = 0;
    this.post(this.writer.take());
  }

  private receiveOpened(opened: RelayOpened): void {
    const { relay } = opened;
    const link = new RelayLink(this, relay);
    assert(this.links[relay] == null, 'a relay is opened once');
    this.links[relay] = link;
    this.context.accept(link, opened, (reason) => this.finishedEnds.push({ relay, reason }));
  }

  /** `isOwn`: whoever wants to keep a large part of the bytes may. */
  private receiveRecords(bytes: Buffer, view: DataView, length: number, isOwn: boolean): void {
    for (let at = RELAY_HEAD_BYTES; at < length; ) {
      const relay = view.getUint32(at, true);
      const word = view.getUint32(at + 4, true);
      const value = word & VALUE_MAX;
      const kind = word >>> KIND_SHIFT;
      at += RECORD_HEAD_BYTES;
      switch (kind) {
        case DATA_UP: {
          const start = at;
          at += value;
          this.handledBytes += value;
          this.links[relay]!.onData(bytes, start, at);
          break;
        }
        case DATA_DOWN: {
          const start = at;
          at += value;
          this.handledBytes += value;
          this.clients[relay]!.onData(bytes, start, at, isOwn);
          break;
        }
        case CREDIT_UP:
          this.links[relay]!.onCredit(value);
          break;
        case CREDIT_DOWN:
          this.clients[relay]!.onCredit(value);
          break;
        case END:
          this.clients[relay]!.onEnd();
          break;
        case DESTROY:
          this.clients[relay]!.onDestroy();
          break;
        default:
          assert(kind === HANDLED, 'records are of known kinds');
          this.underWayBytes -= value;
          this.giveRoom();
      }
    }
  }

  private giveRoom(): void {
    if (this.waiters.length === 0 || this.underWayBytes > this.context.underWayBytesMax / 2) return;
    const told = this.waiters;
    this.waiters = [];
    let next = 0;
    while (next < told.length && !this.isFull) told[next++]!.onRoom();
    // Those that were not reached are first the next time.
    if (next < told.length) this.waiters = told.slice(next).concat(this.waiters);
  }

  private receiveClosed(relay: number, reason: string): void {
    const link = this.links[relay]!;
    this.links[relay] = null;
    link.onClosed(reason);
  }

  private receiveFinished(relay: number, reason: string): void {
    const client = this.clients[relay]!;
    this.clients[relay] = null;
    this.freeNumbers.push(relay);
    client.onFinished(reason);
  }
}
