/** Reads the text of an EMQ `emq.conf`: `key = value` lines. Main thread, at start only. */
import { type ConfigIssue, type Entry, type Source, sourceIssue } from './entry.js';

/** Words with dots between them; a dot inside a word is written `\.`. */
const KEY = /^(?:[\w$@/:-]|\\\.)+(?:\.(?:[\w$@/:-]|\\\.)+)*$/;

/** Later lines win over earlier ones with the same key. A `#` begins a comment only at the start of a line. */
export function readEmqConf(text: string, file: string): Source {
  const entries: Entry[] = [];
  const issues: ConfigIssue[] = [];
  for (const [index, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const where = `${file}:${index + 1}`;
    const split = line.indexOf('=');
    const key = split < 0 ? '' : line.slice(0, split).trimEnd();
    if (KEY.test(key)) entries.push({ key, value: line.slice(split + 1).trimStart(), where });
    else issues.push(sourceIssue(where, 'a line of the form key = value', line));
  }
  return { entries, issues };
}

/** @returns whether the first line that says something is `key = value`. */
export function looksLikeEmqConf(text: string): boolean {
  const first = /^(?!\s*(?:#|$)).*$/m.exec(text);
  return first !== null && /^\s*[\w$@/:.\\-]+\s*=/.test(first[0]);
}
