/** The bans that outlive the broker: a small file in its data directory, written whole or not at all. Main thread. */
import { readFileSync, statSync } from 'node:fs';
import { BrokerError, messageOf } from '../base/errors.js';
import { replaceFile } from '../base/whole-file.js';
import { BANS_FILE_BYTES_MAX } from '../limits.js';
import { type Ban, checkBan } from './ban.js';

const FORMAT_VERSION = 1;

/** @returns nothing where there is no file. @throws BrokerError DATA_DIR_FAILED: whom it keeps out cannot be known */
export function readBans(path: string): readonly Ban[] {
  let text: string;
  try {
    if (statSync(path).size > BANS_FILE_BYTES_MAX) throw new Error('too large to be a file of bans');
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw failed(path, `cannot be read: ${messageOf(error)}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw failed(path, 'is damaged (it is not JSON); restore or delete it');
  }
  if (!isRecord(value) || value['formatVersion'] !== FORMAT_VERSION || !Array.isArray(value['bans'])) {
    throw failed(path, `is not a file of bans in format ${FORMAT_VERSION}; restore or delete it`);
  }
  return value['bans'].map((each: unknown, at) => {
    const ban = banOf(each);
    if (typeof ban === 'string')
      throw failed(path, `is damaged (ban ${at + 1}: ${ban}); restore or delete it`);
    return ban;
  });
}

/** Also when the power goes: written aside, synced, then renamed. @throws BrokerError DATA_DIR_FAILED */
export async function writeBans(path: string, bans: readonly Ban[]): Promise<void> {
  const text = `${JSON.stringify({ formatVersion: FORMAT_VERSION, bans }, null, 1)}\n`;
  if (Buffer.byteLength(text) > BANS_FILE_BYTES_MAX)
    throw failed(path, 'would be too large to be read again');
  try {
    await replaceFile(path, text);
  } catch (error) {
    throw failed(path, `cannot be written: ${messageOf(error)}`);
  }
}

/** @returns what is wrong with it where it is none */
function banOf(each: unknown): Ban | string {
  if (!isRecord(each)) return 'it is not an object';
  const { kind, value, reason, createdAtMs, untilMs } = each;
  if (typeof value !== 'string' || typeof reason !== 'string') return 'its value or reason is no text';
  if (!Number.isFinite(createdAtMs) || (untilMs !== null && !Number.isFinite(untilMs)))
    return 'its time is none';
  return checkBan({ kind, value, reason, createdAtMs, untilMs } as Ban);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function failed(path: string, what: string): BrokerError {
  return new BrokerError('DATA_DIR_FAILED', `${path} ${what}`);
}
