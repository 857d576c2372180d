/**
 * Faults put into the compiled broker on purpose, each with the tests that have to notice it. Test data for the runner,
 * no thread of its own.
 */
import { CONNECTION_MUTATIONS } from './connection-mutations.js';
import { DELIVERY_MUTATIONS } from './delivery-mutations.js';
import { DURABILITY_MUTATIONS } from './durability-mutations.js';

export interface Mutation {
  /** What is wrong with the broker then. */
  readonly name: string;
  /** Below dist/. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Test file below dist/test/, without `.test.js`. */
  readonly tests: string;
  /** Part of the titles of the tests to run; empty for all of them. */
  readonly match: string;
}

export const MUTATIONS: readonly Mutation[] = [
  ...CONNECTION_MUTATIONS,
  ...DELIVERY_MUTATIONS,
  ...DURABILITY_MUTATIONS,
];

/** @returns the broken text. @throws Error when the text to replace is not there, or more than once. */
export function applyTo(text: string, { name, file, find, replace }: Mutation): string {
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`${name}: found ${parts.length - 1} times in ${file}: ${find}`);
  return parts.join(replace);
}
