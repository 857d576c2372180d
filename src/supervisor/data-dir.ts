/** The data directory and what a node must remember over restarts: its keys and its number of shards. Main thread. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { BrokerError, messageOf } from '../base/errors.js';
import { readWholeFile, writeWholeFile } from '../base/whole-file.js';
import { NODE_FILE_BYTES_MAX, SHARDS_MAX } from '../limits.js';
import { storedShards } from '../storage/shard-swap.js';

/** Content of `node.json`. */
export interface NodeRecord {
  readonly formatVersion: 1;
  /** Keys the hash from ClientId to slot. Base64 of 32 random bytes; secret, so that nobody can aim at one shard. */
  readonly slotKey: string;
  /** Seeds the hashes of topics and levels. Unsigned, 32 bits; secret for the same reason. */
  readonly hashSeed: number;
  readonly shards: number;
}

const FILE = 'node.json';
const SLOT_KEY_BYTES = 32;

/**
 * Opens or creates the data directory and remembers the number of shards: `configuredShards` if it is not 0, else
 * what the node had, else `defaultShards`. Stores that are there belong to the number that is remembered: `isKeeping`
 * false leaves both alone.
 * @throws BrokerError DATA_DIR_FAILED
 */
export function openDataDir(
  directory: string,
  configuredShards: number,
  defaultShards: number,
  isKeeping = true,
): NodeRecord {
  makeDataDir(directory);
  const path = join(directory, FILE);
  const known = readRecord(path);
  const hasStores = storedShards(directory).length > 0;
  // Nobody would find anything by other keys.
  if (known === null && hasStores) {
    throw failed(
      path,
      'is missing, and the stores beside it are of no use without it: restore it, or a backup',
    );
  }
  const record: NodeRecord = {
    formatVersion: 1,
    slotKey: known?.slotKey ?? randomBytes(SLOT_KEY_BYTES).toString('base64'),
    hashSeed: known?.hashSeed ?? randomBytes(4).readUInt32LE(),
    shards: configuredShards || (known?.shards ?? defaultShards),
  };
  if (known?.shards !== record.shards && (isKeeping || !hasStores)) writeRecord(path, record);
  return record;
}

/** @returns the number of shards that the node had last; null: it is new. @throws BrokerError DATA_DIR_FAILED */
export function rememberedShards(directory: string): number | null {
  return readRecord(join(directory, FILE))?.shards ?? null;
}

/** Remembers another number of shards; the node must be known. @throws BrokerError DATA_DIR_FAILED */
export function rememberShards(directory: string, shards: number): void {
  const path = join(directory, FILE);
  const known = readRecord(path);
  if (known === null) throw failed(path, 'is missing; restore it, or a backup of the whole directory');
  writeRecord(path, { ...known, shards });
}

/** @throws BrokerError DATA_DIR_FAILED */
export function makeDataDir(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw failed(directory, `cannot be created: ${messageOf(error)}`);
  }
}

function readRecord(path: string): NodeRecord | null {
  let text: string | null;
  try {
    text = readWholeFile(path, NODE_FILE_BYTES_MAX);
  } catch (error) {
    throw failed(path, `cannot be read: ${messageOf(error)}`);
  }
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged(path, 'it is not JSON');
  }
  return checkRecord(path, value);
}

function checkRecord(path: string, value: unknown): NodeRecord {
  if (typeof value !== 'object' || value === null) throw damaged(path, 'it is not an object');
  const { formatVersion, slotKey, hashSeed, shards } = value as Partial<Record<keyof NodeRecord, unknown>>;
  if (formatVersion !== 1) {
    throw failed(path, `has formatVersion ${JSON.stringify(formatVersion)}, this version knows only 1`);
  }
  if (typeof slotKey !== 'string' || Buffer.from(slotKey, 'base64').length !== SLOT_KEY_BYTES) {
    throw damaged(path, `slotKey is not ${SLOT_KEY_BYTES} bytes in base64`);
  }
  if (!isIntegerWithin(hashSeed, 0, 0xffff_ffff)) throw damaged(path, 'hashSeed is not a 32-bit integer');
  if (!isIntegerWithin(shards, 1, SHARDS_MAX)) throw damaged(path, `shards is not within 1 to ${SHARDS_MAX}`);
  return { formatVersion, slotKey, hashSeed, shards };
}

function writeRecord(path: string, record: NodeRecord): void {
  try {
    writeWholeFile(path, `${JSON.stringify(record, null, 2)}\n`);
  } catch (error) {
    throw failed(path, `cannot be written: ${messageOf(error)}`);
  }
}

function isIntegerWithin(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}

function damaged(path: string, what: string): BrokerError {
  return failed(
    path,
    `is damaged (${what}); restore it, or delete it together with the sessions stored beside it`,
  );
}

function failed(path: string, what: string): BrokerError {
  return new BrokerError('DATA_DIR_FAILED', `${path} ${what}`);
}
