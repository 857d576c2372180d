/**
 * The kinds of values a configuration key may have: how each is read from text, checked and written back.
 * Main thread, at start only.
 */

/** What `parse` gives when the text is not of the type, or out of range. */
export const INVALID = Symbol('invalid');

/** One kind of value. Every source (file, environment, command line, library) hands over text. */
export interface ValueType<T> {
  /** The word the documentation uses. */
  readonly name: string;
  /** The values that are allowed, for the documentation; empty when the name says it all. */
  readonly range: string;
  /** Completes "expected ...": form and range together. */
  readonly expected: string;
  parse(text: string): T | typeof INVALID;
  /** The shortest text that `parse` turns into `value` again. */
  format(value: T): string;
}

const DURATION_UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
];
const FORTNIGHT_MS = 1_209_600_000;
const SIZE_UNITS: readonly (readonly [unit: string, bytes: number])[] = [
  ['GB', 1 << 30],
  ['MB', 1 << 20],
  ['KB', 1 << 10],
];

function parseInteger(text: string): number | typeof INVALID {
  if (!/^-?\d{1,15}$/.test(text)) return INVALID;
  return Number(text);
}

function parseDuration(text: string, bareUnitMs: number): number | typeof INVALID {
  if (/^0+$/.test(text)) return 0;
  if (/^\d{1,12}$/.test(text)) return bareUnitMs === 0 ? INVALID : Number(text) * bareUnitMs;
  if (text.length > 64 || !/^(?:(?:\d+(?:\.\d+)?|\.\d+)(?:ms|[fwdhms]))+$/.test(text)) return INVALID;
  let totalMs = 0;
  for (const part of text.matchAll(/(\d*\.?\d+)(ms|[fwdhms])/g)) {
    const unit = part[2]!;
    const unitMs = unit === 'f' ? FORTNIGHT_MS : DURATION_UNITS.find(([name]) => name === unit)![1];
    totalMs += Number(part[1]) * unitMs;
  }
  return Math.round(totalMs);
}

/** @returns text such as `1h30m` for a number of milliseconds. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0';
  let text = '';
  let rest = ms;
  for (const [unit, unitMs] of DURATION_UNITS) {
    const count = Math.floor(rest / unitMs);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * unitMs;
  }
  return text;
}

function parseSize(text: string): number | typeof INVALID {
  const match = /^(\d{1,15})\s*(B|KB|MB|GB)?$/i.exec(text);
  if (match === null) return INVALID;
  const unit = match[2]?.toUpperCase();
  const factor = SIZE_UNITS.find(([name]) => name === unit)?.[1] ?? 1;
  return Number(match[1]) * factor;
}

/** @returns text such as `64KB` for a number of bytes. */
export function formatSize(bytes: number): string {
  for (const [unit, factor] of SIZE_UNITS) {
    if (bytes !== 0 && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return String(bytes);
}

const within = (value: number | typeof INVALID, min: number, max: number): number | typeof INVALID =>
  value === INVALID || !(value >= min && value <= max) ? INVALID : value;

function rangeText(min: number, max: number, format: (value: number) => string): string {
  if (min === Number.MIN_SAFE_INTEGER)
    return max === Number.MAX_SAFE_INTEGER ? 'any' : `at most ${format(max)}`;
  return max === Number.MAX_SAFE_INTEGER ? `at least ${format(min)}` : `${format(min)} to ${format(max)}`;
}

/** A whole number. */
export function integer(min = 0, max = Number.MAX_SAFE_INTEGER): ValueType<number> {
  return {
    name: 'integer',
    range: rangeText(min, max, String),
    expected: `an integer, ${rangeText(min, max, String)}`,
    parse: (text) => within(parseInteger(text), min, max),
    format: String,
  };
}

/** A number with a fraction. */
export function float(min: number, max: number): ValueType<number> {
  return {
    name: 'float',
    range: rangeText(min, max, String),
    expected: `a number, ${rangeText(min, max, String)}`,
    parse: (text) => within(/^\d{1,9}(?:\.\d{1,9})?$/.test(text) ? Number(text) : INVALID, min, max),
    format: String,
  };
}

/** A duration in milliseconds. `bareUnitMs`: what a number without a unit counts, 0 where it is refused. */
export function duration(minMs = 0, maxMs = Number.MAX_SAFE_INTEGER, bareUnitMs = 0): ValueType<number> {
  const bare =
    bareUnitMs === 0 ? '' : ` (a bare number counts ${formatDuration(bareUnitMs).replace(/^1/, '')})`;
  return {
    name: 'duration',
    range: rangeText(minMs, maxMs, formatDuration),
    expected: `a duration with its unit (ms, s, m, h, d, w) such as 90s or 1m30s${bare}, ${rangeText(minMs, maxMs, formatDuration)}`,
    parse: (text) => within(parseDuration(text, bareUnitMs), minMs, maxMs),
    format: formatDuration,
  };
}

/** A duration of whole seconds, in milliseconds; a bare number counts seconds. */
export function seconds(min: number, max: number): ValueType<number> {
  const any = duration(min * 1_000, max * 1_000, 1_000);
  return {
    ...any,
    expected: `${any.expected}, in whole seconds`,
    parse(text) {
      const ms = any.parse(text);
      return ms !== INVALID && ms % 1_000 === 0 ? ms : INVALID;
    },
  };
}

/** A size in bytes. */
export function bytesize(min = 0, max = Number.MAX_SAFE_INTEGER): ValueType<number> {
  return {
    name: 'bytesize',
    range: rangeText(min, max, formatSize),
    expected: `a size in bytes or with KB, MB or GB, ${rangeText(min, max, formatSize)}`,
    parse: (text) => within(parseSize(text), min, max),
    format: formatSize,
  };
}

/** A share of a whole, as 0 to 1. */
export function percent(): ValueType<number> {
  return {
    name: 'percent',
    range: '',
    expected: 'a percentage, 0% to 100%',
    parse(text) {
      const match = /^(\d{1,3}(?:\.\d{1,4})?)%$/.exec(text);
      return match === null ? INVALID : within(Number(match[1]) / 100, 0, 1);
    },
    format: (value) => `${Number((value * 100).toFixed(4))}%`,
  };
}

/** A switch. */
export function flag(): ValueType<boolean> {
  return {
    name: 'flag',
    range: '',
    expected: 'on or off (true and false do too)',
    parse: (text) =>
      text === 'on' || text === 'true' ? true : text === 'off' || text === 'false' ? false : INVALID,
    format: (value) => (value ? 'on' : 'off'),
  };
}

/** One of some words. */
export function choice<const Word extends string>(...words: readonly Word[]): ValueType<Word> {
  return {
    name: 'enum',
    range: words.join(', '),
    expected: `one of ${words.join(', ')}`,
    parse: (text) => words.find((word) => word === text) ?? INVALID,
    format: (value) => value,
  };
}

/** Free text on one line. */
export function text(maxChars: number, pattern = /^[^\p{Cc}]*$/u, form = 'text'): ValueType<string> {
  return {
    name: 'string',
    range: `${form}, at most ${maxChars} characters`,
    expected: `${form} of at most ${maxChars} characters`,
    parse: (value) => (value.length <= maxChars && pattern.test(value) ? value : INVALID),
    format: (value) => value,
  };
}
