/**
 * The stores of a data directory, seen at one moment and copied row by row. Main thread.
 *
 * While a store is seen, what a running broker gives back of it is not used again, and its file grows by as much as is
 * written. So each is seen no longer than until its own rows are copied, and a copy that takes too long is given up.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { SystemClock } from '../base/clock.js';
import { BACKUP_ATTEMPTS_MAX, BACKUP_DEADLINE_MS, BACKUP_ROWS_PER_TURN, OUTBOX_KEEP_MS } from '../limits.js';
import { Environment, type EnvironmentSnapshot } from '../storage/environment.js';
import { ANY_VERSION, frameFault } from '../storage/framing.js';
import { MAIN_TABLES } from '../storage/main-store.js';
import { DATA_FILE } from '../storage/open-check.js';
import { findDamage } from '../storage/page-reader.js';
import { storedShards } from '../storage/shard-swap.js';
import { TABLES } from '../storage/tables.js';
import { RowWriter } from './row-writer.js';

const MAIN = 'main';

/** @returns the tables of the store of this name */
export function tablesOf(name: string): readonly string[] {
  return name === MAIN ? MAIN_TABLES : TABLES;
}

/** @returns the names of the stores that are there, `main` last */
export function storesIn(directory: string): string[] {
  const shards = storedShards(directory).sort((a, b) => a - b);
  const names = [...shards.map((shard) => `shard-${shard}`), MAIN];
  return names.filter((name) => existsSync(join(directory, name, DATA_FILE)));
}

/** Told how many rows have been copied, and about how many there are. */
export type OnRows = (rows: number, ofRows: number) => void;

/** In all stores. */
export interface CopiedRows {
  readonly rows: number;
  /** Not as they were written, and left out. */
  readonly damaged: number;
}

interface SeenStore {
  readonly name: string;
  readonly environment: Environment<string>;
  readonly snapshot: EnvironmentSnapshot<string>;
}

export class SeenStores {
  readonly names: readonly string[];
  /** Of all of them, when they were seen. */
  readonly fileBytes: number;
  readonly #directory: string;
  readonly #clock = new SystemClock();
  readonly #seenMs = this.#clock.monotonicMs();
  /** Those whose rows are not copied yet. */
  readonly #left: SeenStore[];
  #rows = 0;
  #damaged = 0;
  #ofRows = 0;

  private constructor(directory: string, seen: SeenStore[]) {
    this.#directory = directory;
    this.names = seen.map(({ name }) => name);
    this.#left = seen;
    this.fileBytes = this.#bytesOfFiles();
    for (const { name, environment } of seen) {
      for (const table of tablesOf(name)) this.#ofRows += environment.count(table);
    }
  }

  /**
   * Whatever was acknowledged before is in one of them: a batch on its way between two shards stays with its sender
   * for a while after it has come, and all are seen within that.
   * @param isHeld a broker writes meanwhile, and has looked for damage
   * @throws Error also when one is damaged
   */
  static async see(directory: string, isHeld: boolean): Promise<SeenStores> {
    const names = storesIn(directory);
    for (const name of isHeld ? [] : names) {
      const damage = findDamage(join(directory, name));
      if (damage !== null) throw new Error(`${join(directory, name)} ${damage}; a start mends what it can`);
    }
    const environments: [string, Environment<string>][] = [];
    try {
      for (const name of names) {
        environments.push([name, await Environment.opened(join(directory, name), tablesOf(name))]);
      }
      return new SeenStores(directory, atOneMoment(environments));
    } catch (error) {
      for (const [, environment] of environments) environment.closeNow();
      throw error;
    }
  }

  /**
   * Resolves when all rows are in new stores below `directory`, and on the disk.
   * @param growthBytesMax of the files of a broker that runs
   * @throws Error
   */
  async copyTo(directory: string, growthBytesMax: number, onRows: OnRows): Promise<CopiedRows> {
    for (let seen = this.#left[0]; seen !== undefined; seen = this.#left[0]) {
      await this.#copy(seen, join(directory, seen.name), growthBytesMax, onRows);
      this.#left.shift();
      await end(seen);
    }
    return { rows: this.#rows, damaged: this.#damaged };
  }

  async close(): Promise<void> {
    for (const seen of this.#left.splice(0)) await end(seen);
  }

  async #copy(seen: SeenStore, to: string, growthBytesMax: number, onRows: OnRows): Promise<void> {
    const target = new RowWriter(to, tablesOf(seen.name));
    let looked = 0;
    try {
      for (const table of tablesOf(seen.name)) {
        for (const { key, value } of seen.snapshot.rows(table)) {
          const isLot = this.#take(table, key, value, target);
          if (isLot) await target.commit();
          if (!isLot && ++looked % BACKUP_ROWS_PER_TURN !== 0) continue;
          this.#checkCost(growthBytesMax);
          onRows(this.#rows, Math.max(this.#rows, this.#ofRows));
          await nextTurn();
        }
      }
      await target.finish();
    } finally {
      await target.close();
    }
  }

  #take(table: string, key: Buffer, value: Buffer, target: RowWriter): boolean {
    if (frameFault(key, value, ANY_VERSION) !== null) {
      this.#damaged++;
      return false;
    }
    this.#rows++;
    return target.add(table, key, value);
  }

  /** @throws Error when it becomes too much for a broker that runs */
  #checkCost(growthBytesMax: number): void {
    const grown = this.#bytesOfFiles() - this.fileBytes;
    if (grown > growthBytesMax) {
      throw new Error(
        `the broker's files have grown by ${grown} bytes meanwhile; try again when less is written`,
      );
    }
    if (this.#clock.monotonicMs() - this.#seenMs > BACKUP_DEADLINE_MS) {
      throw new Error(
        `it was not ready within ${BACKUP_DEADLINE_MS / 60_000} minutes; write it to a faster disk`,
      );
    }
  }

  #bytesOfFiles(): number {
    let bytes = 0;
    for (const name of this.names) {
      // A broker that has started since then may have put one aside.
      bytes += statSync(join(this.#directory, name, DATA_FILE), { throwIfNoEntry: false })?.size ?? 0;
    }
    return bytes;
  }
}

/** @throws Error when the machine is too busy for that */
function atOneMoment(environments: readonly [string, Environment<string>][]): SeenStore[] {
  const clock = new SystemClock();
  for (let attempt = 0; attempt < BACKUP_ATTEMPTS_MAX; attempt++) {
    const beganMs = clock.monotonicMs();
    const seen = environments.map(([name, environment]) => ({
      name,
      environment,
      snapshot: environment.snapshot(),
    }));
    if (clock.monotonicMs() - beganMs < OUTBOX_KEEP_MS / 2) return seen;
    for (const { snapshot } of seen) snapshot.end();
  }
  throw new Error('the machine is too busy to see all shards at one moment; try again later');
}

async function end({ snapshot, environment }: SeenStore): Promise<void> {
  snapshot.end();
  await environment.close();
}
