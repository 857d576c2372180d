/**
 * Sets of filters too large to be written down: each is made of its number, and so is the topic that it alone matches.
 * Runs on the generator's threads.
 */
import type { FilterKind } from '../scenarios/scenario.js';

/** Filters that are made when they are asked for. */
export interface FilterList {
  readonly count: number;
  /** @returns the filters from `from` on, before `to` */
  slice(from: number, to: number): string[];
}

export function listed(filters: readonly string[]): FilterList {
  return { count: filters.length, slice: (from, to) => filters.slice(from, to) };
}

const SITES = 100;
const LEVELS = 4;
const NAMES_PER_LEVEL = 30;
const NUMBER_DIGITS = 8;

/** @returns one subscriber's filters */
export function filterSet(kind: FilterKind, runId: string, subscriber: number, count: number): FilterList {
  const filterOf = kind === 'device' ? deviceFilter : randomFilter;
  const first = subscriber * count;
  return {
    count,
    slice: (from, to) => {
      const filters: string[] = [];
      for (let i = from; i < Math.min(to, count); i++) filters.push(`${runId}/${filterOf(first + i)}`);
      return filters;
    },
  };
}

function deviceFilter(number: number): string {
  const device = `device/d${padded(number, NUMBER_DIGITS)}`;
  return number % 2 === 0 ? `site/+/${device}/#` : `site/s${padded(number % SITES, 2)}/${device}/state`;
}

function randomFilter(number: number): string {
  const levels = Array.from({ length: LEVELS }, (_, level) =>
    mixed(number, level + LEVELS) % 5 === 0 ? '+' : `l${padded(mixed(number, level) % NAMES_PER_LEVEL, 2)}`,
  );
  return `${levels.join('/')}/n${padded(number, NUMBER_DIGITS)}`;
}

/** Writes the topics of one subscriber's filters, one after the other, over a topic of the same length. */
export class TopicWriter {
  /** The first of them. */
  readonly topic: string;
  readonly #first: number;
  readonly #prefixBytes: number;

  constructor(
    readonly kind: FilterKind,
    runId: string,
    subscriber: number,
    readonly count: number,
  ) {
    this.#first = subscriber * count;
    this.#prefixBytes = runId.length + 1;
    const topic = kind === 'device' ? 'site/s00/device/d00000000/state' : 'l00/l00/l00/l00/n00000000';
    const bytes = Buffer.from(`${runId}/${topic}`);
    this.write(bytes, 0, 0);
    this.topic = bytes.toString();
  }

  /** @param at where the topic begins */
  write(bytes: Buffer, at: number, sequence: number): void {
    const number = this.#first + (sequence % this.count);
    const start = at + this.#prefixBytes;
    if (this.kind === 'device') {
      writeNumber(bytes, start + 6, 2, number % SITES);
      writeNumber(bytes, start + 17, NUMBER_DIGITS, number);
    } else {
      for (let level = 0; level < LEVELS; level++) {
        writeNumber(bytes, start + 4 * level + 1, 2, mixed(number, level) % NAMES_PER_LEVEL);
      }
      writeNumber(bytes, start + 4 * LEVELS + 1, NUMBER_DIGITS, number);
    }
  }
}

function writeNumber(bytes: Buffer, at: number, digits: number, value: number): void {
  for (let place = at + digits - 1; place >= at; place--) {
    bytes[place] = 48 + (value % 10);
    value = (value / 10) | 0;
  }
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}

/** @returns a number that looks random, and is always the same for the same two */
function mixed(number: number, salt: number): number {
  let hash = Math.imul(number + 1, 0x9e3779b1) ^ Math.imul(salt + 1, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
