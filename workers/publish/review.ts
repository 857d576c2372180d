/**
 * What has to be decided about a message before it is handed on: whether its client may publish it, what plugins make
 * of it, and whether the client may publish that. Runs on the shard's thread.
 */
import type { Config } from '../../src/config/schema.js';
import type { HookMessage } from '../../src/plugins/api.js';
import type { Message } from '../../src/protocol/message.js';
import type { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import { isPublishable, type PublishLimits, publishLimits } from '../../src/protocol/publish-request.js';
import type { Client } from '../connection/client.js';
import { mountedStart } from '../connection/listener-options.js';
import type { ConfigFollower, Core } from '../core.js';
import { messageOfView } from '../hooks/hook-message.js';
import { Pending } from '../hooks/pending.js';
import type { Runnable } from '../turn.js';

/** What becomes of a message. */
export class Judgement {
  constructor(
    readonly isAllowed: boolean,
    /** A plugin has taken it out. */
    readonly isDropped: boolean,
    /** What is handed on in its place; null: itself. */
    readonly rewritten: HookMessage | null,
  ) {}
}

export const PASSED = new Judgement(true, false, null);
export const DENIED = new Judgement(false, false, null);
export const DROPPED = new Judgement(true, true, null);
/** It is still being decided. */
export const UNDECIDED = new Judgement(false, false, null);

/** A message that waits for its judgement. */
export interface Undecided {
  readonly message: Message;
  judgement: Judgement;
}

export class Review implements ConfigFollower {
  /** What everybody's messages are held to. */
  limits: PublishLimits;

  constructor(private readonly core: Core) {
    this.limits = publishLimits(core.config);
  }

  onConfig(config: Config): void {
    this.limits = publishLimits(config);
  }

  /** Whether there is anything to decide about clients' messages. */
  get isOn(): boolean {
    return this.core.access.isOn || this.core.hooks.publish !== null;
  }

  /** Decides about the message in `view`, which is not looked at after this call; null: the broker's own. */
  judge(view: PublishView, from: Client | null): Judgement | Pending<Judgement> {
    const { access, hooks } = this.core;
    if (from !== null && access.isOn) {
      const { topicBytes, topicEnd } = view;
      const may = access.authorizePublish(from, topicBytes, mountedStart(from.mountpoint, view), topicEnd);
      if (may instanceof Pending) {
        const message = hooks.publish === null ? null : messageOfView(view, from.info);
        return may.map((later) => {
          if (!later) return DENIED;
          return message === null ? PASSED : this.ask(message, from);
        });
      }
      if (!may) return DENIED;
    }
    return hooks.publish === null ? PASSED : this.ask(messageOfView(view, from?.info ?? null), from);
  }

  /** Decides about a message that waits; `then` is queued for when that takes its time. */
  decide(waiting: Undecided, view: PublishView, from: Client | null, then: Runnable): void {
    const found = this.judge(view.load(waiting.message), from);
    if (!(found instanceof Pending)) {
      waiting.judgement = found;
      return;
    }
    found.whenAnswered((judgement) => {
      waiting.judgement = judgement;
      this.core.turn.queue(then);
    });
  }

  private ask(message: HookMessage, from: Client | null): Judgement | Pending<Judgement> {
    const { publish } = this.core.hooks;
    if (publish === null) return PASSED;
    const made = publish(message);
    return made instanceof Pending
      ? made.map((later) => this.judgeAgain(message, later, from))
      : this.judgeAgain(message, made, from);
  }

  /** What a plugin has changed is checked as if the client had sent it. */
  private judgeAgain(
    message: HookMessage,
    made: HookMessage | null,
    from: Client | null,
  ): Judgement | Pending<Judgement> {
    if (made === message) return PASSED;
    if (made === null) return DROPPED;
    if (!isPublishable(made.topic, made.payload, this.limits)) {
      this.core.main.log('warn', 'a plugin has made a message that nobody may publish', {
        topic: made.topic.slice(0, 100),
        bytes: made.payload.length,
      });
      return DROPPED;
    }
    const changed = new Judgement(true, false, made);
    const { access } = this.core;
    if (from === null || made.topic === message.topic || !access.isOn) return changed;
    const may = access.authorize(from, 'publish', from.unmounted(made.topic));
    if (may instanceof Pending) return may.map((later) => (later ? changed : DENIED));
    return may ? changed : DENIED;
  }
}
