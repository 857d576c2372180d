/** Hooks for tests: whatever has `denied` in its name is not authorised. Loaded by every shard. */
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import type { Answer, Hooks } from '../../workers/hooks/hooks.js';

const judge = (name: string | null, answer: Answer): void =>
  answer(name?.includes('denied') === true ? ReasonCode.NotAuthorized : ReasonCode.Success);

export function createHooks(): Hooks {
  return {
    authenticate: (attempt, answer) => judge(attempt.username, answer),
    authorizePublish: (_clientId, topic, answer) => judge(topic, answer),
    authorizeSubscribe: (_clientId, filter, answer) => judge(filter, answer),
    authenticationMethod: null,
    messageDropped: null,
  };
}
