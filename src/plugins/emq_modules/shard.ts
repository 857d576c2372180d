/** Hooks of the modules that are on. Runs on the shard's thread. */
import type { CreateShardPart, ShardHooks } from '../api.js';
import { presenceHooks } from './presence.js';
import { readRewriteRules, rewriteHooks } from './rewrite.js';
import { readSubscriptions, subscriber } from './subscriptions.js';

const createShardPart: CreateShardPart = (context) => {
  const { values } = context;
  const presence: ShardHooks =
    values.get('module.presence') === true
      ? presenceHooks(context, Number(values.get('module.presence.qos')) as 0 | 1 | 2)
      : {};
  const rewrite: ShardHooks =
    values.get('module.rewrite') === true ? rewriteHooks(readRewriteRules(values).rules, context.log) : {};
  const isSubscribing = values.get('module.subscription') === true;
  if (!isSubscribing) return { hooks: { ...presence, ...rewrite } };
  const subscribe = subscriber(context, readSubscriptions(values).subscriptions);
  return {
    hooks: {
      ...presence,
      ...rewrite,
      'client.connected': (client, reason) => {
        presence['client.connected']?.(client, reason);
        if (reason === 0) subscribe(client);
      },
    },
  };
};

export default createShardPart;
