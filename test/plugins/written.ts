/** Plugins that a test writes itself: two modules in a folder of their own, where they may be changed. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDirectory } from '../helpers/with-broker.js';

export interface WrittenPlugin {
  readonly path: string;
  /** Replaces the fields of the plugin beside name, description and shard. */
  writeMain(fields: string): void;
  /** Replaces the body of the function that creates a shard part; it has `context`. */
  writeShard(body: string): void;
}

/** @param fields of the plugin `rogue`. @param body of its `CreateShardPart` */
export function writePlugin(fields: string, body = 'return {};'): WrittenPlugin {
  const directory = tempDirectory();
  const path = join(directory, 'plugin.mjs');
  const plugin: WrittenPlugin = {
    path,
    writeMain: (main) =>
      writeFileSync(
        path,
        `export default { name: 'rogue', description: 'Does wrong', shard: new URL('./shard.mjs', import.meta.url), ${main} };`,
      ),
    writeShard: (part) =>
      writeFileSync(join(directory, 'shard.mjs'), `export default async (context) => { ${part} };`),
  };
  plugin.writeMain(fields);
  plugin.writeShard(body);
  return plugin;
}
