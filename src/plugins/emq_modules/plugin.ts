/** Presence, subscriptions that clients need not ask for, and other topics in place of those they name. Main thread. */
import type { Plugin, PluginOption } from '../api.js';
import { readRewriteRules } from './rewrite.js';
import { readSubscriptions } from './subscriptions.js';

const QOS = { kind: 'integer', min: 0, max: 2 } as const;

const flag = (preset: 'on' | 'off', about: string): PluginOption => ({
  type: { kind: 'flag' },
  default: preset,
  about,
});

const plugin: Plugin = {
  name: 'emq_modules',
  description: 'EMQ Modules',
  options: {
    'module.presence': flag('on', 'a `$SYS` message tells of each client that connects and disconnects'),
    'module.presence.qos': { type: QOS, default: '1', about: 'QoS of these messages' },
    'module.subscription': flag('off', 'clients are subscribed to the topics below when they connect'),
    'module.subscription.$id.topic': {
      type: { kind: 'string' },
      default: null,
      about: 'a topic filter; a whole level %c stands for the ClientId, %u for the user name',
    },
    'module.subscription.$id.qos': { type: QOS, default: null, about: 'its QoS; 1 if it is not given' },
    'module.rewrite': flag('off', 'topics that clients name are rewritten by the rules below'),
    'module.rewrite.rule.$id': {
      type: { kind: 'string' },
      default: null,
      about: 'topic filter, regular expression, replacement; the first rule in ascending order counts',
    },
  },
  shard: new URL('./shard.js', import.meta.url),
  check(values) {
    const { problem } = readRewriteRules(values);
    return problem ?? readSubscriptions(values).problem;
  },
};

export default plugin;
