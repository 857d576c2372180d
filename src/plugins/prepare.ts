/** Configuration and plugins, which need each other: plugins say what their keys are. Main thread, at start only. */
import type { Entry } from '../config/entry.js';
import { issueOf, type Source } from '../config/entry.js';
import { type ConfigResult, type ConfigSources, judgeUnknown, loadConfig, withKept } from '../config/load.js';
import { BUILTIN } from './builtin.js';
import { Catalogue, type PluginReference } from './catalogue.js';

const NOTHING: Source = { entries: [], issues: [] };

type Loaded = Extract<ConfigResult, { ok: true }>;

/** As `loadConfig` has it, with all settings of plugins judged. */
export type Prepared =
  | (Omit<Loaded, 'unknownEntries'> & { readonly catalogue: Catalogue })
  | Extract<ConfigResult, { ok: false }>;

/**
 * Loads the configuration, then users' plugins: those that it names, and `references`.
 * @param settings what was changed while the broker ran, as it lies in a data directory; rejections are passed on
 */
export async function prepare(
  sources: Omit<ConfigSources, 'plugins' | 'hasMorePlugins'>,
  references: readonly PluginReference[] = [],
  settings: (dataDir: string) => Promise<Source> = async () => NOTHING,
): Promise<Prepared> {
  const catalogue = new Catalogue(BUILTIN);
  const all = { ...sources, plugins: catalogue, hasMorePlugins: references.length > 0 };
  const first = loadConfig(all);
  const result = first.ok ? withKept(first, all, await settings(first.config['node.data_dir'])) : first;
  if (!result.ok) return result;
  const { config, base, kept, unknownEntries } = result;
  const issues = await catalogue.addUsers([...config.plugins, ...references]);
  const pluginEntries = [...result.pluginEntries];
  const strange: Entry[] = [];
  for (const entry of unknownEntries) {
    const found = catalogue.check(entry.key, entry.value);
    if (found === undefined) strange.push(entry);
    else if (found.expected === null) pluginEntries.push(entry);
    else issues.push(issueOf(entry, found.expected, found.isSecret));
  }
  const judged = judgeUnknown(strange, catalogue);
  const warnings = [...result.warnings, ...judged.warnings];
  // Keys of a plugin that could not be loaded are not the mistake.
  if (issues.length === 0) issues.push(...judged.issues);
  if (issues.length > 0) return { ok: false, issues, warnings };
  return { ok: true, config, base, kept, catalogue, pluginEntries, warnings };
}
