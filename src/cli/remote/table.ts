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
  /** Of the columns that there is room for. */
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
      this.#widths = widthsFor(this.#columns, [titles, ...cells], width);
      lines.push(this.#line(titles));
    }
    for (const line of cells) lines.push(this.#line(line));
    return this.#out.lines(lines);
  }

  #line(cells: readonly string[]): string {
    const padded = this.#widths!.map((width, at) => {
      const isNumber = this.#columns[at]!.isNumber === true;
      return pad(isNumber ? cells[at]! : cut(cells[at]!, width), width, isNumber);
    });
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

function pad(text: string, width: number, isNumber: boolean): string {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(text)));
  return isNumber ? blanks + text : text + blanks;
}

/**
 * @returns widths for as many columns as there is room for, from the left: the widest texts give way until they are
 * narrow. Numbers are never cut: they would be others.
 */
function widthsFor(
  columns: readonly Column[],
  lines: readonly (readonly string[])[],
  terminal: number,
): number[] {
  const widths = columns.map((_, at) => lines.reduce((most, line) => Math.max(most, widthOf(line[at]!)), 0));
  const least = widths.map((width, at) =>
    columns[at]!.isNumber === true ? width : Math.min(width, CLI_COLUMN_WIDTH_MIN),
  );
  while (widths.length > 1 && total(least) > terminal) {
    widths.pop();
    least.pop();
  }
  for (let excess = total(widths) - terminal; excess > 0; excess--) {
    let widest = -1;
    for (const [at, width] of widths.entries()) {
      if (width > least[at]! && (widest < 0 || width > widths[widest]!)) widest = at;
    }
    if (widest < 0) break;
    widths[widest]!--;
  }
  return widths;
}

const total = (widths: readonly number[]): number =>
  widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1));
