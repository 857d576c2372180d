/** Answers of the API, as commands want them: rows, pages of rows. Main thread. */
import { CLI_PAGE_ROWS } from '../../limits.js';
import { AnswerTooLong, type Api } from './api.js';
import { CliError, Refusal } from './cli-error.js';
import type { Row } from './table.js';

/** @returns the object that the answer is. @throws CliError */
export function rowOf(value: unknown): Row {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Row;
  throw new CliError('the broker has answered with something unexpected; is it another version?');
}

/** @returns the rows that the answer is. @throws CliError */
export function rowsOf(value: unknown): Row[] {
  return Array.isArray(value) ? (value as unknown[]).map(rowOf) : [rowOf(value)];
}

/** @returns `objects` of the answer */
export function objectsOf(value: unknown): Row[] {
  return rowsOf(rowOf(value)['objects'] ?? []);
}

/** Rows of a long list, page by page, so that no more than one page is held. */
export async function* pagesOf(
  api: Api,
  path: string,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<Row[]> {
  let size = CLI_PAGE_ROWS;
  // Always a multiple of the size, which only ever is halved.
  let done = 0;
  while (done < limit) {
    const page = await ask(api, path, { curr_page: done / size + 1, page_size: size });
    if (page === null) {
      if (size === 1) throw new CliError('one row is longer than an answer may be');
      size /= 2;
      continue;
    }
    const rows = objectsOf(page);
    if (rows.length === 0) return;
    yield rows.slice(0, limit - done);
    done += size;
    if (done >= Number(page['total_num'])) return;
  }
}

/** @returns null: the page would be too long */
async function ask(
  api: Api,
  path: string,
  query: { curr_page: number; page_size: number },
): Promise<Row | null> {
  try {
    return rowOf(await api.get(path, query));
  } catch (error) {
    if (error instanceof AnswerTooLong) return null;
    if (error instanceof Refusal && error.code === 102 && query.page_size > 1) return null;
    throw error;
  }
}
