/**
 * Lays the statements beside the tests that show them: what docs/conformance.md says, and what is missing. `npm run
 * docs` writes the page; a test keeps it in step.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { STATEMENTS, type Statement } from './statements.js';
import { parseTitle } from './title.js';

const ROOT = new URL('../../../', import.meta.url);
const SOURCES = new URL('test/conformance/', ROOT);
export const PAGE: URL = new URL('docs/conformance.md', ROOT);

export interface Shown {
  readonly file: string;
  readonly title: string;
}

/** Titles of every conformance test, read from the sources: the argument of `rule` is always a plain string. */
export function readTitles(): Shown[] {
  const files = readdirSync(SOURCES).filter((name) => name.endsWith('.test.ts'));
  return files.sort().flatMap((file) => {
    const source = readFileSync(new URL(file, SOURCES), 'utf8');
    const titles = [...source.matchAll(/^rule(?:\.serial)?\(\s*(?:'((?:[^'\\]|\\.)*)'|"([^"]*)")/gm)];
    return titles.map((match) => ({ file, title: match[1] ?? match[2] ?? '' }));
  });
}

const keyOf = (version: 3 | 5, id: string): string => `v${version} ${id}`;

/** The rule texts by statement, `v3 MQTT-3.1.0-1`. */
export function testsByStatement(titles: readonly Shown[]): Map<string, Shown[]> {
  const found = new Map<string, Shown[]>();
  for (const { file, title } of titles) {
    const { versions, rule } = parseTitle(title);
    for (const { version, ids } of versions) {
      for (const id of ids) {
        const key = keyOf(version, id);
        found.set(key, [...(found.get(key) ?? []), { file, title: rule }]);
      }
    }
  }
  return found;
}

export interface Gaps {
  /** In a title, but not in the list. */
  readonly unknown: string[];
  /** Neither tested nor put off with a reason. */
  readonly uncovered: string[];
  /** Put off although there is a test. */
  readonly stale: string[];
}

/** What list and titles do not have in common. */
export function findGaps(found: ReadonlyMap<string, Shown[]>): Gaps {
  const keys = new Set(STATEMENTS.map((one) => keyOf(one.version, one.id)));
  const isTested = (one: Statement): boolean => found.has(keyOf(one.version, one.id));
  const name = (one: Statement): string => keyOf(one.version, one.id);
  return {
    unknown: [...found.keys()].filter((key) => !keys.has(key)),
    uncovered: STATEMENTS.filter((one) => !isTested(one) && one.later === undefined).map(name),
    stale: STATEMENTS.filter((one) => isTested(one) && one.later !== undefined).map(name),
  };
}

/** The text of docs/conformance.md. */
export function conformancePage(found: ReadonlyMap<string, Shown[]>): string {
  const later = STATEMENTS.filter((one) => one.later !== undefined);
  return `${[
    '# Conformance',
    '',
    'Every numbered statement of MQTT 3.1.1 and 5.0 that binds a server, what shardmq decided where the specification',
    'leaves a choice, and the tests in `test/conformance` that show it on the wire. Generated from the list of',
    'statements and the titles of the tests by `npm run docs`; do not edit.',
    '',
    `${STATEMENTS.length - later.length} of ${STATEMENTS.length} statements are tested. The rest wait for what they speak of:`,
    '',
    ...later.map((one) => `- v${one.version} ${one.id}: ${one.rule} (${one.later})`),
    '',
    'S binds the server, SC both ends: the broker obeys the rule as a sender or notices a client that breaks it.',
    ...section('MQTT 3.1.1', 3, found),
    ...section('MQTT 5.0', 5, found),
  ].join('\n')}\n`;
}

function section(heading: string, version: 3 | 5, found: ReadonlyMap<string, Shown[]>): string[] {
  const rows = STATEMENTS.filter((one) => one.version === version).map((one) => {
    const tests = found.get(keyOf(version, one.id)) ?? [];
    const shown = tests.map(({ file, title }) => `${title} (${file.replace('.test.ts', '')})`);
    const rule = one.note === undefined ? one.rule : `${one.rule}. *Here: ${one.note}.*`;
    return `| ${one.id} | ${one.binds} | ${cell(rule)} | ${shown.map(cell).join('<br>') || `later: ${one.later}`} |`;
  });
  return ['', `## ${heading}`, '', '| statement | binds | rule | shown by |', '|---|---|---|---|', ...rows];
}

const cell = (text: string): string =>
  text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll("\\'", "'");
