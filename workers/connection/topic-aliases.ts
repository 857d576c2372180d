/**
 * Topic aliases of one connection (MQTT 5, 3.3.2.3.4): those the client has set, and those we set for it. Both are
 * forgotten with the connection [MQTT-3.3.2-7]. Runs on the shard's thread.
 */
import { ALIAS_TOPIC_BYTES_MIN } from '../../src/limits.js';
import type { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';

/** What the client's aliases stand for. */
export class AliasesIn {
  private readonly topics: (Buffer | undefined)[] = [];

  constructor(private readonly maximum: number) {}

  /**
   * Learns the alias of `view`, or puts in the topic that it stands for.
   * @returns 0, or the reason code with which the connection ends.
   */
  resolve(view: PublishView): number {
    const alias = view.topicAlias;
    const isEmpty = view.topicStart === view.topicEnd;
    if (alias === 0) return isEmpty ? ReasonCode.ProtocolError : 0;
    if (alias > this.maximum) return ReasonCode.TopicAliasInvalid;
    if (!isEmpty) {
      const copy = Buffer.from(view.topicBytes.subarray(view.topicStart, view.topicEnd));
      this.topics[alias] = copy;
      return 0;
    }
    const topic = this.topics[alias];
    if (topic === undefined) return ReasonCode.ProtocolError;
    view.useTopic(topic, 0, topic.length);
    return 0;
  }
}

/** Aliases that we give topics on their way to a client: first come, first served, up to its maximum. */
export class AliasesOut {
  /** The alias to send after `assign`; 0: none. */
  alias = 0;
  private readonly byTopic = new Map<string, number>();

  constructor(private readonly maximum: number) {}

  /** Sets `alias` for a topic. @returns true when the client does not know it yet and needs the topic as well. */
  assign(bytes: Buffer, start: number, end: number): boolean {
    this.alias = 0;
    // An alias costs three bytes with every message.
    if (end - start < ALIAS_TOPIC_BYTES_MIN) return true;
    const topic = bytes.toString('latin1', start, end);
    const known = this.byTopic.get(topic);
    if (known !== undefined) {
      this.alias = known;
      return false;
    }
    if (this.byTopic.size >= this.maximum) return true;
    this.alias = this.byTopic.size + 1;
    this.byTopic.set(topic, this.alias);
    return true;
  }
}
