/** Long lists of a node, printed as their pages come. Main thread. */
import { pagesOf } from './answers.js';
import { type Context, remark, wholeOption } from './context.js';
import { type Column, Table } from './table.js';

/** @param none is said where there are no rows */
export async function writeList(
  { api, out, options }: Context,
  what: 'clients' | 'sessions' | 'subscriptions',
  columns: readonly Column[],
  none: string,
): Promise<void> {
  const limit = limitOf(options);
  const table = new Table(columns, out);
  let isEmpty = true;
  for await (const rows of pagesOf(api, `nodes/${await api.node()}/${what}`, limit)) {
    isEmpty = false;
    await table.write(rows);
  }
  if (isEmpty) remark(none);
}

/** @throws CliError */
export function limitOf(options: Context['options']): number | undefined {
  return wholeOption(options, '--limit', 1, Number.MAX_SAFE_INTEGER) ?? undefined;
}
