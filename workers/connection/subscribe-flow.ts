/**
 * SUBSCRIBE and UNSUBSCRIBE: filter by filter, in slices where there are many; then SUBACK once every shard that could
 * take a matching message knows of the subscription, and after it the retained messages. Runs on the shard's thread.
 */
import {
  FILTERS_PER_TURN_MAX,
  HOOK_FILTERS_MAX,
  REPLAYS_WAITING_MAX,
  SUBSCRIBE_SLICE,
} from '../../src/limits.js';
import { encodeSuback, encodeUnsuback } from '../../src/protocol/mqtt/encode-control.js';
import type { FrameHeader } from '../../src/protocol/mqtt/frame.js';
import { PacketType } from '../../src/protocol/mqtt/packet-type.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import { SubscribeReader, VALIDATE_MORE } from '../../src/protocol/mqtt/subscribe-reader.js';
import {
  checkTopicFilter,
  type ParsedSubscription,
  parseSubscription,
  type TopicLimits,
} from '../../src/protocol/topic.js';
import type { Core } from '../core.js';
import { Pending } from '../hooks/pending.js';
import {
  OPTION_NO_LOCAL,
  OPTION_QOS_MASK,
  OPTION_RETAIN_AS_PUBLISHED,
  OPTIONS_KEPT,
} from '../routing/route.js';
import type { Subscribed } from '../session/replay.js';
import type { Session } from '../session/session.js';
import type { Runnable } from '../turn.js';
import { clientOf } from './client.js';
import type { Connection } from './connection.js';
import { FilterReview, ReviewedFilter } from './filter-review.js';
import { HANDLED, HANDLED_STALL } from './packet-handler.js';
import { topicLimits } from './topic-limits.js';

/** What `advance` says, beside reason codes. */
const DONE = 0;
const MORE = -1;
/** A hook has not answered yet. */
const WAIT = -2;

/** A subscription made by a SUBSCRIBE that is not acknowledged yet. */
interface Made extends Subscribed {
  /** Its place in the packet. */
  readonly at: number;
  /** As the client has written it, or a plugin in its place. */
  readonly text: string;
}

/** One packet on its way; most are done in the turn they come in. */
abstract class FilterJob implements Runnable {
  queued = false;
  protected readonly codes: number[] = [];
  private isValidated = false;

  constructor(
    protected readonly flow: SubscribeFlow,
    protected readonly connection: Connection,
    protected readonly session: Session,
    protected readonly reader: SubscribeReader,
  ) {}

  /** @returns HANDLED, HANDLED_STALL or a reason code. */
  start(): number {
    const found = this.advance();
    if (found === DONE) return HANDLED;
    if (found > 0) return found;
    // The packet lies in the read buffer, which is everybody's.
    this.reader.keep();
    if (found === MORE) this.flow.core.turn.queue(this);
    return HANDLED_STALL;
  }

  run(): boolean {
    if (!this.isAlive()) return false;
    const found = this.advance();
    if (found === MORE) return true;
    if (found === WAIT) return false;
    if (found > 0) this.connection.disconnect(found as ReasonCode, 'protocol_error');
    else this.connection.unstall();
    return false;
  }

  /** @returns DONE, MORE, WAIT or a reason code. */
  private advance(): number {
    const { turn } = this.flow.core;
    while (!this.isValidated) {
      const found = this.reader.validateSome(SUBSCRIBE_SLICE);
      if (found > 0) return found;
      this.isValidated = found !== VALIDATE_MORE;
      if (turn.overTime) return MORE;
    }
    for (let count = 1; this.reader.next(); count++) {
      if (!this.take()) return WAIT;
      if (!this.isAlive()) return DONE;
      if (count % SUBSCRIBE_SLICE === 0 && (count >= FILTERS_PER_TURN_MAX || turn.overTime)) return MORE;
    }
    if (!this.flush()) return WAIT;
    if (this.isAlive()) this.finish();
    return DONE;
  }

  /** An answer has come for which it has waited: `use` it, and go on. */
  protected resume(use: () => void): void {
    if (!this.isAlive()) return;
    use();
    this.flow.core.turn.queue(this);
  }

  protected isAlive(): boolean {
    return this.connection.isOpen && !this.connection.isClosing && !this.session.ended;
  }

  /** Handles the filter that the reader stands on. @returns false when the job has to wait for an answer. */
  protected abstract take(): boolean;
  /** Handles what `take` has put aside. @returns as `take`. */
  protected abstract flush(): boolean;
  protected abstract finish(): void;
}

class SubscribeJob extends FilterJob {
  readonly made: Made[] = [];
  private refused = 0;
  private firstRefused = '';
  /** What is to be decided about. */
  private aside: ReviewedFilter[] = [];

  protected take(): boolean {
    const { filter, options } = this.reader;
    if (this.aside.length === 0 && !this.flow.review.isOn) {
      this.add(filter, options, ReasonCode.Success);
      return true;
    }
    const qos = (options & OPTION_QOS_MASK) as 0 | 1 | 2;
    this.aside.push(new ReviewedFilter(filter, options & ~OPTION_QOS_MASK, qos));
    return this.aside.length < HOOK_FILTERS_MAX || this.flush();
  }

  protected flush(): boolean {
    if (this.aside.length === 0) return true;
    const filters = this.aside;
    this.aside = [];
    const judged = this.flow.review.judge(filters, clientOf(this.connection));
    if (judged instanceof Pending) {
      judged.whenAnswered(() => this.resume(() => this.addAll(filters)));
      return false;
    }
    this.addAll(filters);
    return true;
  }

  private addAll(filters: readonly ReviewedFilter[]): void {
    for (const { filter, options, qos, reason } of filters) this.add(filter, options | qos, reason);
  }

  private add(filter: string, options: number, reason: ReasonCode): void {
    const at = this.codes.length;
    const code = reason === ReasonCode.Success ? this.subscribe(at, filter, options) : reason;
    this.codes.push(this.connection.version === 5 || code < 0x80 ? code : 0x80);
    if (code >= 0x80 && this.refused++ === 0) this.firstRefused = filter;
  }

  private subscribe(at: number, text: string, asked: number): number {
    const { flow, connection, session, reader } = this;
    const { router } = flow.core;
    const parsed = flow.parse(text, connection);
    if (parsed === null) return ReasonCode.TopicFilterInvalid;
    if ((session.replays?.waiting ?? 0) > REPLAYS_WAITING_MAX) return ReasonCode.QuotaExceeded;
    let options = asked;
    if (connection.isBridge) options |= OPTION_RETAIN_AS_PUBLISHED;
    const { filter, group, local } = parsed;
    // Clients may not ask for the two together [MQTT-3.8.3-4]; a plugin or `$queue/` may have brought that about.
    if (group !== null) options &= ~OPTION_NO_LOCAL;
    const isNew = router.subscribe(session, filter, group, local, options & OPTIONS_KEPT, reader.identifier);
    // Only now, because what the session has may be subscribed to again.
    if (isNew && flow.subscriptionsMax > 0 && router.countOf(session) > flow.subscriptionsMax) {
      router.unsubscribe(session, filter, group, local);
      return ReasonCode.QuotaExceeded;
    }
    this.made.push({ at, text, parsed, isNew, options });
    return options & OPTION_QOS_MASK;
  }

  protected finish(): void {
    const { flow, connection, session } = this;
    const { core } = flow;
    if (this.refused > 0) {
      const fields = { clientId: session.clientId, refused: this.refused, first: this.firstRefused };
      core.main.log('debug', 'subscriptions refused', fields);
    }
    connection.subackPending();
    core.replays.expect(session);
    flow.wait(session, this);
    const deadlineMs = core.turn.nowMs + flow.timeoutMs;
    core.mesh.whenInterestKnown((isKnown) => this.acknowledge(isKnown), deadlineMs);
  }

  private acknowledge(isKnown: boolean): void {
    const { flow, connection, session, codes } = this;
    const { core } = flow;
    core.turn.enter();
    flow.waited(session, this);
    connection.subackDone();
    if (!session.ended) {
      if (isKnown) this.tell();
      else this.withdraw();
    }
    if (this.isAlive()) {
      const { packetId } = this.reader;
      const packet = encodeSuback({ packetId, codes }, connection.version, connection.maximumPacketBytes);
      connection.sendControl(PacketType.Suback, packet);
      if (isKnown) core.replays.start(session, this.made, this.reader.identifier);
    }
    core.replays.expected(session);
  }

  private tell(): void {
    const { subscribed } = this.flow.core.hooks;
    if (subscribed === null) return;
    const { info } = clientOf(this.connection);
    for (const { text, options } of this.made) {
      subscribed(info, { filter: text, qos: (options & OPTION_QOS_MASK) as 0 | 1 | 2 });
    }
  }

  /** Some shard has not said that it knows: nobody can promise that every message arrives. */
  private withdraw(): void {
    const { flow, connection, session, codes } = this;
    const { router } = flow.core;
    const later = flow.claimsOf(session);
    for (const { at, parsed, isNew } of this.made) {
      codes[at] = connection.version === 5 ? ReasonCode.ImplementationSpecificError : 0x80;
      if (!isNew) continue;
      // Asked for again meanwhile: what becomes of it is up to the other SUBSCRIBE.
      const claim = later.get(nameOf(parsed));
      if (claim !== undefined) claim.isNew = true;
      else router.unsubscribe(session, parsed.filter, parsed.group, parsed.local);
    }
  }
}

class UnsubscribeJob extends FilterJob {
  /** What a plugin is to be asked about. */
  private aside: string[] = [];

  protected take(): boolean {
    const { filter } = this.reader;
    if (this.aside.length === 0 && this.flow.core.hooks.unsubscribe === null) {
      this.remove(filter);
      return true;
    }
    this.aside.push(filter);
    return this.aside.length < HOOK_FILTERS_MAX || this.flush();
  }

  protected flush(): boolean {
    if (this.aside.length === 0) return true;
    const filters = this.aside;
    this.aside = [];
    const { unsubscribe } = this.flow.core.hooks;
    const given = unsubscribe === null ? filters : unsubscribe(clientOf(this.connection).info, filters);
    if (given instanceof Pending) {
      given.whenAnswered((later) => this.resume(() => this.removeAll(later)));
      return false;
    }
    this.removeAll(given);
    return true;
  }

  private removeAll(filters: readonly string[]): void {
    for (const filter of filters) this.remove(filter);
  }

  private remove(text: string): void {
    const { flow, connection, session } = this;
    const { router, replays, hooks } = flow.core;
    const parsed = flow.parse(text, connection);
    const existed = parsed !== null && router.unsubscribe(session, parsed.filter, parsed.group, parsed.local);
    const missing = parsed === null ? ReasonCode.TopicFilterInvalid : ReasonCode.NoSubscriptionExisted;
    this.codes.push(existed ? ReasonCode.Success : missing);
    if (!existed) return;
    if (parsed.group === null) replays.cancel(session, parsed.filter, parsed.local);
    hooks.unsubscribed?.(clientOf(connection).info, text);
  }

  protected finish(): void {
    const { connection, codes } = this;
    const { packetId } = this.reader;
    const packet = encodeUnsuback({ packetId, codes }, connection.version, connection.maximumPacketBytes);
    connection.sendControl(PacketType.Unsuback, packet);
  }
}

export class SubscribeFlow {
  readonly subscriptionsMax: number;
  readonly timeoutMs: number;
  readonly review: FilterReview;
  private readonly limits: TopicLimits;
  /** SUBSCRIBEs that wait for other shards, by session, oldest first. */
  private readonly waiting = new Map<Session, SubscribeJob[]>();

  constructor(readonly core: Core) {
    const { config } = core;
    this.subscriptionsMax = config['mqtt.session.max_subscriptions'];
    this.timeoutMs = config['shard.subscribe_timeout'];
    this.limits = topicLimits(config);
    this.review = new FilterReview(core, (text) => this.parsePlain(text));
  }

  /** @returns HANDLED, HANDLED_STALL or a reason code. */
  onSubscribe(connection: Connection, frame: FrameHeader, bytes: Buffer): number {
    const { bodyStart, bodyEnd } = frame;
    const reader = new SubscribeReader(PacketType.Subscribe, bytes, bodyStart, bodyEnd, connection.version);
    return new SubscribeJob(this, connection, connection.session!, reader).start();
  }

  /** As `onSubscribe`. */
  onUnsubscribe(connection: Connection, frame: FrameHeader, bytes: Buffer): number {
    const { bodyStart, bodyEnd } = frame;
    const reader = new SubscribeReader(PacketType.Unsubscribe, bytes, bodyStart, bodyEnd, connection.version);
    return new UnsubscribeJob(this, connection, connection.session!, reader).start();
  }

  /** A SUBSCRIBE waits until other shards know of it. */
  wait(session: Session, job: SubscribeJob): void {
    const jobs = this.waiting.get(session);
    if (jobs === undefined) this.waiting.set(session, [job]);
    else jobs.push(job);
  }

  /** It waits no longer. */
  waited(session: Session, job: SubscribeJob): void {
    const jobs = this.waiting.get(session)!;
    jobs.splice(jobs.indexOf(job), 1);
    if (jobs.length === 0) this.waiting.delete(session);
  }

  /** What the SUBSCRIBEs of a session that still wait have asked for, by name. */
  claimsOf(session: Session): Map<string, Made> {
    const jobs = this.waiting.get(session) ?? [];
    return new Map(jobs.flatMap(({ made }) => made.map((each) => [nameOf(each.parsed), each] as const)));
  }

  /**
   * @returns the parts of a filter as a client writes it, with its listener's mountpoint; null when it is not
   * valid.
   */
  parse(text: string, connection: Connection): ParsedSubscription | null {
    const parsed = this.parsePlain(text);
    const { mountpoint } = connection.options;
    return parsed === null || mountpoint.length === 0
      ? parsed
      : { ...parsed, filter: mountpoint.toString('utf8') + parsed.filter };
  }

  private parsePlain(text: string): ParsedSubscription | null {
    const parsed = parseSubscription(text);
    return parsed === null || !checkTopicFilter(parsed.filter, this.limits) ? null : parsed;
  }
}

// No filter and no group contains U+0000.
function nameOf({ filter, group, local }: ParsedSubscription): string {
  return `${local ? '$local' : ''}\0${group ?? ''}\0${filter}`;
}
