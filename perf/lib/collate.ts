/** Runs put together: a row for each scenario, a cell for each entrant, with medians and spreads. Pure. */
import { type Gap, isFailed, isGap, type Line, type RunRecord } from './record.js';

export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** All runs of one scenario by one entrant; of every figure the median is shown. */
export interface Cell {
  readonly runs: readonly RunRecord[];
  readonly gaps: readonly Gap[];
  readonly isFailed: boolean;
}

export interface Row {
  readonly scenario: string;
  readonly title: string;
  /** In the order of the columns; null: not run. */
  readonly cells: readonly (Cell | null)[];
}

export interface Column {
  readonly label: string;
  readonly broker: string;
  readonly shards: number;
}

export interface Collated {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

/** Figures of a run that are numbers. */
export type Figure = {
  [K in keyof RunRecord]: RunRecord[K] extends number | null ? K : never;
}[keyof RunRecord];

export function collate(lines: readonly Line[]): Collated {
  const columns = distinct(lines, ({ label }) => label).map(({ label, broker, shards }) => ({
    ...{ label, broker, shards },
  }));
  const rows = distinct(lines, ({ scenario }) => scenario).map(({ scenario, title }): Row => {
    const ofScenario = lines.filter((line) => line.scenario === scenario);
    const cells = columns.map(({ label }) => cellOf(ofScenario.filter((line) => line.label === label)));
    return { scenario, title, cells };
  });
  return { columns, rows };
}

function cellOf(lines: readonly Line[]): Cell | null {
  if (lines.length === 0) return null;
  return {
    runs: lines.filter((line): line is RunRecord => !isGap(line)),
    gaps: lines.filter(isGap),
    isFailed: lines.some(isFailed),
  };
}

function distinct(lines: readonly Line[], key: (line: Line) => string): Line[] {
  return [...new Map([...lines].reverse().map((line) => [key(line), line])).values()].reverse();
}

/** @returns null where there is nothing */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
  return { median, low: sorted[0]!, high: sorted.at(-1)! };
}

export function spreadIn(cell: Cell | null, figure: Figure): Spread | null {
  const values = (cell?.runs ?? []).map((run) => run[figure]);
  return spreadOf(values.filter((value) => value !== null));
}

export function medianIn(cell: Cell | null, figure: Figure): number | null {
  return spreadIn(cell, figure)?.median ?? null;
}

/**
 * What a column is set against: shards against one shard, and a peer against the best of ours.
 * @returns its place, or -1 where there is nothing to compare with
 */
export function baseOf(columns: readonly Column[], row: Row, at: number): number {
  const first = columns[0]!;
  const own = columns[at]!;
  if (at === 0) return -1;
  if (own.broker === first.broker) return 0;
  let best = -1;
  for (let i = 0; i < columns.length; i++) {
    if (columns[i]!.broker !== first.broker || medianIn(row.cells[i]!, 'perSecond') === null) continue;
    const isBetter =
      best < 0 || medianIn(row.cells[i]!, 'perSecond')! > medianIn(row.cells[best]!, 'perSecond')!;
    if (isBetter) best = i;
  }
  return best;
}

/** The two figures of a column: geometric means over the scenarios of messages that every column has done. */
export interface Summary {
  readonly scenarios: number;
  readonly perSecond: number;
  readonly cpuUs: number;
}

export function summaries({ columns, rows }: Collated): (Summary | null)[] {
  const flows = rows.filter(({ cells }) =>
    cells.every((cell) => cell !== null && !cell.isFailed && cell.runs[0]?.kind === 'flow'),
  );
  return columns.map((_, at) => {
    if (flows.length === 0) return null;
    const means = (figure: Figure): number =>
      geometricMean(flows.map(({ cells }) => medianIn(cells[at]!, figure)!));
    return { scenarios: flows.length, perSecond: means('perSecond'), cpuUs: means('cpuUsPerOperation') };
  });
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(Math.max(value, 1e-9)), 0) / values.length);
}
