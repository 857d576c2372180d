/**
 * The page that a command leaves behind: all its runs as charts and tables, in one file that needs nothing else. Made
 * of the lines of JSON only, so it can be made again. Pure.
 */
import {
  type Cell,
  type Collated,
  collate,
  type Figure,
  medianIn,
  type Row,
  spreadIn,
  summaries,
} from '../lib/collate.js';
import { count, digits, megabytes, percent, short } from '../lib/format.js';
import { isGap, type Line } from '../lib/record.js';
import { remarksOn } from '../lib/remarks.js';
import { ratioOf, roundsOf } from '../lib/table.js';
import { type Bar, bars } from './bars.js';
import { htmlOf } from './document.js';
import { escaped } from './markup.js';

const COLOURS = 8;

export function page(lines: readonly Line[]): string {
  const collated = collate(lines);
  const body = [
    head(lines, collated),
    overview(collated),
    ...collated.rows.map((row) => card(collated, row)),
  ];
  return htmlOf('what was measured', body.join('\n'));
}

function head(lines: readonly Line[], collated: Collated): string {
  const first = lines[0];
  if (first === undefined) return '<h1>Nothing was measured</h1>';
  const { machine, at } = first;
  const loads = lines.map(({ load }) => load);
  const rounds = roundsOf(collated);
  const facts = [
    `${at.slice(0, 16).replace('T', ' ')} UTC`,
    machine.revision === '' ? '' : `revision ${machine.revision}`,
    `Node.js ${machine.node.slice(1)}`,
    `${machine.cores} cores, ${machine.cpu}, ${machine.platform}`,
    `load average ${Math.min(...loads)} to ${Math.max(...loads)}`,
    rounds > 1
      ? `${rounds} runs of each, alternated: medians, and thin lines from lowest to highest`
      : 'one run each',
  ];
  const failed = lines.filter((line) => (isGap(line) ? line.isFailure : line.fault !== null)).length;
  const alarm = failed > 0 ? `<p class="bad">${failed} of ${lines.length} runs failed</p>` : '';
  const about = facts.filter((fact) => fact !== '').map(escaped);
  return `<h1>What was measured</h1><p class="faint">${about.join(' · ')}</p>${alarm}`;
}

function overview(collated: Collated): string {
  const numbers = summaries(collated).flatMap((summary, i) =>
    summary === null
      ? []
      : [
          `<div><b>${count(summary.perSecond)}/s</b><b>${summary.cpuUs.toFixed(2)} us</b>` +
            `<span class="faint">${escaped(collated.columns[i]!.label)}</span></div>`,
        ],
  );
  const [summary] = summaries(collated);
  if (!summary) return '';
  return (
    `<section><h2>Deliveries a second, and the broker’s CPU for each</h2>` +
    `<p class="faint">Geometric means of the ${summary.scenarios} scenarios of messages that all have done.</p>` +
    `<div class="numbers">${numbers.join('')}</div></section>`
  );
}

function card(collated: Collated, row: Row): string {
  const panels = [
    bars(`${operationsOf(row)} a second`, barsOf(collated, row, 'perSecond'), short),
    bars('broker CPU for each, us', barsOf(collated, row, 'cpuUsPerOperation'), digits),
    bars('99 of 100 within, ms', barsOf(collated, row, 'p99Ms'), digits),
  ];
  return (
    `<section id="${escaped(row.scenario)}"><h2>${escaped(row.title)}</h2>` +
    `<div class="panels">${panels.join('')}</div>${figures(collated, row)}</section>`
  );
}

function operationsOf(row: Row): string {
  const kind = row.cells.flatMap((cell) => cell?.runs ?? [])[0]?.kind;
  return kind === 'storm' || kind === 'idle' ? 'connects' : 'deliveries';
}

function barsOf({ columns }: Collated, row: Row, figure: Figure): Bar[] {
  return row.cells.flatMap((cell, i) => {
    if (cell === null) return [];
    const note = cell.gaps[0]?.why.split('\n')[0] ?? '';
    return [{ label: columns[i]!.label, colour: i % COLOURS, spread: spreadIn(cell, figure), note }];
  });
}

const COLUMNS: readonly (readonly [string, Figure, (value: number) => string])[] = [
  ['a second', 'perSecond', count],
  ['CPU us', 'cpuUsPerOperation', (value) => value.toFixed(2)],
  ['p50 ms', 'p50Ms', digits],
  ['p99 ms', 'p99Ms', digits],
  ['p99.9 ms', 'p999Ms', digits],
  ['RSS MB', 'rssBytes', megabytes],
  ['generator', 'generatorShare', percent],
];

function figures(collated: Collated, row: Row): string {
  const heads = ['', ...COLUMNS.map(([name]) => name), ...(collated.columns.length > 1 ? ['ratio'] : []), ''];
  const rows = row.cells.map((cell, at) => (cell === null ? '' : figureRow(collated, row, cell, at)));
  return (
    `<div class="scroll"><table><tr>${heads.map((name) => `<th>${name}</th>`).join('')}</tr>` +
    `${rows.join('')}</table></div>`
  );
}

function figureRow(collated: Collated, row: Row, cell: Cell, at: number): string {
  const numbers = COLUMNS.map(([, figure, show]) => {
    const median = medianIn(cell, figure);
    return median === null ? '' : show(median);
  });
  const ratio = collated.columns.length > 1 ? [ratioOf({ columns: collated.columns, row, at })] : [];
  const remarks = escaped(remarksOn(cell).join(', '));
  const cells = [
    escaped(collated.columns[at]!.label),
    ...numbers,
    ...ratio,
    cell.isFailed ? `<span class="bad">${remarks}</span>` : remarks,
  ];
  return `<tr>${cells.map((text) => `<td>${text}</td>`).join('')}</tr>`;
}
