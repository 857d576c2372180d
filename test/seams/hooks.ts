/**
 * Hooks that misbehave, for tests: a user name, topic or filter decides by what it contains. `slow` is answered when
 * the test says `answer`, `silent` never, `twice` at once and then once more with a refusal; `denied` is refused.
 * Loaded
 * by every shard.
 */
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import type { Answer, Hooks } from '../../workers/hooks/hooks.js';
import { seamSide } from './remote.js';

export function createHooks(): Hooks {
  const side = seamSide(import.meta.url);
  let waiting: (() => void)[] = [];
  side.onWord((word) => {
    if (word !== 'answer') return;
    const answers = waiting;
    waiting = [];
    for (const answer of answers) answer();
  });
  const judge = (name: string, answer: Answer): void => {
    const reason = name.includes('denied') ? ReasonCode.NotAuthorized : ReasonCode.Success;
    if (name.includes('slow')) waiting.push(() => answer(reason));
    else if (!name.includes('silent')) answer(reason);
    if (name.includes('twice')) answer(ReasonCode.NotAuthorized);
    side.say(name);
  };
  return {
    authenticate: (attempt, answer) => judge(attempt.username ?? '', answer),
    authorizePublish: (_clientId, topic, answer) => judge(topic, answer),
    authorizeSubscribe: (_clientId, filter, answer) => judge(filter, answer),
    authenticationMethod: null,
    messageDropped: (_clientId, topic, reason) => side.say(`${reason} ${topic}`),
  };
}
