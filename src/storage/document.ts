/** A document that main keeps, and the file that may stand for it. Main thread. */
import { existsSync, renameSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { MainDocument } from '../base/document.js';
import { readWholeBytes, syncDirectory } from '../base/whole-file.js';

/** Where documents lie. */
export interface StoredDocuments {
  readonly directory: string;
  readonly dataDirectory: string;
  /** @throws Error when it is damaged, lost, or of a later version */
  get(name: string): Buffer | null;
  put(name: string, content: Buffer): Promise<void>;
}

export class KeptDocument implements MainDocument {
  /** The file counts, as it was found when the document was read last. */
  #isInFile: boolean;

  constructor(
    private readonly documents: StoredDocuments,
    private readonly name: string,
    readonly file: string,
  ) {
    this.#isInFile = existsSync(file);
  }

  get where(): string {
    return this.#isInFile ? this.file : `${this.name} in ${this.documents.directory}`;
  }

  get remedy(): string {
    if (this.#isInFile) return 'restore it, or delete it to begin without';
    return (
      `restore a backup, or put a good ${basename(this.file)} into ${dirname(this.file)} and start again; ` +
      `without ${this.documents.directory} a broker begins with nothing of what is kept there`
    );
  }

  read(bytesMax: number): Buffer | null {
    this.#isInFile = existsSync(this.file);
    return this.#isInFile ? readWholeBytes(this.file, bytesMax) : this.documents.get(this.name);
  }

  async write(content: Buffer | string): Promise<void> {
    await this.documents.put(this.name, Buffer.isBuffer(content) ? content : Buffer.from(content));
    this.#leaveFile();
  }

  /**
   * The file has been read, and is right as far as anybody could tell.
   * @returns whether there was one
   */
  async adoptFile(): Promise<boolean> {
    if (!this.#isInFile) return false;
    await this.write(await readFile(this.file));
    return true;
  }

  // Before anything else is written, also when the power goes: a file that is still there would undo it.
  #leaveFile(): void {
    if (!this.#isInFile) return;
    renameSync(this.file, `${this.file}.imported`);
    syncDirectory(dirname(this.file));
    this.#isInFile = false;
  }
}
