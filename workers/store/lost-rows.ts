/**
 * Rows that could not be read when a shard began: a line for each table that has any, and an alarm about all. Runs on
 * the shard's thread.
 */
import { LOST_ROWS_NAMED_MAX } from '../../src/limits.js';
import { rowsLostAlarm } from '../../src/storage/damage-report.js';
import { isTextKey, SESSION_HEAD_BYTES, SLOT_HEAD_BYTES, textOfKey } from '../../src/storage/keys.js';
import type { Table } from '../../src/storage/tables.js';
import type { MainLine } from '../core.js';

interface Lost {
  rows: number;
  readonly names: string[];
}

export class LostRows {
  private readonly byTable = new Map<Table, Lost>();

  constructor(private readonly main: Pick<MainLine, 'log' | 'raiseAlarm'>) {}

  /** The row is lost. */
  add(key: Buffer, table: Table): void {
    const lost = this.lostOf(table);
    lost.rows++;
    if (lost.names.length < LOST_ROWS_NAMED_MAX) lost.names.push(nameOf(key, table));
  }

  /** So many rows are lost of which nobody knows more. */
  count(table: Table, rows: number): void {
    this.lostOf(table).rows += rows;
  }

  /** Says what is lost of a table, if anything is. */
  report(table: Table): void {
    const lost = this.byTable.get(table);
    if (lost === undefined) return;
    this.main.log('error', `rows of the table ${table} are damaged and lost`, {
      rows: lost.rows,
      ...(lost.names.length > 0 ? { among: lost.names.join(', ') } : {}),
    });
  }

  /** To be called once, when everything has been read. */
  conclude(shard: number, nowMs: number): void {
    if (this.byTable.size === 0) return;
    const rows = new Map([...this.byTable].map(([table, lost]) => [table, lost.rows]));
    const alarm = rowsLostAlarm(shard, rows, nowMs);
    this.main.log('error', alarm.summary);
    this.main.raiseAlarm(alarm);
  }

  private lostOf(table: Table): Lost {
    const known = this.byTable.get(table);
    if (known !== undefined) return known;
    const lost = { rows: 0, names: [] };
    this.byTable.set(table, lost);
    return lost;
  }
}

/** A ClientId, a filter, a topic; where the key has only its hash, that. */
function nameOf(key: Buffer, table: Table): string {
  const headBytes = table === 'subscriptions' ? SESSION_HEAD_BYTES : SLOT_HEAD_BYTES;
  return isTextKey(key, headBytes) ? textOfKey(key, headBytes) : key.toString('hex');
}
