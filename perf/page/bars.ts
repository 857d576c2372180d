/** A bar for each entrant, as SVG: its length is the median, a thin line from the lowest to the highest run. Pure. */
import type { Spread } from '../lib/collate.js';
import { at, escaped } from './markup.js';

export interface Bar {
  readonly label: string;
  /** Its colour, from 0. */
  readonly colour: number;
  /** Null: `note` stands in its place. */
  readonly spread: Spread | null;
  readonly note: string;
}

const WIDTH = 400;
const LABEL_WIDTH = 138;
const VALUE_WIDTH = 62;
const BAR_WIDTH = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
const ROW_HEIGHT = 26;
const BAR_HEIGHT = 14;
const LABEL_LENGTH = 22;
const NOTE_LENGTH = 36;

/** @param show a value in words */
export function bars(title: string, all: readonly Bar[], show: (value: number) => string): string {
  const highest = Math.max(1e-9, ...all.map(({ spread }) => spread?.high ?? 0));
  const scale = BAR_WIDTH / highest;
  const height = all.length * ROW_HEIGHT;
  const rows = all.map((bar, i) => row(bar, i * ROW_HEIGHT, scale, show));
  return (
    `<figure><figcaption>${escaped(title)}</figcaption>` +
    `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(`${title}: ${inWords(all, show)}`)}">` +
    `<line class="axis" x1="${LABEL_WIDTH}" y1="0" x2="${LABEL_WIDTH}" y2="${height}"/>${rows.join('')}</svg></figure>`
  );
}

function row(bar: Bar, top: number, scale: number, show: (value: number) => string): string {
  const middle = top + ROW_HEIGHT / 2;
  const label = text(LABEL_WIDTH - 8, middle, 'label', cut(bar.label, LABEL_LENGTH));
  const { spread } = bar;
  if (spread === null) return label + text(LABEL_WIDTH + 8, middle, 'note', cut(bar.note, NOTE_LENGTH));
  const [low, median, high] = [spread.low, spread.median, spread.high].map((value) => value * scale);
  const whisker =
    spread.low === spread.high
      ? ''
      : `<line class="whisker" x1="${at(LABEL_WIDTH + low!)}" y1="${at(middle)}" ` +
        `x2="${at(LABEL_WIDTH + high!)}" y2="${at(middle)}"/>`;
  const tip = `${bar.label}: ${show(spread.median)} (${show(spread.low)} to ${show(spread.high)})`;
  return (
    `<g><title>${escaped(tip)}</title>${label}` +
    `<rect class="c${bar.colour}" x="${LABEL_WIDTH}" y="${at(middle - BAR_HEIGHT / 2)}" ` +
    `width="${at(Math.max(1, median!))}" height="${BAR_HEIGHT}" rx="2"/>${whisker}` +
    `${text(LABEL_WIDTH + Math.max(median!, high!) + 6, middle, 'value', show(spread.median))}</g>`
  );
}

function text(x: number, y: number, kind: string, content: string): string {
  return `<text class="${kind}" x="${at(x)}" y="${at(y)}" dy="0.35em">${escaped(content)}</text>`;
}

function cut(content: string, length: number): string {
  return content.length > length ? `${content.slice(0, length - 1)}…` : content;
}

function inWords(all: readonly Bar[], show: (value: number) => string): string {
  return all.map(({ label, spread, note }) => `${label} ${spread ? show(spread.median) : note}`).join(', ');
}
