/**
 * Settings in EMQ's words: names of applications and types, values as text, and keys that it calls otherwise. Main
 * thread.
 */
import { EMQ_LOG_LEVELS } from '../../config/emq-keys.js';
import type { TopicPriority } from '../../config/priorities.js';
import type { PluginSetting } from '../../plugins/api.js';
import type { Setting } from '../../settings/outcome.js';
import { objectOf, text, yesNo } from '../schema.js';

/** EMQ's name for the broker itself, where the others are plugins. */
export const CORE_APP = 'emqttd';

export const SETTING_SCHEMA = objectOf({
  key: text('of the configuration', 'mqtt.max_packet_size'),
  value: text('durations in milliseconds, sizes in bytes, percentages as 0 to 1', '65536'),
  datatpye: text('its type; EMQ misspells this key, and so it stays', 'bytesize'),
  app: text('`emqttd`, or a plugin', 'emqttd'),
});

export const PLUGIN_SETTING_SCHEMA = objectOf({
  key: text('a `$` in it stands for any word', 'retainer.max_payload_size'),
  value: text('as it was written; `******` for a secret; empty where it is not set', '64KB'),
  desc: text('what it is for', 'largest payload that is retained'),
  required: yesNo('whether it is set'),
});

const LOG_LEVEL = 'log.level';
const EMQ_LOG_LEVEL = 'log.console.level';
const SYS_INTERVAL = 'mqtt.broker.sys_interval';

/** Where EMQ's type is not called as ours. */
const DATATYPES: Readonly<Record<string, string>> = {
  'mqtt.allow_anonymous': 'enum',
  'mqtt.cache_acl': 'enum',
  'mqtt.mqueue.store_qos0': 'enum',
  'mqtt.session.ignore_loop_deliver': 'enum',
  'mqtt.mqueue.type': 'atom',
  'mqtt.mqueue.priority': 'string',
  'retainer.expiry_interval': 'integer, duration',
  [SYS_INTERVAL]: 'integer',
};

/** The rows of a listing, by key. */
export function emqSettings(settings: readonly Setting[]): Record<string, string>[] {
  const rows = settings.map((setting) => {
    const { key, plugin, kind } = setting;
    return { key, value: valueText(setting), datatpye: DATATYPES[key] ?? kind, app: plugin ?? CORE_APP };
  });
  const level = settings.find(({ key }) => key === LOG_LEVEL)?.value;
  const word = Object.entries(EMQ_LOG_LEVELS).find(([, ours]) => ours === level)?.[0] ?? '';
  rows.push({ key: EMQ_LOG_LEVEL, value: word, datatpye: 'enum', app: CORE_APP });
  return rows.sort((a, b) => (a.key < b.key ? -1 : 1));
}

export function emqPluginSetting({ key, value, about, isSet }: PluginSetting): object {
  return { key, value, desc: about, required: isSet };
}

/** @returns the key as the broker calls it */
export function keyFromEmq(key: string): string {
  return key === EMQ_LOG_LEVEL ? LOG_LEVEL : key;
}

/** @returns the text as the broker reads it; null: EMQ does not take it */
export function valueFromEmq(key: string, value: string, kind: string | undefined): string | null {
  if (key === EMQ_LOG_LEVEL) return Object.hasOwn(EMQ_LOG_LEVELS, value) ? EMQ_LOG_LEVELS[value]! : null;
  // What is shown as milliseconds must not be taken for seconds when it comes back.
  const isBare = kind === 'duration' && key !== SYS_INTERVAL && /^\d+$/.test(value);
  return isBare && Number(value) !== 0 ? null : value;
}

function valueText({ key, kind, value }: Setting): string {
  if (value === null) return '';
  if (key === SYS_INTERVAL) return String(Number(value) / 1000);
  // EMQ shows this flag as it is written, and all others as Erlang does.
  if (key === 'mqtt.websocket_protocol_header') return value === true ? 'on' : 'off';
  if (kind === 'float' || kind === 'percent') return Number(value).toFixed(4);
  if (kind !== 'list') return String(value);
  return (value as readonly TopicPriority[]).map(({ topic, priority }) => `${topic}=${priority}`).join(',');
}
