/**
 * An example to begin a plugin with: its shard part logs every hook and changes nothing. The same, as it looks outside
 * of the broker, is in examples/plugin. Main thread.
 */
import type { Plugin } from '../api.js';

const plugin: Plugin = {
  name: 'emq_plugin_template',
  description: 'EMQ Plugin Template',
  shard: new URL('./shard.js', import.meta.url),
};

export default plugin;
