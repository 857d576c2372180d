/**
 * Rows as a table. On a terminal its columns fit, and keep the widths that the first rows have given them, so that any
 * number of rows can follow; in a pipe there is a line per row with a tab between values, nothing cut and no heading.
 * Main thread.
 */
import { CLI_COLUMN_WIDTH_MIN } from '../../limits.js';
import { cut, displayText, widthOf } from './display-text.js';
import type { Output } from './output.js';

/** A row as the API has it. */
export type Row = Readonly<Record<string, unknown>>;

export interface Column {
  /** Of the row. */
  readonly key: string;
  readonly title: string;
  readonly isNumber?: boolean;
}

const GAP = '  ';

export class Table {
  readonly #columns: readonly Column[];
  readonly #out: Output;
  #widths: readonly number[] | null = null;

  constructor(columns: readonly Column[], out: Output) {
    this.#columns = columns;
    this.#out = out;
  }

  async write(rows: readonly Row[]): Promise<void> {
    if (this.#out.isJson) return this.#out.json(rows);
    const cells = rows.map((row) => this.#columns.map(({ key }) => displayText(row[key] ?? '')));
    const { width } = this.#out;
    if (width === null) return this.#out.lines(cells.map((line) => line.join('\t')));
    if (cells.length === 0) return;
    const lines: string[] = [];
    if (this.#widths === null) {
      const titles = this.#columns.map(({ title }) => title);
      this.#widths = widthsFor([titles, ...cells], width);
      lines.push(this.#line(titles));
    }
    for (const line of cells) lines.push(this.#line(line));
    return this.#out.lines(lines);
  }

  #line(cells: readonly string[]): string {
    const padded = cells.map((cell, at) =>
      pad(cell, this.#widths![at]!, this.#columns[at]!.isNumber === true),
    );
    return padded.join(GAP).trimEnd();
  }
}

/** Names and values, one per line; as JSON one object. */
export async function writeFacts(facts: Row, out: Output): Promise<void> {
  if (out.isJson) return out.json([facts]);
  const lines = Object.entries(facts).map(
    ([name, value]) => [displayText(name), displayText(value)] as const,
  );
  const { width } = out;
  if (width === null) return out.lines(lines.map((line) => line.join('\t')));
  const names = Math.max(0, ...lines.map(([name]) => widthOf(name)));
  return out.lines(lines.map(([name, value]) => `${pad(name, names, false)}${GAP}${value}`.trimEnd()));
}

function pad(cell: string, width: number, isNumber: boolean): string {
  const text = cut(cell, width);
  const blanks = ' '.repeat(Math.max(0, width - widthOf(text)));
  return isNumber ? blanks + text : text + blanks;
}

/** @returns widths for the columns; the widest give way until all have room, or all are narrow */
function widthsFor(lines: readonly (readonly string[])[], terminal: number): number[] {
  const widths = lines[0]!.map((_, at) =>
    lines.reduce((most, line) => Math.max(most, widthOf(line[at]!)), 0),
  );
  let excess = widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1)) - terminal;
  while (excess > 0) {
    const most = Math.max(...widths);
    if (most <= CLI_COLUMN_WIDTH_MIN) break;
    const next = Math.max(CLI_COLUMN_WIDTH_MIN, ...widths.filter((width) => width < most));
    const isAlone = widths.indexOf(most) === widths.lastIndexOf(most);
    const step = isAlone ? Math.min(excess, most - next) : 1;
    widths[widths.indexOf(most)] = most - step;
    excess -= step;
  }
  return widths;
}
