/**
 * Subscriptions that a session gets together: in the router at once, promised when every shard that could take a
 * matching message knows of them, then followed by what is retained. Runs on the shard's thread.
 */
import { COMMIT_TIMEOUT_MS, REPLAYS_WAITING_MAX } from '../../src/limits.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import type { ParsedSubscription } from '../../src/protocol/topic.js';
import {
  OPTION_NO_LOCAL,
  OPTION_QOS_MASK,
  OPTION_RETAIN_AS_PUBLISHED,
  OPTIONS_KEPT,
} from '../routing/route.js';
import type { Subscribed } from '../session/replay.js';
import type { Session } from '../session/session.js';
import type { Client } from './client.js';
import type { SubscribeFlow } from './subscribe-flow.js';

/** A subscription that is not promised yet. */
export interface Made extends Subscribed {
  /** Its place among those that were asked for. */
  readonly at: number;
  /** As the client has written it, or would. */
  readonly text: string;
}

export class NewSubscriptions {
  readonly made: Made[] = [];

  constructor(
    private readonly flow: SubscribeFlow,
    private readonly session: Session,
    /** Of MQTT 5; 0: none. */
    private readonly identifier: number,
  ) {}

  /** @returns the QoS that is granted, or the reason of a refusal */
  add(at: number, text: string, parsed: ParsedSubscription, asked: number): number {
    const { flow, session, identifier } = this;
    const { router } = flow.core;
    if ((session.replays?.waiting ?? 0) > REPLAYS_WAITING_MAX) return ReasonCode.QuotaExceeded;
    let options = asked;
    if (session.connection?.isBridge === true) options |= OPTION_RETAIN_AS_PUBLISHED;
    const { filter, group, local } = parsed;
    // Clients may not ask for the two together [MQTT-3.8.3-4]; a plugin or `$queue/` may have brought that about.
    if (group !== null) options &= ~OPTION_NO_LOCAL;
    const isNew = router.subscribe(session, filter, group, local, options & OPTIONS_KEPT, identifier);
    // Only now, because what the session has may be subscribed to again.
    if (isNew && flow.subscriptionsMax > 0 && router.countOf(session) > flow.subscriptionsMax) {
      router.unsubscribe(session, filter, group, local);
      return ReasonCode.QuotaExceeded;
    }
    this.made.push({ at, text, parsed, isNew, options });
    return options & OPTION_QOS_MASK;
  }

  /**
   * Calls back when all shards know and, for a session that is kept, the store does; with the reason where one has not
   * said so in time, and they have ended again.
   */
  settle(
    onSettled: (failed: ReasonCode) => void,
    timeoutMs: number,
    storeTimeoutMs = COMMIT_TIMEOUT_MS,
  ): void {
    const { flow, session } = this;
    const { core } = flow;
    core.replays.expect(session);
    flow.wait(session, this);
    const isKept = session.isKept && this.made.length > 0;
    let left = isKept ? 2 : 1;
    let failed: ReasonCode = ReasonCode.Success as ReasonCode;
    const settled = (isDone: boolean, reason: ReasonCode): void => {
      if (!isDone) failed = reason;
      if (--left > 0) return;
      core.turn.enter();
      flow.waited(session, this);
      // Nobody can promise that every message arrives.
      if (failed !== ReasonCode.Success && !session.ended) this.withdraw();
      onSettled(failed);
      core.replays.expected(session);
    };
    core.mesh.whenInterestKnown(
      (isKnown) => settled(isKnown, ReasonCode.ImplementationSpecificError),
      core.turn.nowMs + timeoutMs,
    );
    if (isKept) core.acks.whenSafe((isSafe) => settled(isSafe, ReasonCode.QuotaExceeded), storeTimeoutMs);
  }

  /** They are promised: plugins hear of them. */
  tell(client: Client): void {
    const { subscribed } = this.flow.core.hooks;
    if (subscribed === null) return;
    for (const { text, options } of this.made) {
      subscribed(client.info, { filter: text, qos: (options & OPTION_QOS_MASK) as 0 | 1 | 2 });
    }
  }

  /** What is retained follows; to an absent client when it is back. */
  replay(): void {
    this.flow.core.replays.start(this.session, this.made, this.identifier);
  }

  private withdraw(): void {
    const { flow, session } = this;
    const { router } = flow.core;
    const later = flow.claimsOf(session);
    for (const { parsed, isNew } of this.made) {
      if (!isNew) continue;
      // Asked for again meanwhile: what becomes of it is up to the later ones.
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
