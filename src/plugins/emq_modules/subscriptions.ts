/** Subscriptions that a client gets when it connects, without asking. Any thread. */
import { checkTopicFilter, NO_TOPIC_LIMITS, parseSubscription } from '../../protocol/topic.js';
import type { ClientInfo, PluginValues, ShardContext } from '../api.js';
import { byNumber } from './order.js';

const PREFIX = 'module.subscription.';

export interface ConfiguredSubscription {
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
}

export interface ReadSubscriptions {
  /** By their index. */
  readonly subscriptions: readonly ConfiguredSubscription[];
  readonly problem: string | null;
}

export function readSubscriptions(values: PluginValues): ReadSubscriptions {
  const subscriptions: ConfiguredSubscription[] = [];
  for (const [index, topic] of byNumber(values, PREFIX, '.topic')) {
    const filter = parseSubscription(topic)?.filter;
    if (filter === undefined || !checkTopicFilter(filter, NO_TOPIC_LIMITS)) {
      return { subscriptions: [], problem: `${PREFIX}${index}.topic is not a topic filter` };
    }
    subscriptions.push({ topic, qos: Number(values.get(`${PREFIX}${index}.qos`) ?? 1) as 0 | 1 | 2 });
  }
  const stray = byNumber(values, PREFIX, '.qos').find(([index]) => !values.has(`${PREFIX}${index}.topic`));
  const problem = stray === undefined ? null : `${PREFIX}${stray[0]}.qos has no ${PREFIX}${stray[0]}.topic`;
  return { subscriptions, problem };
}

/** @returns what subscribes a client that has connected */
export function subscriber(
  context: ShardContext,
  subscriptions: readonly ConfiguredSubscription[],
): (client: ClientInfo) => void {
  return (client) => {
    for (const { topic, qos } of subscriptions) {
      const filter = fill(topic, client);
      if (filter !== null) context.subscribe(client.clientId, filter, qos);
    }
  };
}

/**
 * Fills in whole levels `%c` and `%u`; `%u` stays where there is no user name.
 * @returns null where a name holds a wildcard: it would subscribe its client to what is others'
 */
function fill(topic: string, { clientId, username }: ClientInfo): string | null {
  const levels = topic.split('/').map((level) => {
    if (level === '%c') return /[+#]/.test(clientId) ? null : clientId;
    if (level === '%u' && username !== null) return /[+#]/.test(username) ? null : username;
    return level;
  });
  return levels.includes(null) ? null : levels.join('/');
}
