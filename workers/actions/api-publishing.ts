/**
 * What is published through the API: plugins are asked, it waits for room in other shards as a client's packet does,
 * and is answered when it is as safe as what is acknowledged. Runs on the shard's thread.
 */
import { toUSVString } from 'node:util';
import type { ApiMessage, PublishOutcome } from '../../src/actor/action-protocol.js';
import {
  API_PUBLISH_TIMEOUT_MS,
  API_PUBLISHES_WAITING_BYTES_MAX,
  PUBLISH_HEADER_BYTES_MAX,
} from '../../src/limits.js';
import { authorOf } from '../../src/protocol/author.js';
import { createMessage, type Message } from '../../src/protocol/message.js';
import { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import { checkTopicName } from '../../src/protocol/topic.js';
import type { Core, CreditWaiter } from '../core.js';
import { rewriteView } from '../hooks/hook-message.js';
import { NEEDS_COMMIT } from '../publish/publisher.js';
import { type Judgement, type Review, UNDECIDED, type Undecided } from '../publish/review.js';
import type { Runnable } from '../turn.js';

/** The messages of one request. */
class Publication {
  /** How many have not been handed on. */
  left: number;
  needsCommit = false;
  isAnswered = false;

  constructor(
    messages: number,
    /** Hash of the name they come from, for share groups that choose by it. */
    readonly originHash: number,
    /** Monotonic milliseconds after which nothing more is handed on, because main waits no longer. */
    readonly deadlineMs: number,
    private readonly resolve: (outcome: PublishOutcome) => void,
  ) {
    this.left = messages;
  }

  answer(why: 'done' | 'store_failed' | 'too_late'): void {
    this.isAnswered = true;
    this.resolve({ why });
  }
}

class Waiting implements Undecided {
  judgement: Judgement = UNDECIDED;

  constructor(
    readonly message: Message,
    readonly of: Publication,
  ) {}
}

export class ApiPublishing implements Runnable, CreditWaiter {
  queued = false;
  // Apart from clients' messages, because one may be in hand.
  private readonly view = new PublishView();
  /** Oldest first. */
  private waiting: Waiting[] = [];
  /** How many of them somebody has been asked about. */
  private asked = 0;
  private waitingBytes = 0;

  constructor(
    private readonly core: Core,
    private readonly review: Review,
  ) {}

  /** All are checked before the first is handed on; they keep their order. `clientId`: whose they are said to be. */
  publish(clientId: string, messages: readonly ApiMessage[]): PublishOutcome | Promise<PublishOutcome> {
    const { core } = this;
    const { turn } = core;
    turn.enter();
    const wrong = this.firstWrong(messages);
    if (wrong !== null) return wrong;
    const author = authorOf(clientId, null);
    const made = messages.map((each) => createMessage({ ...each, receivedAtMs: turn.wallMs, author }));
    const bytes = made.reduce((sum, { size }) => sum + size, 0);
    if (this.waitingBytes + bytes > API_PUBLISHES_WAITING_BYTES_MAX) return { why: 'busy' };
    this.waitingBytes += bytes;
    const name = Buffer.from(clientId, 'utf8');
    const originHash = core.topicHash.hash(name, 0, name.length);
    return new Promise((resolve) => {
      const deadlineMs = turn.nowMs + API_PUBLISH_TIMEOUT_MS;
      const publication = new Publication(made.length, originHash, deadlineMs, resolve);
      for (const message of made) this.waiting.push(new Waiting(message, publication));
      turn.queue(this);
    });
  }

  unstall(): void {
    this.core.turn.queue(this);
  }

  /** Asks about those that nobody has been asked about yet, and hands on those at the head that are decided. */
  run(): boolean {
    const { waiting } = this;
    const { turn } = this.core;
    while (this.asked < waiting.length) {
      if (turn.spent) return true;
      const each = waiting[this.asked++]!;
      this.review.decide(each, this.view, null, this);
    }
    let done = 0;
    while (done < waiting.length && !turn.spent && this.settle(waiting[done]!)) done++;
    this.waiting = waiting.slice(done);
    this.asked -= done;
    return turn.spent && this.waiting.length > 0;
  }

  /** Hands it on, or leaves it where nobody waits for it any more. @returns false where it has to wait */
  private settle(each: Waiting): boolean {
    const { core } = this;
    const { of } = each;
    if (!of.isAnswered && core.turn.nowMs >= of.deadlineMs) of.answer('too_late');
    if (!of.isAnswered) {
      if (each.judgement === UNDECIDED || !this.handOn(each)) return false;
      if (--of.left === 0 && !of.isAnswered) this.finish(of);
    }
    this.waitingBytes -= each.message.size;
    return true;
  }

  /** @returns false where there is no room for it in another shard */
  private handOn({ message, judgement, of }: Waiting): boolean {
    const { core } = this;
    const { publisher, turn } = core;
    const view = this.view.load(message);
    turn.spendPacket(message.size);
    if (judgement.isDropped) {
      publisher.lost(view, 'dropped_by_hook');
      return true;
    }
    if (judgement.rewritten !== null) rewriteView(view, judgement.rewritten);
    if (!core.hooks.wantsAuthors) {
      view.author = null;
      view.stored = null;
    }
    const route = publisher.routeOf(view);
    if (core.commits.isRefusing && publisher.mayNeedCommit(view, route, null)) {
      of.answer('store_failed');
      return true;
    }
    if (!publisher.hasCredit(view, route)) {
      core.creditWaiters.add(this);
      return false;
    }
    if (publisher.distribute(view, route, null, of.originHash) === NEEDS_COMMIT) of.needsCommit = true;
    return true;
  }

  private finish(publication: Publication): void {
    if (!publication.needsCommit) publication.answer('done');
    else {
      const { acks } = this.core;
      acks.whenSafe((isSafe) => publication.answer(isSafe ? 'done' : 'store_failed'), API_PUBLISH_TIMEOUT_MS);
    }
  }

  private firstWrong(messages: readonly ApiMessage[]): PublishOutcome | null {
    const { limits } = this.review;
    for (const [at, { topic, payload, properties }] of messages.entries()) {
      const name = Buffer.from(topic, 'utf8');
      // Half a surrogate pair would become another topic.
      const isWhole = toUSVString(topic) === topic;
      if (!isWhole || !checkTopicName(name, 0, name.length, limits)) return { why: 'not_a_topic', at };
      const bytes = name.length + properties.length + payload.length + PUBLISH_HEADER_BYTES_MAX;
      if (bytes > limits.packetBytesMax) return { why: 'too_large', at };
    }
    return null;
  }
}
