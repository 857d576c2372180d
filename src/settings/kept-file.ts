/** What was set while the broker ran, for its later starts: a file in the data directory. Main thread. */
import { join, resolve as resolvePath } from 'node:path';
import { readWholeFile, writeWholeFile } from '../base/whole-file.js';
import { type Entry, type Source, sourceIssue } from '../config/entry.js';
import { KEPT_SETTINGS_BYTES_MAX } from '../limits.js';

const FORMAT_VERSION = 1;

/** @returns the path of the file. */
export const keptFileIn = (dataDir: string): string => join(resolvePath(dataDir), 'settings.json');

/** Never throws: what cannot be read is an issue, for nobody knows then how the broker was meant to run. */
export function readKept(dataDir: string): Source {
  const path = keptFileIn(dataDir);
  let text: string | null;
  try {
    text = readWholeFile(path, KEPT_SETTINGS_BYTES_MAX);
  } catch (error) {
    return { entries: [], issues: [sourceIssue(path, `cannot be read: ${(error as Error).message}`)] };
  }
  if (text === null) return { entries: [], issues: [] };
  const values = valuesOf(text);
  if (values === null) {
    const what = 'damaged: it is not a file of kept settings; restore it, or delete it to start without them';
    return { entries: [], issues: [sourceIssue(path, what)] };
  }
  return { entries: values.map(([key, value]) => ({ key, value, where: path })), issues: [] };
}

/** @returns what people should know about it, who look at a configuration file only */
export function keptLines(kept: readonly Entry[]): string[] {
  return kept.map(
    ({ key, value, where }) => `${where}: ${key} = ${value}: set while the broker ran, and wins`,
  );
}

/** @throws Error when it cannot be written */
export function writeKept(path: string, values: ReadonlyMap<string, string>): void {
  const kept = { formatVersion: FORMAT_VERSION, values: Object.fromEntries(values) };
  const text = `${JSON.stringify(kept, null, 2)}\n`;
  if (Buffer.byteLength(text) > KEPT_SETTINGS_BYTES_MAX)
    throw new Error(`${path} would be longer than ${KEPT_SETTINGS_BYTES_MAX} bytes`);
  writeWholeFile(path, text);
}

function valuesOf(text: string): [string, string][] | null {
  try {
    const { formatVersion, values } = JSON.parse(text) as { formatVersion?: unknown; values?: unknown };
    if (formatVersion !== FORMAT_VERSION || typeof values !== 'object' || values === null) return null;
    const pairs = Object.entries(values as Record<string, unknown>);
    return pairs.every(([, value]) => typeof value === 'string') ? (pairs as [string, string][]) : null;
  } catch {
    return null;
  }
}
