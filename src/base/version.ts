/** The version of this package. Any thread. */
import { readFileSync } from 'node:fs';

function readVersion(): string {
  // From dist/src/base to the package's root.
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** As in package.json, e.g. `0.1.0`. */
export const VERSION = readVersion();
