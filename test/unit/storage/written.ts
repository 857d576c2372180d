/** An environment with rows that a test knows, and what is left of it after something was done to its file. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Environment, type Write } from '../../../src/storage/environment.js';
import { framed } from '../../../src/storage/framing.js';
import { journalKey, sessionKey } from '../../../src/storage/keys.js';
import { type Mended, mendEnvironment } from '../../../src/storage/mending.js';
import { DATA_FILE } from '../../../src/storage/open-check.js';
import { SHARD_LAYOUT } from '../../../src/storage/row-table.js';
import { TABLES, type Table } from '../../../src/storage/tables.js';
import type { RowIn } from './real-rows.js';

export const PAGE_BYTES = 4_096;

/** Rows by table and key. */
export type Rows = Map<string, Buffer>;

export interface Left {
  readonly mended: Mended | null;
  readonly rows: Rows;
}

export class Written {
  readonly rows: Rows = new Map();
  private readonly environment: Environment<Table>;

  constructor(readonly directory: string) {
    this.environment = new Environment(directory, TABLES);
  }

  /** One commit. `content` null: the row is removed. */
  commit(changes: readonly { table: Table; key: Buffer; content: Buffer | null }[]): void {
    this.put(
      changes.map(({ table, key, content }) => ({
        ...{ table, key, value: content === null ? null : framed(key, content, 1) },
      })),
    );
  }

  /** One commit. */
  remove(rows: readonly RowIn[]): void {
    this.put(rows.map(({ table, key }) => ({ table, key, value: null })));
  }

  /** One commit. */
  put(writes: readonly Write<Table>[]): void {
    for (const { table, key, value } of writes) {
      if (value === null) this.rows.delete(nameOf(table, key));
      else this.rows.set(nameOf(table, key), value);
    }
    this.environment.writeNow(writes);
  }

  /** Closes it. @returns its file */
  async close(): Promise<Buffer> {
    await this.environment.close();
    return readFileSync(join(this.directory, DATA_FILE));
  }
}

/** Rows in several tables, on pages of all kinds: some removed again, some that have pages of their own. */
export async function writeSample(directory: string): Promise<{ file: Buffer; rows: Rows }> {
  const written = new Written(directory);
  for (let round = 0; round < 8; round++) {
    const sessions = Array.from({ length: 40 }, (_, i) => ({
      table: 'sessions' as const,
      key: sessionKey(i, `client-${((round * 40 + i) * 7_919) % 320}`),
      content: Buffer.alloc(150, i),
    }));
    const records = Array.from({ length: 8 }, (_, i) => ({
      table: 'journal' as const,
      key: journalKey(round * 8 + i),
      content: Buffer.alloc((i * 1_177) % 9_000, i),
    }));
    const old = Array.from({ length: 4 }, (_, i) => ({
      table: 'journal' as const,
      key: journalKey(Math.max(0, round - 2) * 8 + i),
      content: null,
    }));
    written.commit([...sessions, ...records, ...(round > 2 ? old : [])]);
  }
  return { file: await written.close(), rows: written.rows };
}

/** Mends a directory that holds `file`, opens it and reads it. */
export async function mendAndRead(directory: string, file: Buffer): Promise<Left> {
  for (const end of ['', '.bad', '.new']) rmSync(directory + end, { recursive: true, force: true });
  mkdirSync(directory);
  writeFileSync(join(directory, DATA_FILE), file);
  const mended = await mendEnvironment(directory, SHARD_LAYOUT);
  return { mended, rows: await readAll(directory) };
}

/** Also writes a little: lmdb trusts its list of free pages. */
export async function readAll(directory: string): Promise<Rows> {
  const environment = new Environment(directory, TABLES);
  const rows: Rows = new Map();
  const extra = { table: 'meta' as const, key: Buffer.from('extra') };
  environment.writeNow([{ ...extra, value: Buffer.alloc(20_000) }]);
  environment.writeNow([{ ...extra, value: null }]);
  for (const table of TABLES) {
    for (const { key, value } of environment.rows(table)) rows.set(nameOf(table, key), Buffer.from(value));
  }
  await environment.close();
  return rows;
}

/** How many of `before` are in `after` with the same value. */
export function countKept(before: Rows, after: Rows): number {
  let kept = 0;
  for (const [name, value] of before) if (after.get(name)?.equals(value) === true) kept++;
  return kept;
}

/** @returns the key in a name of `Rows` */
export function keyOf(name: string): Buffer {
  return Buffer.from(name.slice(name.indexOf(':') + 1), 'hex');
}

/** As in `Rows`. */
export function nameOf(table: string, key: Buffer): string {
  return `${table}:${key.toString('hex')}`;
}
