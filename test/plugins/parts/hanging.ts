/** A shard part that starts when the test lets it, and tells what becomes of it. */
import type { CreateShardPart } from '../../../src/plugins/api.js';

export const events: string[] = [];
const waiting: (() => void)[] = [];

/** Lets all that wait go on. */
export function release(): void {
  for (const go of waiting.splice(0)) go();
}

const createShardPart: CreateShardPart = async ({ values, log, publish, tell }) => {
  const name = String(values.get('name'));
  events.push(`${name} starts`);
  if (values.get('hangs') === true) await new Promise<void>((resolve) => waiting.push(resolve));
  return {
    hooks: { 'session.created': ({ clientId }) => void events.push(`${name} sees ${clientId}`) },
    onMessage(data) {
      events.push(`${name} hears ${String(data)}`);
      if (data === 'throw') throw new Error('not to its liking');
      if (data === 'publish') publish('a/+', '');
    },
    stop() {
      events.push(`${name} stops`);
      // All of it is dead by now.
      publish('late', '');
      log.info(`late tell: ${tell('late')}`);
    },
  };
};

export default createShardPart;
