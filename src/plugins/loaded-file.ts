/**
 * `loaded_plugins`: which plugins start together with the broker, in their order, one `name.` per line as in EMQ. Main
 * thread.
 */
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve as resolvePath } from 'node:path';
import { BrokerError } from '../base/errors.js';
import { readWholeFile, writeWholeFile } from '../base/whole-file.js';
import type { Config } from '../config/schema.js';
import { LOADED_FILE_BYTES_MAX } from '../limits.js';

/** @returns the file of this configuration */
export function loadedFileOf(config: Config): LoadedFile {
  const path = config['mqtt.plugins.loaded_file'] || join(config['node.data_dir'], 'loaded_plugins');
  return new LoadedFile(resolvePath(path));
}

export class LoadedFile {
  constructor(readonly path: string) {}

  /**
   * @returns null when there is none
   * @throws BrokerError DATA_DIR_FAILED: whoever cannot know which plugins guard the broker must not start it
   */
  read(): readonly string[] | null {
    let text: string | null;
    try {
      text = readWholeFile(this.path, LOADED_FILE_BYTES_MAX);
    } catch (error) {
      throw this.#failed(`cannot be read: ${(error as Error).message}`);
    }
    if (text === null) return null;
    const names = new Set<string>();
    for (const [index, raw] of text.split(/\r\n|\n|\r/).entries()) {
      const line = raw.replace(/%.*/, '').trim();
      if (line === '') continue;
      const name = /^'?(\w+)'?\s*\.$/.exec(line)?.[1];
      if (name === undefined) throw this.#failed(`line ${index + 1}: expected a name and a full stop`);
      names.add(name);
    }
    return [...names];
  }

  /** @throws BrokerError DATA_DIR_FAILED */
  write(names: readonly string[]): void {
    try {
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
      writeWholeFile(this.path, names.map((name) => `${name}.\n`).join(''));
    } catch (error) {
      throw this.#failed(`cannot be written: ${(error as Error).message}`);
    }
  }

  /** Puts a name at the end, where it is not there yet, or takes it out. @throws BrokerError as `read` and `write` */
  change(name: string, shallStart: boolean): void {
    const names = this.read() ?? [];
    if (shallStart && !names.includes(name)) this.write([...names, name]);
    if (!shallStart && names.includes(name)) this.write(names.filter((each) => each !== name));
  }

  /** @returns what to say of a name in it that no plugin has */
  unknown(name: string): string {
    return `${this.path}: there is no plugin ${name}; shardmq plugins unload ${name} takes it out`;
  }

  #failed(what: string): BrokerError {
    return new BrokerError('DATA_DIR_FAILED', `${this.path}: ${what}`);
  }
}
