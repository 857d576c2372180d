/** The tables that a command prints at its end. Pure. */
import {
  baseOf,
  type Cell,
  type Collated,
  medianIn,
  type Row,
  type Summary,
  spreadIn,
  summaries,
} from './collate.js';
import { count, digits, megabytes, percent, short } from './format.js';
import { remarksOn } from './remarks.js';

const TITLE_WIDTH = 40;
const NUMBER_WIDTHS = [11, 8, 8, 8, 7, 5] as const;
const SIDE_WIDTHS = [9, 7, 8, 7] as const;
const SIDE_WIDTH = SIDE_WIDTHS.reduce((sum, width) => sum + width + 1, 0);

/** @returns one entrant's figures in a row each, or several side by side */
export function table(collated: Collated): string {
  const { columns } = collated;
  if (columns.length === 0) return '';
  const lines = columns.length === 1 ? single(collated) : sideBySide(collated);
  const how = roundsOf(collated) > 1 ? [`Medians of ${roundsOf(collated)} runs each, alternated.`] : [];
  return `${[...lines, '', ...how, ...summaryLines(collated)].join('\n')}\n`;
}

function single({ columns, rows }: Collated): string[] {
  const names = ['/s', 'CPU us', 'p50 ms', 'p99 ms', 'RSS MB', 'gen'];
  const head = `${columns[0]!.label.padEnd(TITLE_WIDTH)}${right(names, NUMBER_WIDTHS)}`;
  return [head, ...rows.map((row) => singleRow(row, row.cells[0]!))];
}

function singleRow({ title }: Row, cell: Cell): string {
  const figure = (name: Parameters<typeof medianIn>[1], show: (value: number) => string): string => {
    const median = medianIn(cell, name);
    return median === null ? '-' : show(median);
  };
  const numbers = [
    figure('perSecond', count),
    figure('cpuUsPerOperation', (value) => value.toFixed(2)),
    figure('p50Ms', (value) => value.toFixed(2)),
    figure('p99Ms', (value) => value.toFixed(2)),
    figure('rssBytes', megabytes),
    figure('generatorShare', percent),
  ];
  const remarks = remarksOn(cell).join(', ');
  return `${title.padEnd(TITLE_WIDTH)}${right(numbers, NUMBER_WIDTHS)}  ${remarks}`.trimEnd();
}

function sideBySide(collated: Collated): string[] {
  const { columns, rows } = collated;
  const heads = columns.map(({ label }) => `  ${label}`.slice(0, SIDE_WIDTH).padEnd(SIDE_WIDTH));
  const names = columns.map(({ broker }, at) => {
    const times = at === 0 ? '' : broker === columns[0]!.broker ? 'times' : 'ours';
    return right(['/s', 'CPU us', 'p99 ms', times], SIDE_WIDTHS);
  });
  const notes: string[] = [];
  const lines = rows.map((row) => {
    const cells = row.cells.map((cell, at) => sideCell(collated, row, cell, at, notes));
    return `${row.title.padEnd(TITLE_WIDTH)}${cells.join('')}`.trimEnd();
  });
  const about = [
    'times: deliveries a second by those of the first column; ours: the best of ours by those of this column.',
  ];
  return [
    `${''.padEnd(TITLE_WIDTH)}${heads.join('')}`.trimEnd(),
    `${'scenario'.padEnd(TITLE_WIDTH)}${names.join('')}`.trimEnd(),
    ...lines,
    '',
    ...about,
    ...(notes.length > 0 ? ['', ...notes] : []),
  ];
}

function sideCell({ columns }: Collated, row: Row, cell: Cell | null, at: number, notes: string[]): string {
  if (cell === null) return right(['', '', '', ''], SIDE_WIDTHS);
  for (const remark of remarksOn(cell)) notes.push(`${row.title}, ${columns[at]!.label}: ${remark}`);
  const perSecond = medianIn(cell, 'perSecond');
  if (perSecond === null) return right(['-', '', '', ''], SIDE_WIDTHS);
  return right(
    [
      short(perSecond),
      medianIn(cell, 'cpuUsPerOperation')!.toFixed(2),
      digits(medianIn(cell, 'p99Ms')!),
      ratioOf({ columns, row, at }),
    ],
    SIDE_WIDTHS,
  );
}

/** @returns `2.34x`, or nothing */
export function ratioOf({ columns, row, at }: { row: Row; at: number } & Pick<Collated, 'columns'>): string {
  const base = baseOf(columns, row, at);
  const own = medianIn(row.cells[at]!, 'perSecond');
  const other = base < 0 ? null : medianIn(row.cells[base]!, 'perSecond');
  if (own === null || other === null) return '';
  const isOurs = columns[at]!.broker === columns[0]!.broker;
  return `${(isOurs ? own / Math.max(other, 1e-9) : other / Math.max(own, 1e-9)).toFixed(2)}x`;
}

/** @returns the two numbers, for every column */
export function summaryLines(collated: Collated): string[] {
  const { columns } = collated;
  return summaries(collated).flatMap((summary, at) => {
    if (summary === null) return [];
    const who = columns.length > 1 ? `${columns[at]!.label}: ` : '';
    return [`${who}${summaryText(summary)}`];
  });
}

function summaryText({ scenarios, perSecond, cpuUs }: Summary): string {
  return (
    `${count(perSecond)} deliveries/s, ${cpuUs.toFixed(2)} us of broker CPU per delivery ` +
    `(geometric means of ${scenarios} scenarios)`
  );
}

export function roundsOf({ rows }: Collated): number {
  return Math.max(0, ...rows.flatMap(({ cells }) => cells.map((cell) => cell?.runs.length ?? 0)));
}

/** @returns a line for a run that is over */
export function runLine(cell: Cell): string {
  const perSecond = spreadIn(cell, 'perSecond');
  const remarks = remarksOn(cell);
  if (perSecond === null) return remarks.join(', ');
  const cpuUs = medianIn(cell, 'cpuUsPerOperation')!.toFixed(2);
  const p99Ms = digits(medianIn(cell, 'p99Ms')!);
  return [`${count(perSecond.median)}/s, CPU ${cpuUs} us, p99 ${p99Ms} ms`, ...remarks].join(', ');
}

function right(texts: readonly string[], widths: readonly number[]): string {
  return texts.map((text, i) => ` ${text.padStart(widths[i]!)}`).join('');
}
