/** Files with certificates and keys: how they are read, and how it is seen that one has changed. Main thread. */
import { open, stat } from 'node:fs/promises';
import { TLS_FILE_BYTES_MAX } from '../limits.js';

/** @throws Error whose message says in a few words why the file is of no use */
export async function readPem(path: string): Promise<string> {
  // Looked at before it is opened: a pipe would be waited for.
  const { size } = await regularFile(path);
  if (size > TLS_FILE_BYTES_MAX) throw new Error(`has more than ${TLS_FILE_BYTES_MAX} bytes`);
  const file = await open(path).catch(explain);
  try {
    const buffer = Buffer.alloc(size);
    const { bytesRead } = await file.read(buffer, 0, size, 0);
    const text = buffer.toString('latin1', 0, bytesRead);
    if (text.trim() === '') throw new Error('is empty');
    if (!text.includes('-----BEGIN ')) throw new Error('is no PEM file: it has no line -----BEGIN ...');
    return text;
  } finally {
    await file.close();
  }
}

/**
 * @returns what differs when the file is another, or was written to; symbolic links are followed, so that it differs
 * too when one points elsewhere. Never rejects: a file that cannot be looked at has a state as well.
 */
export async function stateOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
    return `${dev}:${ino}:${size}:${mtimeNs}`;
  } catch (error) {
    return codeOf(error);
  }
}

/** @returns the blocks of this kind, such as `X509 CRL`, each with its first and last line. */
export function pemBlocks(text: string, kind: RegExp): string[] {
  const blocks = text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----[^-]*-----END \1-----/g);
  return Array.from(blocks, (match) => ({ kind: match[1]!, block: match[0] }))
    .filter((found) => kind.test(found.kind))
    .map(({ block }) => block);
}

async function regularFile(path: string): Promise<{ size: number }> {
  const stats = await stat(path).catch(explain);
  if (!stats.isFile()) throw new Error('is no regular file');
  return stats;
}

function explain(error: unknown): never {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') throw new Error('not found');
  if (code === 'EACCES') throw new Error('may not be read by the user the broker runs as');
  throw new Error(`cannot be read: ${code}`);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
