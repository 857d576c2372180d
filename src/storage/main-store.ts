/**
 * What main keeps: whole documents by name, in an lmdb environment of its own. Opened by whoever holds the data
 * directory, or by a command that looks only. Main thread.
 *
 * The environment is made with the first document, beside where it is to lie, so that one which is there is whole. It
 * also has the names of all documents, so that one which was lost with a damaged file is missed, and does not count as
 * one that never was: nobody gets in because there are no users, passwords or bans any more.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SystemClock } from '../base/clock.js';
import type { Documents, MainDocument } from '../base/document.js';
import type { Logger } from '../base/log.js';
import { syncDirectory } from '../base/whole-file.js';
import { type DamageAlarm, damageAlarm, describeMended } from './damage-report.js';
import { KeptDocument, type StoredDocuments } from './document.js';
import { Environment, type Write } from './environment.js';
import { framed, opened } from './framing.js';
import { mendEnvironment } from './mending.js';
import { findDamage } from './page-reader.js';
import type { Layout } from './tables.js';

export const MAIN_TABLES = ['meta', 'documents'] as const;
type MainTable = (typeof MAIN_TABLES)[number];

const NAMES_KEY = Buffer.from('names');

const MAIN_LAYOUT: Layout = {
  tables: MAIN_TABLES,
  tableOf: ({ key }) => (key.equals(NAMES_KEY) ? 'meta' : 'documents'),
};

/** Of names and documents. */
export const DOCUMENT_VERSION = 1;
/** Among the names: nobody knows any more which there were, so each that is not there may be lost. */
const ANY_NAME = '*';

export class MainStore implements Documents, StoredDocuments {
  readonly directory: string;
  /** What is to be told of the environment's damage; null: it was whole. */
  damage: DamageAlarm | null = null;
  readonly #documents = new Map<string, KeptDocument>();
  #environment: Environment<MainTable> | null = null;
  #names = new Set<string>();
  /** Settles when the writes so far are over. */
  #idle: Promise<void> = Promise.resolve();

  private constructor(readonly dataDirectory: string) {
    this.directory = join(dataDirectory, 'main');
  }

  /**
   * For whoever holds the data directory, which is there. A damaged environment is put aside, and what can be read of
   * it is kept.
   * @throws Error when it cannot be opened
   */
  static async open(dataDirectory: string, logger: Pick<Logger, 'error' | 'warn'>): Promise<MainStore> {
    const store = new MainStore(dataDirectory);
    const mended = await mendEnvironment(store.directory, MAIN_LAYOUT);
    if (mended !== null) {
      const summary = describeMended(mended);
      logger.error(`${store.directory}: ${summary}`);
      store.damage = damageAlarm('main', 'store_damaged.main', summary, mended, new SystemClock().wallMs());
      for (const detail of mended.details) logger.warn(detail);
    }
    rmSync(store.#growing, { recursive: true, force: true });
    if (existsSync(store.directory)) await store.#open(logger);
    return store;
  }

  /**
   * For whoever changes nothing. `isHeld`: a broker has the directory, and changes it meanwhile.
   * @throws Error when it is damaged, or cannot be opened
   */
  static async look(dataDirectory: string, isHeld: boolean): Promise<MainStore> {
    const store = new MainStore(dataDirectory);
    const damage = isHeld ? null : findDamage(store.directory);
    if (damage !== null) throw new Error(`${store.directory} ${damage}; the next start mends what it can`);
    if (existsSync(store.directory)) await store.#open(null);
    return store;
  }

  document(name: string, file: string): MainDocument {
    let document = this.#documents.get(name);
    if (document === undefined) {
      document = new KeptDocument(this, name, join(this.dataDirectory, file));
      this.#documents.set(name, document);
    }
    return document;
  }

  /**
   * Takes in the files of all documents that were read so far.
   * @param onAdopted is told each that was
   * @throws Error when one cannot be stored
   */
  async adoptFiles(onAdopted: (file: string) => void = ignore): Promise<void> {
    for (const document of this.#documents.values()) {
      if (await document.adoptFile()) onAdopted(document.file);
    }
  }

  get(name: string): Buffer | null {
    const key = Buffer.from(name);
    const value = this.#environment?.get('documents', key) ?? null;
    if (value === null) {
      if (this.#names.has(name)) throw new Error('it was lost with a damaged file');
      if (this.#names.has(ANY_NAME)) throw new Error('it may have been lost with a damaged file');
      return null;
    }
    return contentOf(key, value);
  }

  put(name: string, content: Buffer): Promise<void> {
    const done = this.#idle.then(() => this.#put(name, content));
    this.#idle = done.catch(ignore);
    return done;
  }

  /** What is being written is waited for. */
  async close(): Promise<void> {
    await this.#idle;
    const environment = this.#environment;
    this.#environment = null;
    await environment?.close();
  }

  async #put(name: string, content: Buffer): Promise<void> {
    const key = Buffer.from(name);
    const writes: Write<MainTable>[] = [
      { table: 'documents', key, value: framed(key, content, DOCUMENT_VERSION) },
    ];
    const names = new Set([...this.#names, name]);
    if (names.size > this.#names.size) writes.push(namesRow(names));
    if (existsSync(this.directory)) await this.#write(writes, key);
    else await this.#make(writes);
    this.#names = names;
  }

  async #write(writes: readonly Write<MainTable>[], key: Buffer): Promise<void> {
    const environment = this.#usable();
    const value = environment.get('documents', key);
    const before: Write<MainTable>[] = [
      { table: 'documents', key, value: value === null ? null : Buffer.from(value) },
      namesRow(this.#names),
    ];
    let isCommitted = false;
    try {
      await new Promise<void>((resolve, reject) => {
        const committed = (): void => {
          isCommitted = true;
        };
        environment.write(writes, { committed, flushed: resolve, failed: reject });
      });
    } catch (error) {
      if (isCommitted) await this.#putBack(before);
      throw error;
    }
  }

  /** What is committed and could not be synced is answered as an error, so the next start is not to find it. */
  #putBack(before: readonly Write<MainTable>[]): Promise<void> {
    return new Promise((resolve) => {
      this.#usable().write(before, { committed: resolve, flushed: ignore, failed: () => resolve() });
    });
  }

  /** Where the first documents are written. */
  get #growing(): string {
    return `${this.directory}.first`;
  }

  async #make(writes: readonly Write<MainTable>[]): Promise<void> {
    rmSync(this.#growing, { recursive: true, force: true });
    const environment = new Environment(this.#growing, MAIN_TABLES);
    try {
      await environment.writeSafely(writes);
    } finally {
      await environment.close();
    }
    syncDirectory(this.#growing);
    renameSync(this.#growing, this.directory);
    syncDirectory(this.dataDirectory);
    this.#usable();
  }

  /** lmdb gives an environment up when its disk fails in some ways. */
  #usable(): Environment<MainTable> {
    const environment = this.#environment;
    if (environment?.isUsable === true) return environment;
    this.#environment = null;
    environment?.closeNow();
    this.#environment = Environment.openedNow(this.directory, MAIN_TABLES);
    return this.#environment;
  }

  /** `logger` null: what is there is only looked at. */
  async #open(logger: Pick<Logger, 'error'> | null): Promise<void> {
    const environment = this.#usable();
    const value = environment.get('meta', NAMES_KEY);
    const names = value === null ? null : opened(NAMES_KEY, value, DOCUMENT_VERSION);
    if (names?.ok === true) {
      this.#names = new Set(JSON.parse(names.content.toString()) as string[]);
      return;
    }
    if (names?.why === 'newer') throw new Error('a later version has written it');
    this.#names = new Set([ANY_NAME]);
    if (logger === null) return;
    logger.error(`${this.directory}: which documents it had is lost, so each that is not there may be lost`);
    await environment.writeSafely([namesRow(this.#names)]);
  }
}

function namesRow(names: ReadonlySet<string>): Write<MainTable> {
  const value = framed(NAMES_KEY, Buffer.from(JSON.stringify([...names])), DOCUMENT_VERSION);
  return { table: 'meta', key: NAMES_KEY, value };
}

function contentOf(key: Buffer, value: Buffer): Buffer {
  const frame = opened(key, value, DOCUMENT_VERSION);
  if (frame.ok) return frame.content;
  throw new Error(frame.why === 'newer' ? 'a later version has written it' : 'it is not as it was written');
}

function ignore(): void {}
