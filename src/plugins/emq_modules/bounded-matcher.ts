/**
 * Matches regular expressions that somebody has configured with topics that anybody may send: where the two together
 * could take long, with a deadline. Any thread.
 */
import { createContext, Script } from 'node:vm';
import { REWRITE_PLAIN_TOPIC_CHARS_MAX, REWRITE_TIMEOUT_MS } from '../../limits.js';

/** Two repetitions at most, and none of a group: at worst the third power of the topic's length. */
const PLAIN = /^(?:[^*+{]*(?<!\))[*+{]){0,2}[^*+{]*$/;

interface Room {
  expression: RegExp | null;
  topic: string;
}

export class BoundedMatcher {
  private readonly plain = new Map<RegExp, boolean>();
  private readonly script = new Script('expression.exec(topic)');
  private room: Room | null = null;

  constructor(private readonly timeoutMs = REWRITE_TIMEOUT_MS) {}

  /** @returns undefined when it takes too long; null: it does not match */
  match(expression: RegExp, topic: string): RegExpExecArray | null | undefined {
    if (topic.length <= REWRITE_PLAIN_TOPIC_CHARS_MAX && this.isPlain(expression)) {
      return expression.exec(topic);
    }
    // A deadline costs some 70 us: a thread looks at the clock meanwhile.
    this.room ??= createContext({ expression: null, topic: '' }) as unknown as Room;
    this.room.expression = expression;
    this.room.topic = topic;
    try {
      return this.script.runInContext(this.room, { timeout: this.timeoutMs }) as RegExpExecArray | null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined;
      throw error;
    }
  }

  private isPlain(expression: RegExp): boolean {
    let isPlain = this.plain.get(expression);
    if (isPlain === undefined) {
      isPlain = PLAIN.test(expression.source);
      this.plain.set(expression, isPlain);
    }
    return isPlain;
  }
}
