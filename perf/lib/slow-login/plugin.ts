/** A plugin that lets everybody in and takes its time, as one that asks a distant server. Main thread. */
import type { Plugin } from '../../../src/plugins/api.js';

const plugin: Plugin = {
  name: 'slow_login',
  description: 'Lets everybody in after half a second',
  shard: new URL('./shard.js', import.meta.url),
};

export default plugin;
