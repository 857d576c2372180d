/** Writes rows into a new store, in commits of some size that overlap with reading more. Main thread. */
import { BACKUP_COMMIT_BYTES, BACKUP_COMMITS_MAX } from '../limits.js';
import { Environment, type Write } from '../storage/environment.js';

export class RowWriter {
  readonly #environment: Environment<string>;
  readonly #underWay: Promise<void>[] = [];
  #writes: Write<string>[] = [];
  #bytes = 0;

  /** @throws Error when the store cannot be made */
  constructor(directory: string, tables: readonly string[]) {
    this.#environment = new Environment(directory, tables);
  }

  /**
   * Copies both.
   * @returns whether enough has come together for a commit
   */
  add(table: string, key: Buffer, value: Buffer): boolean {
    this.#writes.push({ table, key: Buffer.from(key), value: Buffer.from(value) });
    this.#bytes += key.length + value.length;
    return this.#bytes >= BACKUP_COMMIT_BYTES;
  }

  /** Resolves when more may be added. @throws Error when rows cannot be written, perhaps earlier ones */
  async commit(): Promise<void> {
    const written = this.#environment.writeSafely(this.#writes);
    written.catch(ignore);
    this.#writes = [];
    this.#bytes = 0;
    this.#underWay.push(written);
    if (this.#underWay.length >= BACKUP_COMMITS_MAX) await this.#underWay.shift();
  }

  /** Resolves when all rows are on the disk. @throws Error */
  async finish(): Promise<void> {
    await this.commit();
    await Promise.all(this.#underWay);
  }

  close(): Promise<void> {
    return this.#environment.close();
  }
}

function ignore(): void {}
