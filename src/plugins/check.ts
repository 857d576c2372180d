/** What a start would find wrong with the plugins that it starts, without starting any. Main thread. */
import { join, resolve as resolvePath } from 'node:path';
import { inTime } from '../base/deadline.js';
import type { Documents } from '../base/document.js';
import { BrokerError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { PLUGIN_START_TIMEOUT_MS } from '../limits.js';
import type { Catalogue, KnownPlugin } from './catalogue.js';
import { pluginConfiguration } from './configuration.js';
import { documentOf } from './documents.js';
import { type LoadedFile, loadedFileOf } from './loaded-file.js';
import type { PluginSurroundings } from './plugin-run.js';
import type { Prepared } from './prepare.js';

/** @throws BrokerError with a line for each mistake, or because it cannot be read which plugins start */
export async function checkPlugins(
  { config, catalogue, pluginEntries }: Extract<Prepared, { ok: true }>,
  store: Documents,
  logger: Logger,
): Promise<void> {
  const directory = join(resolvePath(config['node.data_dir']), 'plugins');
  const configuration = pluginConfiguration(config, pluginEntries, store, logger);
  const file = loadedFileOf(config);
  const names = catalogue.toStart(file.read());
  const mistakes: string[] = [];
  for (const name of names) {
    const known = catalogue.get(name);
    if (known === undefined) {
      mistakes.push(file.unknown(name));
      continue;
    }
    try {
      configuration.values(known.plugin);
    } catch (error) {
      mistakes.push(...linesOf(name, error));
    }
    mistakes.push(
      ...(await wrongWithFiles(known, join(directory, name), (each, own) => documentOf(store, each, own))),
    );
  }
  configuration.warnOfIdle(catalogue, (name) => names.includes(name), logger);
  if (mistakes.length === 0) return;
  throw new BrokerError('CONFIG_INVALID', `${mistakes.length} mistakes in what plugins start with`, mistakes);
}

/**
 * Who may connect is written in the files of guards: with a mistake in them the broker is not to run at all. Nor is it
 * to be open for whoever wanted a guard of EMQ's that is not there, or misspelt one.
 * @throws BrokerError CONFIG_INVALID with a line for each mistake
 */
export async function checkGuards(
  names: readonly string[],
  { catalogue, loadedFile }: { readonly catalogue: Catalogue; readonly loadedFile: LoadedFile },
  { dataDirOf, documentOf }: Pick<PluginSurroundings, 'dataDirOf' | 'documentOf'>,
): Promise<void> {
  const mistakes: string[] = [];
  for (const name of names) {
    const known = catalogue.get(name);
    if (known === undefined && name.startsWith('emq_auth_')) mistakes.push(loadedFile.unknown(name));
    if (known?.plugin.isGuard === true)
      mistakes.push(...(await wrongWithFiles(known, dataDirOf(name), documentOf)));
  }
  if (mistakes.length > 0) throw new BrokerError('CONFIG_INVALID', mistakes.join('\n'), mistakes);
}

/** @returns a line for each mistake in what a plugin keeps */
async function wrongWithFiles(
  { plugin }: KnownPlugin,
  dataDir: string,
  documentOf: PluginSurroundings['documentOf'],
): Promise<string[]> {
  try {
    // A user's plugin may take for ever.
    const checking = (async () => plugin.checkFiles?.(dataDir, (name) => documentOf(plugin.name, name)))();
    await inTime(checking, PLUGIN_START_TIMEOUT_MS, 'its files are not checked in time');
    return [];
  } catch (error) {
    return linesOf(plugin.name, error);
  }
}

function linesOf(name: string, error: unknown): string[] {
  const text = messageOf(error);
  return text.split('\n').map((line) => `${name}: ${line}`);
}
