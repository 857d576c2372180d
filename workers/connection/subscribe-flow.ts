/**
 * SUBSCRIBE and UNSUBSCRIBE: what all those on their way share. Runs on the shard's thread.
 */
import type { Config } from '../../src/config/schema.js';
import type { ClientId } from '../../src/protocol/ids.js';
import type { FrameHeader } from '../../src/protocol/mqtt/frame.js';
import { PacketType } from '../../src/protocol/mqtt/packet-type.js';
import { SubscribeReader } from '../../src/protocol/mqtt/subscribe-reader.js';
import {
  checkTopicFilter,
  type ParsedSubscription,
  parseSubscription,
  type TopicLimits,
  topicLimits,
} from '../../src/protocol/topic.js';
import type { ConfigFollower, Core } from '../core.js';
import type { Session } from '../session/session.js';
import type { Client } from './client.js';
import type { Connection } from './connection.js';
import { OneFilter } from './filter-job.js';
import { FilterReview } from './filter-review.js';
import { type Made, type NewSubscriptions, nameOf } from './new-subscriptions.js';
import { STALLED } from './packet-handler.js';
import { DOOR_WAIT } from './store-door.js';
import { SubscribeJob } from './subscribe-job.js';
import { UnsubscribeJob } from './unsubscribe-job.js';

/** Retain Handling 1 of the subscription options byte (v5 3.8.3.1). */
const RETAINED_IF_NEW = 0x10;

export class SubscribeFlow implements ConfigFollower {
  subscriptionsMax = 0;
  timeoutMs = 0;
  readonly review: FilterReview;
  private limits: TopicLimits;
  /** What waits for other shards, by session, oldest first. */
  private readonly waiting = new Map<Session, NewSubscriptions[]>();

  constructor(readonly core: Core) {
    this.limits = topicLimits(core.config);
    this.review = new FilterReview(core, (text) => this.parsePlain(text));
    this.onConfig(core.config);
  }

  onConfig(config: Config): void {
    this.subscriptionsMax = config['mqtt.session.max_subscriptions'];
    this.timeoutMs = config['shard.subscribe_timeout'];
    this.limits = topicLimits(config);
  }

  /** @returns HANDLED, HANDLED_STALL or a reason code. */
  onSubscribe(connection: Connection, frame: FrameHeader, bytes: Buffer): number {
    const { bodyStart, bodyEnd } = frame;
    const session = connection.session!;
    const { storeDoor } = this.core;
    const isRefused = storeDoor.isShut && session.isKept;
    if (isRefused && storeDoor.knock(connection) === DOOR_WAIT) return STALLED;
    const reader = new SubscribeReader(PacketType.Subscribe, bytes, bodyStart, bodyEnd, connection.version);
    const job = new SubscribeJob(this, connection, session, reader);
    return (isRefused ? job.refuse() : job).start();
  }

  /** As `onSubscribe`. */
  onUnsubscribe(connection: Connection, frame: FrameHeader, bytes: Buffer): number {
    const { bodyStart, bodyEnd } = frame;
    const reader = new SubscribeReader(PacketType.Unsubscribe, bytes, bodyStart, bodyEnd, connection.version);
    return new UnsubscribeJob(this, connection, connection.session!, reader).start();
  }

  /**
   * A plugin subscribes a connected client, as if it had asked: its rights and other plugins count, there is no SUBACK.
   * In a later turn, because it may be asked for from inside anything. What is retained comes with a new subscription
   * only: a session that is resumed, and subscribed once more, has had it.
   */
  subscribeFor(clientId: ClientId, filter: string, qos: 0 | 1 | 2): void {
    const connection = this.core.sessions.find(clientId)?.connection;
    if (connection == null) return;
    const job = new SubscribeJob(
      this,
      connection,
      connection.session!,
      new OneFilter(filter, qos | RETAINED_IF_NEW),
    );
    this.core.turn.queue(job);
  }

  /** As `subscribeFor`. */
  unsubscribeFor(clientId: ClientId, filter: string): void {
    const connection = this.core.sessions.find(clientId)?.connection;
    if (connection == null) return;
    const job = new UnsubscribeJob(this, connection, connection.session!, new OneFilter(filter, 0));
    this.core.turn.queue(job);
  }

  /** They wait until other shards know of them. */
  wait(session: Session, wanted: NewSubscriptions): void {
    const waiting = this.waiting.get(session);
    if (waiting === undefined) this.waiting.set(session, [wanted]);
    else waiting.push(wanted);
  }

  /** They wait no longer. */
  waited(session: Session, wanted: NewSubscriptions): void {
    const waiting = this.waiting.get(session)!;
    waiting.splice(waiting.indexOf(wanted), 1);
    if (waiting.length === 0) this.waiting.delete(session);
  }

  /** What of a session still waits, by name. */
  claimsOf(session: Session): Map<string, Made> {
    const waiting = this.waiting.get(session) ?? [];
    return new Map(waiting.flatMap(({ made }) => made.map((each) => [nameOf(each.parsed), each] as const)));
  }

  /** A subscription is no more: nothing is replayed for it, and plugins hear of it. `text`: as its client writes it. */
  ended(
    session: Session,
    { filter, group, local }: ParsedSubscription,
    client: Client | null,
    text: string,
  ): void {
    const { replays, hooks } = this.core;
    if (group === null) replays.cancel(session, filter, local);
    if (client !== null) hooks.unsubscribed?.(client.info, text);
  }

  /**
   * @returns the parts of a filter as a client writes it, with its listener's mountpoint; null when it is not
   * valid.
   */
  parse(text: string, connection: Connection): ParsedSubscription | null {
    const parsed = this.parsePlain(text);
    const { mountpoint } = connection.options;
    if (parsed === null || mountpoint.length === 0) return parsed;
    const filter = mountpoint.toString('utf8') + parsed.filter;
    return checkTopicFilter(filter, this.limits) ? { ...parsed, filter } : null;
  }

  /** @returns the parts of a filter without any mountpoint; null when it is not valid. */
  parsePlain(text: string): ParsedSubscription | null {
    const parsed = parseSubscription(text);
    return parsed === null || !checkTopicFilter(parsed.filter, this.limits) ? null : parsed;
  }
}
