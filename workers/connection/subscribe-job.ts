/**
 * A SUBSCRIBE on its way: each filter is decided about and subscribed to; then SUBACK once every shard that could take
 * a matching message knows of the subscription, and after it the retained messages. Runs on the shard's thread.
 */
import { HOOK_FILTERS_MAX, REPLAYS_WAITING_MAX } from '../../src/limits.js';
import { encodeSuback } from '../../src/protocol/mqtt/encode-control.js';
import { PacketType } from '../../src/protocol/mqtt/packet-type.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import type { ParsedSubscription } from '../../src/protocol/topic.js';
import { Pending } from '../hooks/pending.js';
import {
  OPTION_NO_LOCAL,
  OPTION_QOS_MASK,
  OPTION_RETAIN_AS_PUBLISHED,
  OPTIONS_KEPT,
} from '../routing/route.js';
import type { Subscribed } from '../session/replay.js';
import { clientOf } from './client.js';
import { FilterJob } from './filter-job.js';
import { ReviewedFilter } from './filter-review.js';

/** A subscription made by a SUBSCRIBE that is not acknowledged yet. */
export interface Made extends Subscribed {
  /** Its place in the packet. */
  readonly at: number;
  /** As the client has written it, or a plugin in its place. */
  readonly text: string;
}

export class SubscribeJob extends FilterJob {
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
    const { access, rechecks } = this.flow.core;
    const { generation } = access;
    const judged = this.flow.review.judge(filters, clientOf(this.connection));
    if (judged instanceof Pending) {
      const use = (): void => {
        this.addAll(filters);
        // The rules have changed since some of them were allowed, and this session may have been checked before.
        if (access.generation !== generation) rechecks.one(this.session);
      };
      judged.whenAnswered(() => this.resume(use));
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
    if (this.isPacket) connection.subackPending();
    core.replays.expect(session);
    flow.wait(session, this);
    const deadlineMs = core.turn.nowMs + flow.timeoutMs;
    core.mesh.whenInterestKnown((isKnown) => this.acknowledge(isKnown), deadlineMs);
  }

  private acknowledge(isKnown: boolean): void {
    const { flow, connection, session } = this;
    const { core } = flow;
    core.turn.enter();
    flow.waited(session, this);
    if (this.isPacket) connection.subackDone();
    if (!session.ended) {
      if (isKnown) this.tell();
      else this.withdraw();
    }
    if (this.isAlive()) {
      if (this.isPacket) this.sendSuback();
      if (isKnown) core.replays.start(session, this.made, this.reader.identifier);
    }
    core.replays.expected(session);
  }

  private sendSuback(): void {
    const { connection, codes } = this;
    const { packetId } = this.reader;
    const packet = encodeSuback({ packetId, codes }, connection.version, connection.maximumPacketBytes);
    connection.sendControl(PacketType.Suback, packet);
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

// No filter and no group contains U+0000.
export function nameOf({ filter, group, local }: ParsedSubscription): string {
  return `${local ? '$local' : ''}\0${group ?? ''}\0${filter}`;
}
