/** Hooks for tests: whatever has `denied` in its name is not authorised. Loaded by every shard. */
import type { ShardHooks } from '../../src/plugins/api.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';

const isDenied = (name: string | null): boolean => name?.includes('denied') === true;

export function createHooks(): ShardHooks {
  return {
    'client.authenticate': ({ username }) =>
      isDenied(username) ? { allow: false, reason: ReasonCode.NotAuthorized } : { allow: true },
    'client.authorize': ({ topic }) => (isDenied(topic) ? 'deny' : 'allow'),
  };
}
