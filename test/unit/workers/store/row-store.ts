/** A store of rows in memory, which fails and answers when a test says so. */
import type { Change, Row, Table } from '../../../../src/storage/tables.js';
import type { Store } from '../../../../workers/store/store.js';

export class RowStore implements Store {
  readonly isKeeping = true;
  readonly isFull = false;
  private readonly tables = new Map<Table, Map<string, Buffer>>();

  *rows(table: Table): Iterable<Row> {
    const rows = [...this.table(table)].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [key, value] of rows) yield { key: Buffer.from(key, 'hex'), value };
  }

  get(table: Table, key: Buffer): Buffer | null {
    return this.table(table).get(key.toString('hex')) ?? null;
  }

  commit(changes: readonly Change[], done: (ok: boolean) => void): void {
    for (const { table, key, value } of changes) {
      if (value === null) this.table(table).delete(key.toString('hex'));
      else this.table(table).set(key.toString('hex'), value);
    }
    done(true);
  }

  get usedBytes(): number {
    return this.bytesOf('journal');
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Rows of a table. */
  count(table: Table): number {
    return this.table(table).size;
  }

  /** @returns another store with the same rows */
  copy(): RowStore {
    const other = new RowStore();
    for (const [name, rows] of this.tables) other.tables.set(name, new Map(rows));
    return other;
  }

  /** Bytes of the values of a table. */
  bytesOf(table: Table): number {
    let bytes = 0;
    for (const value of this.table(table).values()) bytes += value.length;
    return bytes;
  }

  /** To be changed by a test that damages something. */
  table(table: Table): Map<string, Buffer> {
    const known = this.tables.get(table);
    if (known !== undefined) return known;
    const rows = new Map<string, Buffer>();
    this.tables.set(table, rows);
    return rows;
  }
}
