/** Pages: the parameters that ask for one, and what answers say of it. Main thread. */
import { BrokerError } from '../base/errors.js';
import { API_PAGE_NUMBER_MAX, API_PAGE_ROWS_MAX } from '../limits.js';
import { ApiError } from './api-error.js';
import type { Listed, Page } from './broker-port.js';
import { integerText, optional, type ValuesOf } from './fields.js';
import { listOf, objectOf, type Schema, whole } from './schema.js';

const PAGE_ROWS = 20;

/** In the query of every list. */
export const PAGE_FIELDS = {
  curr_page: optional(integerText('number of the page, from 1', 1, API_PAGE_NUMBER_MAX), 1),
  page_size: optional(integerText('rows of a page', 1, API_PAGE_ROWS_MAX), PAGE_ROWS),
};

/** @returns the schema of a page of such rows */
export function pageSchema(row: Schema): Schema {
  return objectOf({
    current_page: whole('as asked for'),
    page_size: whole('as asked for'),
    total_num: whole('rows of all pages'),
    total_page: whole('pages; 0 where there are no rows'),
    objects: listOf(row),
  });
}

/** @returns the schema of rows that were asked for one by one */
export function objectsSchema(row: Schema): Schema {
  return objectOf({ objects: listOf(row) });
}

/** Asks for a page, and puts its rows into EMQ's words. @throws ApiError 102 when it would be too large */
export async function answerPage<Row>(
  { curr_page: number, page_size: size }: ValuesOf<typeof PAGE_FIELDS>,
  list: (page: Page) => Promise<Listed<Row>>,
  format: (row: Row) => object,
): Promise<object> {
  const { total, rows } = await refusable(() => list({ skip: (number - 1) * size, max: size }));
  return {
    current_page: number,
    page_size: size,
    total_num: total,
    total_page: Math.ceil(total / size),
    objects: rows.map(format),
  };
}

/** Asks for rows that have no pages. @throws ApiError 102 when they are too many */
export async function answerObjects<Row>(
  find: () => Promise<readonly Row[]>,
  format: (row: Row) => object,
): Promise<object> {
  const rows = await refusable(find);
  return { objects: rows.map(format) };
}

async function refusable<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const isRefused = error instanceof BrokerError && error.code === 'REQUEST_FAILED';
    throw isRefused ? new ApiError(102, error.message) : error;
  }
}
