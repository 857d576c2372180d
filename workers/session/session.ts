/**
 * What the broker keeps for one ClientId: subscriptions (in the router), messages in flight both ways, waiting
 * messages, the will. It may outlive its connection. Lives in the shard that owns the ClientId.
 */

import { WheelItem } from '../../src/base/timer-wheel.js';
import type { ClientId } from '../../src/protocol/ids.js';
import type { Message } from '../../src/protocol/message.js';
import type { Will } from '../../src/protocol/mqtt/connect.js';
import type { Client } from '../connection/client.js';
import type { Connection } from '../connection/connection.js';
import type { Core } from '../core.js';
import { WAITING_QUEUES, type Waiter } from '../memory-budget.js';
import type { Subscriber } from '../routing/route.js';
import type { Entry, EntryGroup } from '../store/journal.js';
import type { Runnable } from '../turn.js';
import type { Identifiers } from './exchange.js';
import { Inflight } from './inflight.js';
import { MessageQueue, type QueueLimits, type QueueOwner } from './message-queue.js';
import { PacketIdSet } from './packet-id-set.js';
import type { ReplayQueue } from './replay.js';

export class Session extends WheelItem implements Subscriber, Runnable, QueueOwner, Waiter {
  // First what each delivery of a message to thousands looks at, so that it lies in one or two lines of the
  // processor's cache.
  connection: Connection | null = null;
  queue: MessageQueue | null = null;
  /** Copies handed to the connection, redeliveries included. */
  delivered = 0;
  /** Retained messages on their way to new subscriptions. */
  replays: ReplayQueue | null = null;
  /** SUBSCRIBEs on their way, from which replays may follow. */
  replaysExpected = 0;

  // The router's.
  slot = -1;
  // The keeper's: under this number it is kept, 0: nothing of it but its will; whether the store has, or is getting, a
  // row of it; the slot of its ClientId, once somebody wanted to know.
  number = 0;
  isStored = false;
  keptSlot = -1;
  // The turn's.
  queued = false;

  // The memory budget's.
  budgetClass = -1;
  budgetIndex = -1;

  /** Wall clock, milliseconds since 1970; 0: it has always been connected. */
  disconnectedAtMs = 0;
  /** Seconds that the session outlives its connection; 0 ends with it, Infinity never ends. */
  expirySeconds = 0;
  /** Messages that may be in flight to the client: the configured window or its Receive Maximum. */
  windowMax: number;
  will: Will | null = null;
  /** Whose it was lies in the store, and nobody has asked yet. */
  isClientStored = false;
  /** Who is asked about when the will is sent. */
  willFrom: Client | null = null;
  inflight: Inflight | null = null;
  /** Packet identifiers in flight that a resumed client has had no room for yet. */
  unsent: number[] | null = null;
  /** Packet identifiers of QoS 2 messages that came in and await PUBREL. */
  awaitingRel: PacketIdSet | null = null;
  /** While `awaitsRetained`: topics whose live message with RETAIN was delivered, and when it was received. */
  retainedSeen: Map<string, number> | null = null;
  /** Attempts to put a message into the queue. */
  enqueued = 0;
  /** Messages that a full queue dropped. */
  dropped = 0;
  /** Lists: how many subscriptions it is known to have there, and whether that is to be looked at. */
  listedSubscriptions = 0;
  isListingStale = false;
  /** The session is over; whoever comes back to it later must leave it alone. */
  ended = false;
  /** Monotonic milliseconds; Infinity when there is nothing to wait for. */
  willDueMs = Number.POSITIVE_INFINITY;
  expiryDueMs = Number.POSITIVE_INFINITY;

  /** Those of the configuration that it began with. */
  private readonly queueLimits: QueueLimits;
  private accountedBytes = 0;
  private lastClient: Client | null = null;

  constructor(
    private readonly core: Core,
    readonly clientId: ClientId,
    /** Wall clock, milliseconds since 1970. */
    readonly createdAtMs: number,
  ) {
    super();
    this.windowMax = core.sessions.windowMax;
    this.queueLimits = core.sessions.queueLimits;
  }

  /** Whose it was, while its client is away. */
  get client(): Client | null {
    if (this.isClientStored) this.client = this.core.keeper.clientOf(this);
    return this.lastClient;
  }

  set client(client: Client | null) {
    this.isClientStored = false;
    this.lastClient = client;
  }

  /** Outlives its connection, so that what is acknowledged for it has to be safe. */
  get durable(): boolean {
    return this.expirySeconds > 0;
  }

  /** What is acknowledged for it is told to the journal. */
  get isKept(): boolean {
    return this.number !== 0 && this.expirySeconds > 0;
  }

  /** Retained messages are on their way, or may be soon. */
  get awaitsRetained(): boolean {
    return this.replays !== null || this.replaysExpected > 0;
  }

  get online(): boolean {
    return this.connection !== null;
  }

  /** The window, made when the first message needs it. */
  window(): Inflight {
    if (this.inflight === null) this.inflight = new Inflight(this.windowMax);
    return this.inflight;
  }

  waiting(): MessageQueue {
    if (this.queue === null) this.queue = new MessageQueue(this.queueLimits, this);
    return this.queue;
  }

  awaiting(): PacketIdSet {
    if (this.awaitingRel === null) this.awaitingRel = new PacketIdSet();
    return this.awaitingRel;
  }

  /** A message was in the queue when the broker ended. In the order of the queue. */
  restoreQueued(
    message: Message,
    qos: number,
    flags: number,
    identifiers: Identifiers,
    group: EntryGroup | null,
    entry: Entry,
  ): void {
    this.waiting().push(message, qos, flags, identifiers, this.groupOf(group), entry);
    this.account();
  }

  /**
   * A packet identifier was in flight to the client when the broker ended. In the order of sending anew, released ones
   * first; of those there is no message. @returns false when it is in flight already, so that this is over
   */
  restoreInFlight(
    packetId: number,
    state: number,
    message: Message | null,
    flags: number,
    identifiers: Identifiers,
    group: EntryGroup | null,
    entry: Entry,
  ): boolean {
    const window = this.window();
    const { nowMs } = this.core.turn;
    const owner = this.groupOf(group);
    if (!window.restore(packetId, state, message, flags, identifiers, owner, nowMs)) return false;
    window.setEntry(packetId, entry);
    this.account();
    return true;
  }

  /**
   * A message with QoS 2 had come with this packet identifier when the broker ended, and awaits PUBREL.
   * @returns as above
   */
  restoreInbound(packetId: number, entry: Entry): boolean {
    return this.awaiting().add(packetId, this.core.turn.nowMs, entry);
  }

  // Gone when its subscriptions have ended: then it is a message like others.
  private groupOf(kept: EntryGroup | null): EntryGroup | null {
    return kept === null ? null : (this.core.router.groupNamed(kept.filter, kept.name) ?? null);
  }

  /** Bytes that could be given up: with the connection all that it has caused, without it what is in the queue. */
  get waitingBytes(): number {
    if (this.connection === null) return this.queue?.bytes ?? 0;
    return this.accountedBytes + this.connection.waitingBytes;
  }

  /** To be called after queue or window have changed. */
  account(): void {
    const bytes =
      (this.queue === null ? 0 : this.queue.bytes) + (this.inflight === null ? 0 : this.inflight.bytes);
    const change = bytes - this.accountedBytes;
    if (change === 0) return;
    this.accountedBytes = bytes;
    this.core.memory.add(WAITING_QUEUES, change);
    this.core.memory.update(this);
  }

  /** Memory is short, and this session holds most of it: the older half of its queue goes. */
  shed(): void {
    this.queue?.shed(this.queue.bytes / 2);
    this.account();
  }

  run(): boolean {
    return this.core.delivery.drain(this);
  }

  override onDeadline(nowMs: number): void {
    this.core.sessions.onDeadline(this, nowMs);
  }

  onQueueDrop(message: Message, reason: 'overflow' | 'expired', entry: Entry): void {
    const { counters, hooks, kept } = this.core;
    kept.done(entry);
    if (reason === 'overflow') {
      this.dropped++;
      counters.queueDropped++;
    }
    if (hooks.dropped !== null) {
      hooks.dropped(this.clientId, message.topicText(), reason === 'overflow' ? 'queue_full' : 'expired');
    }
  }

  onQueueMark(mark: 'high' | 'low', length: number): void {
    const id = `queue_high_watermark.${this.clientId}`;
    if (mark === 'low') {
      this.core.main.clearAlarm(id);
      return;
    }
    const { messagesMax, highWatermark } = this.queueLimits;
    this.core.main.raiseAlarm({
      id,
      severity: 'warning',
      title: `Queue ${this.clientId} high-water mark`,
      summary: `queue len ${length} > high_watermark ${Math.round(messagesMax * highWatermark)}`,
      raisedAt: this.core.clock.wallMs(),
    });
  }
}
