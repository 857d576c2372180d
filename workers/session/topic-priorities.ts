/** Which topics go first in a queue of the type `priority`. Immutable, shared by all queues of a shard. */
import type { Message } from '../../src/protocol/message.js';

/** Exact topic names with a priority of 0 to 255, larger first; a topic that is not listed has 0. */
export class TopicPriorities {
  /** Number of different priorities, 0 included. */
  readonly lanes: number;
  readonly #laneByTopic = new Map<string, number>();

  constructor(priorities: ReadonlyMap<string, number>) {
    const levels = [...new Set([...priorities.values(), 0])].sort((a, b) => b - a);
    for (const [topic, priority] of priorities) this.#laneByTopic.set(topic, levels.indexOf(priority));
    this.lanes = levels.length;
  }

  /** @returns 0 for the highest priority, `lanes` - 1 for the lowest. */
  laneOf(message: Message): number {
    return this.#laneByTopic.get(message.topicText()) ?? this.lanes - 1;
  }
}
