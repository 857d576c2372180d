/**
 * What the broker publishes itself: wills, `$SYS`, the API, plugins. It is decided about like clients' messages; what
 * has to wait for that waits here, and is handed on in its order. Runs on the shard's thread.
 */
import {
  HOOK_LOG_INTERVAL_MS,
  OWN_MESSAGES_WAITING_BYTES_MAX,
  OWN_MESSAGES_WAITING_MAX,
} from '../../src/limits.js';
import type { Message } from '../../src/protocol/message.js';
import { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import type { Client } from '../connection/client.js';
import type { Core } from '../core.js';
import { rewriteView } from '../hooks/hook-message.js';
import type { Runnable } from '../turn.js';
import { type Judgement, PASSED, type Review, UNDECIDED, type Undecided } from './review.js';

class Waiting implements Undecided {
  judgement: Judgement = UNDECIDED;

  constructor(
    readonly message: Message,
    readonly from: Client | null,
  ) {}
}

export class OwnMessages implements Runnable {
  queued = false;
  // Apart from clients' messages, because one may be in hand.
  private readonly view = new PublishView();
  /** Oldest first. */
  private readonly waiting: Waiting[] = [];
  /** How many of them somebody has been asked about. */
  private asked = 0;
  private waitingBytes = 0;
  private fullLoggedMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly core: Core,
    private readonly review: Review,
  ) {}

  /** Credit does not hold it up; the mesh bounds it. `from`: whose will it is. */
  publish(message: Message, from: Client | null): void {
    const { core } = this;
    core.turn.enter();
    const isCalled = core.hooks.isCalling();
    const isReviewed = from === null ? core.hooks.publish !== null : this.review.isOn;
    if (!isReviewed && !isCalled && this.waiting.length === 0) {
      this.handOn(message, from, PASSED);
      return;
    }
    if (!this.hasRoom(message)) return;
    this.waiting.push(new Waiting(message, from));
    this.waitingBytes += message.size;
    // From inside a handler: a delivery may be under way around it.
    if (isCalled) core.turn.queue(this);
    else if (this.run()) core.turn.queue(this);
  }

  /** Asks about those that nobody has been asked about yet, and hands on those at the head that are decided. */
  run(): boolean {
    const { waiting } = this;
    const { turn } = this.core;
    // What handlers publish meanwhile comes behind these, in a later turn: else one that always does would never end.
    for (const end = waiting.length; this.asked < end; ) {
      if (turn.spent) return true;
      const each = waiting[this.asked++]!;
      this.review.decide(each, this.view, each.from, this);
    }
    while (waiting.length > 0) {
      const { message, from, judgement } = waiting[0]!;
      if (judgement === UNDECIDED) return false;
      if (turn.spent) return true;
      waiting.shift();
      this.asked--;
      this.waitingBytes -= message.size;
      this.handOn(message, from, judgement);
    }
    return false;
  }

  private handOn(message: Message, from: Client | null, judgement: Judgement): void {
    const { publisher } = this.core;
    const view = this.view.load(message);
    if (!judgement.isAllowed || judgement.isDropped) {
      publisher.lost(view, judgement.isAllowed ? 'dropped_by_hook' : 'denied');
      if (!judgement.isAllowed) {
        const fields = { clientId: from?.info.clientId ?? null, topic: message.topicText() };
        this.core.main.log('info', 'will denied', fields);
      }
      return;
    }
    if (judgement.rewritten !== null) rewriteView(view, judgement.rewritten);
    publisher.distribute(view, publisher.routeOf(view), null, 0);
  }

  private hasRoom(message: Message): boolean {
    const { counters, turn, main } = this.core;
    if (
      this.waiting.length < OWN_MESSAGES_WAITING_MAX &&
      this.waitingBytes + message.size <= OWN_MESSAGES_WAITING_BYTES_MAX
    ) {
      return true;
    }
    counters.dropped++;
    if (turn.nowMs - this.fullLoggedMs >= HOOK_LOG_INTERVAL_MS) {
      this.fullLoggedMs = turn.nowMs;
      main.log('warn', "the broker's own messages wait too long for plugins: dropped", {
        waiting: this.waiting.length,
      });
    }
    return false;
  }
}
