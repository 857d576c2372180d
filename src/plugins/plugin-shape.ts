/** Whether something that a user's module exports is a plugin, said in a sentence. Main thread. */
import { INVALID } from '../config/value-types.js';
import type { Plugin, PluginOption } from './api.js';
import { readValue } from './options.js';

const NAME = /^[a-z][a-z0-9_]{0,63}$/;
/** A key of the table of options: its words may begin with `$`. */
const KEY = /^(?:\$?[\w@/:-]+)(?:\.\$?[\w@/:-]+)*$/;
const KINDS = ['string', 'integer', 'flag', 'duration', 'bytesize', 'enum'];

/** The type of each property, and whether there has to be one. */
const PROPERTIES: Readonly<Record<keyof Plugin, readonly [type: string, isNeeded: boolean]>> = {
  name: ['string', true],
  description: ['string', true],
  version: ['string', false],
  options: ['object', false],
  isGuard: ['boolean', false],
  shard: ['object', false],
  check: ['function', false],
  checkFiles: ['function', false],
  start: ['function', false],
};

/** @returns what is wrong with it, to follow its name; null: it is a `Plugin` */
export function wrongWithPlugin(value: unknown): string | null {
  if (typeof value !== 'object' || value === null)
    return 'its default export is not a plugin, an object with a name and a description';
  const plugin = value as Record<string, unknown>;
  // A misspelt `shard` or `isGuard` would leave a broker open that its owner thinks protected.
  const stranger = Object.keys(plugin).find((key) => !Object.hasOwn(PROPERTIES, key));
  if (stranger !== undefined) return `a plugin has no property ${stranger}`;
  if (plugin['shard'] !== undefined && !isFile(plugin['shard'])) {
    return "its shard is not the URL of a file: new URL('./shard.js', import.meta.url)";
  }
  for (const [key, [type, isNeeded]] of Object.entries(PROPERTIES)) {
    const given = plugin[key];
    if (given === undefined && !isNeeded) continue;
    if (typeof given !== type || given === null)
      return `its ${key} is not ${type === 'object' ? 'an' : 'a'} ${type}`;
  }
  const { name, shard, isGuard, options = {} } = value as Plugin;
  if (!NAME.test(name)) {
    return 'its name is not made of lower case letters, digits and _, beginning with a letter, 64 at most';
  }
  if (isGuard === true && shard === undefined) return 'it is a guard and has no shard, where it would guard';
  return wrongWithOptions(options);
}

function isFile(shard: unknown): boolean {
  return shard instanceof URL && shard.protocol === 'file:';
}

function wrongWithOptions(options: Readonly<Record<string, PluginOption>>): string | null {
  for (const [key, option] of Object.entries(options)) {
    if (!KEY.test(key)) return `its option ${key} has a name that is not a key`;
    if (typeof option !== 'object' || option === null || !KINDS.includes(option.type?.kind))
      return `its option ${key} has no type of a kind among ${KINDS.join(', ')}`;
    if (option.type.kind === 'enum' && !Array.isArray(option.type.words))
      return `its option ${key} has no list of words`;
    const { default: preset } = option;
    if (preset !== null && typeof preset !== 'string')
      return `its option ${key} has a default that is neither a string nor null`;
    if (preset !== null && (key.includes('$') || readValue(option, preset) === INVALID))
      return `its option ${key} has a default that is not one of its values`;
  }
  return null;
}
