/**
 * Hooks that misbehave, for tests: a user name, topic or filter decides by what it contains. `slow` is answered when
 * the test says `answer`, `silent` never, `twice` and then once more with a refusal; `throws` does; `denied` is refused.
 * Loaded by every shard.
 */
import type { AuthAnswer, ShardHooks } from '../../src/plugins/api.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import { seamSide } from './remote.js';

/** What a promise is to those who wait for it, but one that is kept twice. */
function twice<T>(first: T, second: T): Promise<T> {
  const then = (answer: (value: T) => void): void => {
    answer(first);
    answer(second);
  };
  return Object.fromEntries([['then', then]]) as unknown as Promise<T>;
}

export function createHooks(): ShardHooks {
  const side = seamSide(import.meta.url);
  let waiting: (() => void)[] = [];
  side.onWord((word) => {
    if (word !== 'answer') return;
    const answers = waiting;
    waiting = [];
    for (const answer of answers) answer();
  });
  function judge<T>(name: string, allowed: T, denied: T): T | Promise<T> {
    side.say(name);
    const answer = name.includes('denied') ? denied : allowed;
    if (name.includes('throws')) throw new Error(`cannot judge ${name}`);
    if (name.includes('slow')) return new Promise((resolve) => waiting.push(() => resolve(answer)));
    if (name.includes('silent')) return new Promise(() => {});
    return name.includes('twice') ? twice(answer, denied) : answer;
  }
  const refusal = { allow: false, reason: ReasonCode.NotAuthorized } as const;
  return {
    'client.authenticate': ({ username }) => judge<AuthAnswer>(username ?? '', { allow: true }, refusal),
    'client.authorize': ({ topic }) => judge<'allow' | 'deny'>(topic, 'allow', 'deny'),
    'message.dropped': (_clientId, topic, reason) => side.say(`${reason} ${topic}`),
  };
}
