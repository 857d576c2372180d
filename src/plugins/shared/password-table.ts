/**
 * Stored passwords by name, in memory and in a document. A change is in force when it is on disk; changes that come
 * together are written together. Main thread.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MainDocument } from '../../base/document.js';
import type { StoredPassword } from '../../passwords/hash-format.js';
import { readPasswords, writePasswords } from './password-document.js';

/** Null: the name goes. */
type Changes = Map<string, StoredPassword | null>;

export class PasswordTable {
  /** On their way to the disk. */
  #writing: Changes = new Map();
  /** Those that came meanwhile. */
  #gathered: Changes = new Map();
  /** Settles when what is gathered now has been written; null: nothing is. */
  #gatheredWritten: Promise<void> | null = null;
  #idle: Promise<void> = Promise.resolve();

  private constructor(
    private readonly document: MainDocument,
    private readonly entries: Map<string, StoredPassword>,
  ) {}

  /** Reads the document where there is one. @throws BrokerError when it is damaged */
  static async open(document: MainDocument): Promise<PasswordTable> {
    return new PasswordTable(document, await readPasswords(document));
  }

  get size(): number {
    return this.entries.size;
  }

  /** In force. */
  get(name: string): StoredPassword | undefined {
    return this.entries.get(name);
  }

  names(): string[] {
    return [...this.entries.keys()];
  }

  /** Whether the name is there, or will be when all changes so far are in force. */
  willHave(name: string): boolean {
    for (const changes of [this.#gathered, this.#writing]) {
      const change = changes.get(name);
      if (change !== undefined) return change !== null;
    }
    return this.entries.has(name);
  }

  /** Resolves when the change is in force. @throws BrokerError when it cannot be written, and is not in force then */
  change(name: string, stored: StoredPassword | null): Promise<void> {
    this.#gathered.set(name, stored);
    if (this.#gatheredWritten === null) {
      this.#gatheredWritten = this.#write(this.#idle);
      this.#idle = this.#gatheredWritten.catch(ignore);
    }
    return this.#gatheredWritten;
  }

  /** Resolves when everything that was changed has been written, or has failed. */
  idle(): Promise<void> {
    return this.#idle;
  }

  async #write(before: Promise<void>): Promise<void> {
    await before;
    await nextTurn();
    this.#writing = this.#gathered;
    this.#gathered = new Map();
    this.#gatheredWritten = null;
    try {
      const next = new Map(this.entries);
      apply(this.#writing, next);
      await writePasswords(this.document, next);
      apply(this.#writing, this.entries);
    } finally {
      this.#writing = new Map();
    }
  }
}

function apply(changes: Changes, entries: Map<string, StoredPassword>): void {
  for (const [name, stored] of changes) {
    if (stored === null) entries.delete(name);
    else entries.set(name, stored);
  }
}

function ignore(): void {}
