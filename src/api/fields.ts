/**
 * Parameters of endpoints: in the query or in the body, with their types. All are there, then all are right, or the
 * request is refused with 107 or 108. Main thread.
 */
import { missingParameter, wrongParameter } from './api-error.js';
import type { Schema } from './schema.js';

/** One parameter. `T` is what the handler gets. */
export interface Field<T> {
  readonly schema: Schema;
  /** Null: it must be given. Otherwise what counts when it is not. */
  readonly fallback: { readonly value: T } | null;
  /** @returns undefined for what is not of the type; text where the parameter stands in a query */
  read(given: unknown): T | undefined;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;
export type ValuesOf<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never;
};

export function string(about: string): Field<string> {
  return {
    schema: { type: 'string', description: about },
    fallback: null,
    read: (given) => (typeof given === 'string' ? given : undefined),
  };
}

/** A list of texts. */
export function strings(about: string): Field<readonly string[]> {
  return {
    schema: { type: 'array', items: { type: 'string' }, description: about },
    fallback: null,
    read: (given) =>
      Array.isArray(given) && given.every((each) => typeof each === 'string') ? given : undefined,
  };
}

export function boolean(about: string): Field<boolean> {
  return {
    schema: { type: 'boolean', description: about },
    fallback: null,
    read: (given) => (typeof given === 'boolean' ? given : undefined),
  };
}

export function integer(about: string, minimum: number, maximum: number): Field<number> {
  return {
    schema: { type: 'integer', minimum, maximum, description: about },
    fallback: null,
    read: (given) =>
      Number.isSafeInteger(given) && isWithin(given as number) ? (given as number) : undefined,
  };
  function isWithin(number: number): boolean {
    return number >= minimum && number <= maximum;
  }
}

/** A whole number that is written as text, as in a query. */
export function integerText(about: string, minimum: number, maximum: number): Field<number> {
  const number = integer(about, minimum, maximum);
  return {
    ...number,
    read: (given) =>
      typeof given === 'string' && /^\d{1,15}$/.test(given) ? number.read(Number(given)) : undefined,
  };
}

export function optional<T extends string | number | boolean>(field: Field<T>, value: T): Field<T> {
  return { ...field, schema: { ...field.schema, default: value }, fallback: { value } };
}

/** The handler gets null where it is not given. */
export function nullable<T>(field: Field<T>): Field<T | null> {
  return { ...field, fallback: { value: null } };
}

/** @throws ApiError 107 when one is missing, else 108 when one is wrong. Others are left alone. */
export function readFields<F extends Fields>(
  fields: F,
  given: Readonly<Record<string, unknown>>,
): ValuesOf<F> {
  const entries = Object.entries(fields);
  const isGiven = (name: string): boolean => Object.hasOwn(given, name);
  if (entries.some(([name, { fallback }]) => fallback === null && !isGiven(name))) throw missingParameter();
  const values = entries.map(([name, field]) => {
    if (!isGiven(name) && field.fallback !== null) return [name, field.fallback.value];
    const value = field.read(given[name]);
    if (value === undefined) throw wrongParameter();
    return [name, value];
  });
  return Object.fromEntries(values) as ValuesOf<F>;
}
