/** Whether messages are retained, and how many. The shards keep them; this says within which limits. Main thread. */
import type { Plugin } from '../api.js';

const plugin: Plugin = {
  name: 'emq_retainer',
  description: 'EMQ Retainer',
  options: {
    'retainer.storage_type': {
      type: { kind: 'enum', words: ['ram', 'disc', 'disc_only'] },
      default: 'ram',
      about: 'where they are kept; today in memory, whatever it says, and gone when the broker stops',
    },
    'retainer.max_message_num': {
      type: { kind: 'integer', min: 0 },
      default: '1000000',
      about:
        'retained messages kept, shared out among the shards; when full, messages on further topics are delivered but not retained; 0 = no limit',
    },
    'retainer.max_payload_size': {
      type: { kind: 'bytesize' },
      default: '1MB',
      about: 'largest payload that is retained (EMQ: 64KB); larger ones are delivered only; 0 = no limit',
    },
    'retainer.max_total_size': {
      type: { kind: 'bytesize' },
      default: '0',
      about:
        'memory of all together, shared out among the shards; what goes beyond is delivered only; 0 = no limit',
    },
    'retainer.expiry_interval': {
      type: { kind: 'duration' },
      default: '0',
      about: 'age at which a retained message is forgotten; 0 = never; `$SYS` is exempt',
    },
  },
  shard: new URL('./shard.js', import.meta.url),
  start({ values, log }) {
    const storageType = values.get('retainer.storage_type');
    if (storageType !== 'ram')
      log.warn(`retainer.storage_type is ${storageType}, and they are kept in memory`);
    return undefined;
  },
};

export default plugin;
