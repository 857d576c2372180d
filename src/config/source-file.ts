/** Reads a configuration file, in whichever form it is written. Main thread. */
import { readFileSync, statSync } from 'node:fs';
import { CONFIG_FILE_BYTES_MAX } from '../limits.js';
import { type Source, sourceIssue } from './entry.js';
import { looksLikeEmqConf, readEmqConf } from './source-emq.js';
import { readYaml } from './source-yaml.js';

/** Never throws: what cannot be read is an issue. */
export function readConfigFile(file: string): Source {
  let text: string;
  try {
    if (statSync(file).size > CONFIG_FILE_BYTES_MAX) {
      return { entries: [], issues: [sourceIssue(file, `longer than ${CONFIG_FILE_BYTES_MAX} bytes`)] };
    }
    text = readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    return { entries: [], issues: [sourceIssue(file, `cannot be read: ${(error as Error).message}`)] };
  }
  const isYaml = /\.(?:ya?ml|json)$/i.test(file) || !looksLikeEmqConf(text);
  return isYaml ? readYaml(text, file) : readEmqConf(text, file);
}
