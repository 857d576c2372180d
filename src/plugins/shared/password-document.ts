/**
 * The document with the stored passwords of one plugin: a head with the number and the SHA-256 of what follows, then
 * one line of JSON per name. Read whole or not at all: a name that was lost would be let in as anybody. Main thread.
 */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MainDocument } from '../../base/document.js';
import { BrokerError, messageOf } from '../../base/errors.js';
import { PASSWORD_FILE_BYTES_MAX, PASSWORD_FILE_LINES_PER_TURN } from '../../limits.js';
import {
  type HashFormat,
  parseHashFormat,
  problemOf,
  type StoredPassword,
} from '../../passwords/hash-format.js';

const FORMAT = 'shardmq passwords';
const VERSION = 1;
const HEAD_BYTES_MAX = 256;

/** First line of the document. */
interface Head {
  readonly format: typeof FORMAT;
  readonly version: typeof VERSION;
  readonly entries: number;
  /** Of all that follows, in hex. */
  readonly sha256: string;
}

/**
 * @returns what the document holds by name, nothing where there is none
 * @throws BrokerError DATA_DIR_FAILED with the line that is wrong
 */
export async function readPasswords(document: MainDocument): Promise<Map<string, StoredPassword>> {
  const bytes = readWhole(document);
  if (bytes === null) return new Map();
  if (!isUtf8(bytes)) throw damaged(document, 'it is not UTF-8');
  const end = bytes.indexOf(0x0a);
  const head = readHead(document, bytes.toString('utf8', 0, Math.max(0, end)));
  const body = bytes.subarray(end + 1);
  const entries = await readEntries(document, body.toString('utf8'));
  if (entries.size !== head.entries) {
    throw damaged(document, `it has ${entries.size} names and should have ${head.entries}`);
  }
  if (digestOf(body) !== head.sha256) throw damaged(document, 'it is not as it was written');
  return entries;
}

function readWhole(document: MainDocument): Buffer | null {
  try {
    return document.read(PASSWORD_FILE_BYTES_MAX);
  } catch (error) {
    throw failed(document, `cannot be read: ${messageOf(error)}; ${document.remedy}`);
  }
}

function readHead(document: MainDocument, line: string): Head {
  const { format, version, entries, sha256 } = parseLine<Partial<Record<keyof Head, unknown>>>(line) ?? {};
  if (format !== FORMAT) throw damaged(document, 'line 1 is not the head of a password file');
  if (version !== VERSION) {
    throw failed(document, `has version ${JSON.stringify(version)}, this broker knows only ${VERSION}`);
  }
  if (typeof entries !== 'number' || typeof sha256 !== 'string')
    throw damaged(document, 'line 1 is not complete');
  return { format, version, entries, sha256 };
}

async function readEntries(document: MainDocument, body: string): Promise<Map<string, StoredPassword>> {
  const entries = new Map<string, StoredPassword>();
  const formats = new Map<string, HashFormat>();
  let start = 0;
  for (let line = 2; start < body.length; line++) {
    const end = body.indexOf('\n', start);
    const text = body.slice(start, end < 0 ? body.length : end);
    const entry = end < 0 ? null : readEntry(text, formats);
    if (entry === null || entries.has(entry[0])) {
      throw damaged(document, `line ${line} is not the password of a name, or the name's second`);
    }
    entries.set(...entry);
    start = end + 1;
    if (line % PASSWORD_FILE_LINES_PER_TURN === 0) await nextTurn();
  }
  return entries;
}

/** @param formats those seen before: there are few, and each is one object for all its passwords */
function readEntry(text: string, formats: Map<string, HashFormat>): [string, StoredPassword] | null {
  const fields = parseLine<unknown>(text);
  if (!Array.isArray(fields) || fields.length !== 4) return null;
  const [name, formatText, salt, hash]: unknown[] = fields;
  if (typeof name !== 'string' || typeof formatText !== 'string') return null;
  if (typeof salt !== 'string' || typeof hash !== 'string') return null;
  let format = formats.get(formatText);
  if (format === undefined) {
    try {
      format = parseHashFormat(formatText);
    } catch {
      return null;
    }
    formats.set(formatText, format);
  }
  const stored = { format, salt, hash };
  return problemOf(stored) === null ? [name, stored] : null;
}

function parseLine<T>(line: string): T | null {
  try {
    return JSON.parse(line) as T | null;
  } catch {
    return null;
  }
}

/**
 * Whole or not at all, also when the power goes.
 * @throws BrokerError DATA_DIR_FAILED; what was there before is still there then
 */
export async function writePasswords(
  document: MainDocument,
  entries: ReadonlyMap<string, StoredPassword>,
): Promise<void> {
  const body = await printEntries([...entries]);
  const head: Head = { format: FORMAT, version: VERSION, entries: entries.size, sha256: digestOf(body) };
  // What could not be read again must not be written.
  if (body.length > PASSWORD_FILE_BYTES_MAX - HEAD_BYTES_MAX) throw failed(document, 'would be too large');
  try {
    await document.write(Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), body]));
  } catch (error) {
    throw failed(document, `cannot be written: ${messageOf(error)}`);
  }
}

async function printEntries(entries: readonly [string, StoredPassword][]): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let start = 0; start < entries.length; start += PASSWORD_FILE_LINES_PER_TURN) {
    const lines = entries
      .slice(start, start + PASSWORD_FILE_LINES_PER_TURN)
      .map(([name, { format, salt, hash }]) => `${JSON.stringify([name, format.text, salt, hash])}\n`);
    parts.push(Buffer.from(lines.join('')));
    await nextTurn();
  }
  return Buffer.concat(parts);
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function damaged(document: MainDocument, what: string): BrokerError {
  return failed(document, `is damaged (${what}); ${document.remedy}`);
}

function failed({ where }: MainDocument, what: string): BrokerError {
  return new BrokerError('DATA_DIR_FAILED', `${where} ${what}`);
}
