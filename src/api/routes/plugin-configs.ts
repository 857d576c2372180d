/** `plugin_configs`: all that is set of one plugin. Main thread. */
import { ApiError } from '../api-error.js';
import { emqPluginSetting, PLUGIN_SETTING_SCHEMA } from '../emq/settings.js';
import { endpoint } from '../endpoint.js';
import { listOf, NOTHING } from '../schema.js';
import { settled } from './configs.js';

const PATH = 'nodes/{node}/plugin_configs/{plugin}';

export const pluginConfigEndpoints = [
  endpoint({
    method: 'GET',
    path: PATH,
    about: 'The keys of a plugin: first those that are not set, then those that are. Secrets are masked.',
    answer: listOf(PLUGIN_SETTING_SCHEMA),
    handle: ({ broker: { settings }, path: { plugin = '' } }) => {
      const rows = settings.ofPlugin(plugin);
      if (rows === null)
        throw new ApiError(102, `there is no ${plugin}, or its configuration cannot be read`);
      return rows.map(emqPluginSetting);
    },
  }),
  endpoint({
    method: 'PUT',
    path: PATH,
    about:
      'Sets all keys of a plugin, now and for later starts: those left out have their defaults. A plugin that runs is restarted.',
    takesAnyBody: true,
    answer: NOTHING,
    example: { 'retainer.max_payload_size': '1MB' },
    // Every failure is 102 here, as in EMQ.
    handle: async ({ broker: { settings }, path: { plugin = '' }, body }) =>
      settled(await settings.replace(plugin, body), {}),
  }),
];
