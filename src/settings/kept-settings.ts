/** What was set while the broker ran, for its later starts: one document. Main thread. */

import type { Documents, MainDocument } from '../base/document.js';
import { messageOf } from '../base/errors.js';
import { type Entry, type Source, sourceIssue } from '../config/entry.js';
import { KEPT_SETTINGS_BYTES_MAX } from '../limits.js';

const FORMAT_VERSION = 1;

/** What keeps the settings. */
export function settingsIn(store: Documents): MainDocument {
  return store.document('settings', 'settings.json');
}

/** Never throws: what cannot be read is an issue, for nobody knows then how the broker was meant to run. */
export function readKept(document: MainDocument): Source {
  const { where, remedy } = document;
  let bytes: Buffer | null;
  try {
    bytes = document.read(KEPT_SETTINGS_BYTES_MAX);
  } catch (error) {
    return { entries: [], issues: [sourceIssue(where, `cannot be read: ${messageOf(error)}; ${remedy}`)] };
  }
  if (bytes === null) return { entries: [], issues: [] };
  const values = valuesOf(bytes.toString());
  if (values === null) {
    const what = `damaged: these are no kept settings; ${remedy}`;
    return { entries: [], issues: [sourceIssue(where, what)] };
  }
  return { entries: values.map(([key, value]) => ({ key, value, where })), issues: [] };
}

/** @returns what people should know about it, who look at a configuration file only */
export function keptLines(kept: readonly Entry[]): string[] {
  return kept.map(
    ({ key, value, where }) => `${where}: ${key} = ${value}: set while the broker ran, and wins`,
  );
}

/** Rejects with an Error when it cannot be written. */
export async function writeKept(document: MainDocument, values: ReadonlyMap<string, string>): Promise<void> {
  const kept = { formatVersion: FORMAT_VERSION, values: Object.fromEntries(values) };
  const text = `${JSON.stringify(kept, null, 2)}\n`;
  if (Buffer.byteLength(text) > KEPT_SETTINGS_BYTES_MAX)
    throw new Error(`${document.where} would be longer than ${KEPT_SETTINGS_BYTES_MAX} bytes`);
  await document.write(text);
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
