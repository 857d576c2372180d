/**
 * All sessions of a shard: made, found, taken over, and ended when their time is up. Runs on the shard's thread.
 */
import type { Config } from '../../src/config/schema.js';
import { FILTERS_PER_TURN_MAX, SESSION_REMOVE_SLICE } from '../../src/limits.js';
import { asClientId, type ClientId } from '../../src/protocol/ids.js';
import { createMessage } from '../../src/protocol/message.js';
import type { SessionRecord } from '../../src/storage/session-record.js';
import { clientOf, keptClient } from '../connection/client.js';
import type { ConfigFollower, Core } from '../core.js';
import type { Runnable } from '../turn.js';
import type { QueueLimits } from './message-queue.js';
import { Session } from './session.js';
import { TopicPriorities } from './topic-priorities.js';

/** The Session Expiry Interval that means "never". */
export const EXPIRY_NEVER_SECONDS = 0xffffffff;

/** Messages in flight where nobody limits them: as many as there are packet identifiers. */
export const WINDOW_UNLIMITED = 65_535;

export class SessionTable implements Runnable, ConfigFollower {
  queued = false;
  /** For connections that get their session from now on, as the next two. */
  packetBytesMax = 0;
  /** The same for the packet before there is a session. */
  connectBytesMax = 0;
  windowMax = 0;
  /** For sessions that begin from now on. */
  queueLimits: QueueLimits;
  private readonly byId = new Map<ClientId, Session>();
  /** Sessions that have ended with the broker, and whose wills are to be sent unless the client is back soon. */
  private readonly wills = new Map<ClientId, Session>();
  /** Sessions that are over but still have subscriptions to be taken down, in slices. */
  private readonly leaving: Session[] = [];
  private expiryMaxSeconds = 0;

  constructor(private readonly core: Core) {
    this.queueLimits = queueLimitsOf(core.config);
    this.onConfig(core.config);
  }

  onConfig(config: Config): void {
    this.packetBytesMax = config['mqtt.max_packet_size'];
    this.connectBytesMax = Math.min(this.packetBytesMax, config['mqtt.client.max_connect_size']);
    this.windowMax = config['mqtt.session.max_inflight'] || WINDOW_UNLIMITED;
    this.expiryMaxSeconds = config['mqtt.session.max_expiry_interval'] / 1000 || Number.POSITIVE_INFINITY;
    this.queueLimits = queueLimitsOf(config);
  }

  /** Sessions with a connection. */
  onlineCount = 0;

  get count(): number {
    return this.byId.size;
  }

  /** Every session; those that come meanwhile too. */
  all(): Iterator<Session> {
    return this.byId.values();
  }

  find(clientId: ClientId): Session | null {
    return this.byId.get(clientId) ?? null;
  }

  /**
   * The session with which a client goes on. One whose time was up when the broker started ends now, if nobody has
   * looked at it yet.
   */
  findLasting(clientId: ClientId): Session | null {
    const session = this.find(clientId);
    if (session === null || session.connection !== null) return session;
    // Of an absence that has begun here the timer wheel takes care.
    const isLookedAt = session.expiryDueMs !== Number.POSITIVE_INFINITY || session.disconnectedAtMs === 0;
    const awayMs = this.core.turn.wallMs - session.disconnectedAtMs;
    if (isLookedAt || awayMs < session.expirySeconds * 1000) return session;
    this.end(session, 'expired');
    return null;
  }

  create(clientId: ClientId): Session {
    // It is back in time.
    const left = this.wills.get(clientId);
    if (left !== undefined) {
      left.will = null;
      this.end(left, 'conflict');
    }
    const session = new Session(this.core, clientId, this.core.turn.wallMs);
    this.byId.set(clientId, session);
    this.core.listing.created(session);
    return session;
  }

  /** Brings back a session as it was when the broker ended; its client is away. Hooks are not told. */
  restore(record: SessionRecord, slot: number): Session {
    const session = new Session(this.core, asClientId(record.clientId), record.createdAtMs);
    const { client, will } = record;
    session.number = record.number;
    session.isStored = true;
    session.keptSlot = slot;
    session.disconnectedAtMs = record.disconnectedAtMs;
    session.expirySeconds = record.expirySeconds;
    session.will = will;
    if (will === null) session.isClientStored = true;
    else session.client = session.willFrom = client === null ? null : keptClient(client);
    if (session.durable) {
      this.byId.set(session.clientId, session);
    } else {
      this.wills.set(session.clientId, session);
    }
    return session;
  }

  /** @returns the seconds that an MQTT 5 client gets that asks for so many: no more than the configured maximum. */
  expiryFor(askedSeconds: number): number {
    const asked = askedSeconds === EXPIRY_NEVER_SECONDS ? Number.POSITIVE_INFINITY : askedSeconds;
    return Math.min(asked, this.expiryMaxSeconds);
  }

  /** Sets how long the session outlives its connection; Infinity: for ever. */
  setExpiry(session: Session, seconds: number): void {
    const wasDurable = session.durable;
    session.expirySeconds = seconds;
    if (session.durable !== wasDurable) this.core.router.durableChanged(session);
    this.core.keeper.changed(session);
  }

  /** The connection of `session` has ended: its will, its time to live, its shared messages. */
  onDisconnected(session: Session, reason: string): void {
    const { core } = this;
    if (session.durable && session.connection !== null) session.client = clientOf(session.connection);
    session.connection = null;
    session.disconnectedAtMs = core.turn.wallMs;
    this.onlineCount--;
    core.listing.disconnected(session);
    core.memory.update(session);
    core.replays.cancelAll(session);
    core.router.onlineChanged(session);
    const nowMs = core.turn.nowMs;
    const { will } = session;
    if (will !== null && (will.delaySeconds === 0 || session.expirySeconds === 0)) this.publishWill(session);
    if (session.expirySeconds === 0) {
      this.end(session, reason === 'conflict' ? 'conflict' : 'normal');
      return;
    }
    core.shared.onMemberLeft(session, false);
    session.expiryDueMs = nowMs + session.expirySeconds * 1000;
    session.willDueMs =
      session.will === null ? Number.POSITIVE_INFINITY : nowMs + session.will.delaySeconds * 1000;
    core.wheel.schedule(Math.min(session.expiryDueMs, session.willDueMs), session);
    core.keeper.changed(session);
  }

  /** A client is back: nothing of its absence is due any more. */
  onConnected(session: Session): void {
    this.onlineCount++;
    this.core.listing.connected(session);
    session.expiryDueMs = session.willDueMs = Number.POSITIVE_INFINITY;
    this.core.wheel.cancel(session);
    this.core.router.onlineChanged(session);
    this.core.memory.update(session);
    this.core.keeper.changed(session);
  }

  onDeadline(session: Session, nowMs: number): void {
    if (session.ended || session.connection !== null) return;
    this.core.turn.enter();
    if (session.willDueMs <= nowMs || session.expiryDueMs <= nowMs) this.publishWill(session);
    if (session.expiryDueMs <= nowMs) this.end(session, 'expired');
    else this.core.wheel.schedule(session.expiryDueMs, session);
  }

  /** Ends a session that has no connection: everything of it goes, but for its retained messages [MQTT-3.1.2-7]. */
  end(session: Session, reason: string): void {
    if (session.ended) return;
    session.ended = true;
    this.core.hooks.terminated?.(session.clientId, reason);
    if (session.will !== null) this.publishWill(session);
    this.core.wheel.cancel(session);
    this.core.shared.onMemberLeft(session, true);
    this.core.kept.forget(session);
    session.queue?.clear();
    session.inflight?.clear();
    session.awaitingRel = null;
    session.account();
    this.core.memory.remove(session);
    this.core.keeper.over(session);
    if (this.wills.get(session.clientId) === session) this.wills.delete(session.clientId);
    if (this.byId.get(session.clientId) === session) {
      this.byId.delete(session.clientId);
      this.core.listing.ended(session);
    }
    if (this.core.router.removeSome(session, SESSION_REMOVE_SLICE)) return;
    this.leaving.push(session);
    this.core.turn.queue(this);
  }

  /** Takes down subscriptions of sessions that are over. */
  run(): boolean {
    for (let removed = 0; this.leaving.length > 0; removed += SESSION_REMOVE_SLICE) {
      if (removed >= FILTERS_PER_TURN_MAX || this.core.turn.overTime) return true;
      if (this.core.router.removeSome(this.leaving[0]!, SESSION_REMOVE_SLICE)) this.leaving.shift();
    }
    return false;
  }

  private publishWill(session: Session): void {
    const { will, willFrom } = session;
    session.will = null;
    session.willFrom = null;
    session.willDueMs = Number.POSITIVE_INFINITY;
    if (will === null) return;
    this.core.keeper.changed(session);
    const author = this.core.hooks.wantsAuthors ? (willFrom?.author ?? null) : null;
    const message = createMessage({ ...will, receivedAtMs: this.core.turn.wallMs, author });
    this.core.publisher.publishOwn(message, willFrom);
  }
}

function queueLimitsOf(config: Config): QueueLimits {
  return {
    messagesMax: config['mqtt.mqueue.max_length'],
    bytesMax: config['mqtt.mqueue.max_bytes'],
    highWatermark: config['mqtt.mqueue.high_watermark'],
    lowWatermark: config['mqtt.mqueue.low_watermark'],
    priorities: prioritiesOf(config),
  };
}

function prioritiesOf(config: Config): TopicPriorities | null {
  if (config['mqtt.mqueue.type'] !== 'priority') return null;
  const pairs = config['mqtt.mqueue.priority'].map(({ topic, priority }) => [topic, priority] as const);
  return new TopicPriorities(new Map(pairs));
}
