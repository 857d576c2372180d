/** `configs`: the configuration, listed and changed while the broker runs. Main thread. */
import type { SettingOutcome } from '../../settings/outcome.js';
import { type ApiCode, ApiError } from '../api-error.js';
import type { Settings } from '../broker-port.js';
import { CORE_APP, emqSettings, keyFromEmq, SETTING_SCHEMA, valueFromEmq } from '../emq/settings.js';
import { endpoint } from '../endpoint.js';
import { string } from '../fields.js';
import { listOf, NOTHING } from '../schema.js';

const CODES = { unknown: 102, start: 102, invalid: 108, failed: 102 } as const;

/** @throws ApiError for what has not been done. `codes`: where they are not those of a single key */
export function settled(outcome: SettingOutcome, codes: Readonly<Record<string, ApiCode>> = CODES): void {
  if (outcome !== null) throw new ApiError(codes[outcome.why] ?? 102, outcome.message);
}

async function set(settings: Settings, app: string, key: string, value: string): Promise<void> {
  const kind = settings.list().find((each) => each.key === key)?.kind;
  const ours = valueFromEmq(key, value, kind);
  if (ours === null) throw new ApiError(108, `${key}: expected a value with its unit, such as 30s`);
  settled(await settings.set(pluginOf(app), keyFromEmq(key), ours));
}

async function reset(settings: Settings, app: string, key: string): Promise<void> {
  settled(await settings.reset(pluginOf(app), keyFromEmq(key)));
}

const pluginOf = (app: string | undefined): string | null => (app === CORE_APP ? null : (app ?? ''));

const KEY = string('as listed');
const VALUE = string('with its unit: 30s, 64KB, 60%');
const LISTED = listOf(SETTING_SCHEMA);

export const configEndpoints = [
  endpoint({
    method: 'GET',
    path: 'configs',
    about: 'What may be changed while the broker runs, by node.',
    answer: { type: 'object', description: 'by node', additionalProperties: LISTED },
    handle: ({ broker: { node, settings } }) => ({ [node.name]: emqSettings(settings.list()) }),
  }),
  endpoint({
    method: 'GET',
    path: 'nodes/{node}/configs',
    about: 'What may be changed of one node while it runs.',
    answer: LISTED,
    handle: ({ broker: { settings } }) => emqSettings(settings.list()),
  }),
  ...['configs/{app}', 'nodes/{node}/configs/{app}'].flatMap((path) => [
    endpoint({
      method: 'PUT',
      path,
      about: 'Changes a key, now and for later starts. Answers when it is in force in all shards.',
      fields: { key: KEY, value: VALUE },
      answer: NOTHING,
      example: { key: 'mqtt.max_packet_size', value: '2MB' },
      handle: ({ broker: { settings }, path: { app = '' }, params: { key, value } }) =>
        set(settings, app, key, value),
    }),
    endpoint({
      method: 'DELETE',
      path,
      about: 'Takes a change back: what file, environment and command line say is in force again.',
      fields: { key: KEY },
      answer: NOTHING,
      example: { key: 'mqtt.max_packet_size' },
      handle: ({ broker: { settings }, path: { app = '' }, params: { key } }) => reset(settings, app, key),
    }),
  ]),
];
