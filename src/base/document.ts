/** Documents that are kept, as those see them who read and write them. Types only. */

/**
 * A text or bytes, kept whole or not at all. Earlier versions kept it in a file: where that is there when the document
 * is read, the file counts, until it is taken in and renamed to `FILE.imported`. So a file that somebody puts there
 * takes the document's place with the next start.
 */
export interface MainDocument {
  /** For people: where it lies. */
  readonly where: string;
  /** For people: what to do where it is damaged, as the end of a sentence. */
  readonly remedy: string;
  /** @returns null where there is none. @throws Error when it cannot be read, or its file is longer than `bytesMax` */
  read(bytesMax: number): Buffer | null;
  /** Resolves when it is on the disk. Rejects when it cannot be stored: then the one before counts. */
  write(content: Buffer | string): Promise<void>;
}

/** All documents of a data directory. */
export interface Documents {
  /** @param file what an earlier version kept it in, in the data directory */
  document(name: string, file: string): MainDocument;
}
