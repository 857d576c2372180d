/** Whether two lots of runs differ by more than runs of one and the same broker do. Pure. */
import { collate, type Figure, type Spread, spreadOf } from './collate.js';
import { digits, short } from './format.js';
import { isGap, type Line } from './record.js';

/** A difference that chance alone makes more often than this is none. */
const CHANCE_MAX = 0.05;
/** With fewer runs of each, chance makes any difference oftener. */
export const RUNS_MIN = 4;

/**
 * The exact two-sided probability of the rank sum test (Mann, Whitney): how often runs of one and the same broker would
 * come out at least as far apart, whatever the distribution of their figures.
 * @returns 0 to 1
 */
export function chanceOf(a: readonly number[], b: readonly number[]): number {
  let wins = 0;
  for (const x of a) for (const y of b) wins += x > y ? 1 : x === y ? 0.5 : 0;
  const most = a.length * b.length;
  const far = Math.max(wins, most - wins);
  const ways = waysByWins(a.length, b.length);
  const total = ways.reduce((sum, count) => sum + count, 0);
  const beyond = ways.reduce((sum, count, at) => (at >= far ? sum + count : sum), 0);
  return Math.min(1, (2 * beyond) / total);
}

/** @returns in how many orders of `m` and `n` runs the first win so many of the pairs, by the number of pairs */
function waysByWins(m: number, n: number): number[] {
  // Of i runs of the first and j of the second: the last in order is of the first, and wins j pairs, or of the second.
  const table: number[][][] = [];
  for (let i = 0; i <= m; i++) {
    table.push([]);
    for (let j = 0; j <= n; j++) {
      const ways = new Array<number>(i * j + 1).fill(i === 0 || j === 0 ? 1 : 0);
      if (i > 0 && j > 0) {
        for (const [wins, count] of table[i - 1]![j]!.entries()) ways[wins + j]! += count;
        for (const [wins, count] of table[i]![j - 1]!.entries()) ways[wins]! += count;
      }
      table[i]!.push(ways);
    }
  }
  return table[m]![n]!;
}

const FIGURES: readonly (readonly [string, Figure, (value: number) => string])[] = [
  ['a second', 'perSecond', short],
  ['CPU us', 'cpuUsPerOperation', digits],
  ['p99 ms', 'p99Ms', digits],
];

const WIDTHS = [12, 28, 28, 9] as const;

/** @returns a table: of every scenario the figures of `ours` and `theirs`, by labels, and what their difference says */
export function verdicts(lines: readonly Line[], ours: string, theirs: string): string {
  const { rows } = collate(lines);
  const text = rows.flatMap(({ scenario, title }) => {
    const runs = (label: string): Line[] =>
      lines.filter((line) => line.scenario === scenario && line.label === label);
    return [title, ...FIGURES.map((figure) => verdictRow(runs(ours), runs(theirs), figure))];
  });
  const head = padded(['', ours, theirs, 'change', '']);
  return `${[head, ...text].join('\n')}\n`;
}

function verdictRow(
  ours: readonly Line[],
  theirs: readonly Line[],
  [name, figure, show]: (typeof FIGURES)[number],
): string {
  const [a, b] = [ours, theirs].map((lines) =>
    lines.flatMap((line) => (isGap(line) ? [] : [line[figure] ?? 0])),
  );
  const [spreadA, spreadB] = [spreadOf(a!), spreadOf(b!)];
  if (spreadA === null || spreadB === null)
    return padded([`  ${name}`, inWords(spreadA, show), inWords(spreadB, show)]);
  const change = spreadB.median > 0 ? `${signed((spreadA.median / spreadB.median - 1) * 100)}%` : '';
  return padded([`  ${name}`, inWords(spreadA, show), inWords(spreadB, show), change, verdictOf(a!, b!)]);
}

/** @returns what the difference between two lots of runs says, in words */
export function verdictOf(a: readonly number[], b: readonly number[]): string {
  if (Math.min(a.length, b.length) < RUNS_MIN) return 'too few runs to say';
  const chance = chanceOf(a, b);
  const times = `chance ${(chance * 100).toFixed(chance < 0.01 ? 1 : 0)}%`;
  return chance <= CHANCE_MAX ? `beyond the spread (${times})` : `within the spread (${times})`;
}

function inWords(spread: Spread | null, show: (value: number) => string): string {
  if (spread === null) return '-';
  return `${show(spread.median)} (${show(spread.low)} to ${show(spread.high)})`;
}

function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(1)}`;
}

function padded(cells: readonly string[]): string {
  const text = cells.map((cell, i) => (i === 0 ? cell.padEnd(WIDTHS[0]) : cell.padStart(WIDTHS[i] ?? 0)));
  return text.join('  ').trimEnd();
}
