/** Documents of main: some in memory, and those of a data directory, which may be looked at and broken. */
import { join } from 'node:path';
import type { Documents, MainDocument } from '../../src/base/document.js';
import { Environment } from '../../src/storage/environment.js';
import { MainStore } from '../../src/storage/main-store.js';

/** Keeps nothing beyond the test. */
export class MemoryDocument implements MainDocument {
  readonly where = 'the document';
  readonly remedy = 'restore it';
  writes = 0;
  /** Of the next write. */
  failure: string | null = null;

  constructor(public bytes: Buffer | null = null) {}

  get text(): string {
    return this.bytes?.toString() ?? '';
  }

  read(bytesMax: number): Buffer | null {
    if ((this.bytes?.length ?? 0) > bytesMax) throw new Error('too long');
    return this.bytes;
  }

  async write(content: Buffer | string): Promise<void> {
    const { failure } = this;
    this.failure = null;
    this.writes++;
    if (failure !== null) throw new Error(failure);
    this.bytes = Buffer.from(content);
  }
}

/** One for each name, made when it is asked for. */
export class MemoryDocuments implements Documents {
  readonly all = new Map<string, MemoryDocument>();

  document(name: string): MemoryDocument {
    const document = this.all.get(name) ?? new MemoryDocument();
    this.all.set(name, document);
    return document;
  }
}

/** @returns what is stored in a data directory, of which a broker may be the holder; null: nothing */
export async function storedText(dataDirectory: string, name: string): Promise<string | null> {
  const store = await MainStore.look(dataDirectory, true);
  try {
    return store.get(name)?.toString() ?? null;
  } finally {
    await store.close();
  }
}

/** Stores a document while no broker runs. */
export async function storeText(dataDirectory: string, name: string, text: string): Promise<void> {
  const store = await MainStore.open(dataDirectory, { error: () => undefined, warn: () => undefined });
  await store.put(name, Buffer.from(text));
  await store.close();
}

/** Bends a stored document, as a disk may, while no broker runs. */
export async function damageDocument(dataDirectory: string, name: string): Promise<void> {
  const environment = new Environment(join(dataDirectory, 'main'), ['meta', 'documents']);
  const key = Buffer.from(name);
  const value = Buffer.from(environment.get('documents', key)!);
  value[value.length >> 1]! ^= 1;
  environment.writeNow([{ table: 'documents', key, value }]);
  await environment.close();
}
