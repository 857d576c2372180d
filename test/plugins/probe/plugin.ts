/** A plugin for tests: it does wrong what its configuration says, and lets its shard part be asked over MQTT. */
import type { Plugin } from '../../../src/plugins/api.js';

const plugin: Plugin = {
  name: 'probe',
  description: 'Does what a test wants',
  version: '9.9.9',
  options: {
    'probe.word': { type: { kind: 'string' }, default: 'none', about: 'what it says' },
    'probe.secret': { type: { kind: 'integer', max: 10 }, default: null, about: 'a secret', secret: true },
    'probe.entry.$id.name': { type: { kind: 'string' }, default: null, about: 'an entry' },
    'probe.main': {
      type: { kind: 'enum', words: ['fine', 'throws', 'hangs', 'stop-throws'] },
      default: 'fine',
      about: 'what its main part does',
    },
    'probe.shard': {
      type: {
        kind: 'enum',
        words: ['fine', 'throws', 'one-throws', 'hangs', 'ends', 'wrong-hook', 'wrong-limits', 'stop-throws'],
      },
      default: 'fine',
      about: 'what its parts in the shards do',
    },
  },
  shard: new URL('./shard.js', import.meta.url),
  check: (values) => (values.get('probe.word') === 'bad' ? 'probe.word is bad' : null),
  async start(context) {
    const { values, tell, tellShard, publish } = context;
    const does = values.get('probe.main');
    if (does === 'throws') throw new Error('the main part does not want to');
    if (does === 'hangs') await new Promise(() => undefined);
    const heard: number[] = [];
    // Told while the parts are being started: it waits for them.
    setImmediate(() => tell({ greeting: values.get('probe.word') }));
    return {
      shardState: () => ({ entries: [...values].filter(([key]) => key.startsWith('probe.entry.')) }),
      onMessage(data, shard) {
        if (data === 'ping') tellShard(shard, 'pong');
        else if (data === 'throw') throw new Error('a message is not to its liking');
        else if (data === 'count') {
          heard[shard] = (heard[shard] ?? 0) + 1;
          if (heard[shard] === 1) publish('probe/counting', String(shard));
        } else if (data === 'counted') publish('probe/counted', String(heard[shard] ?? 0));
      },
      stop() {
        if (does === 'stop-throws') throw new Error('it will not stop');
      },
    };
  },
};

export default plugin;
