/** The bans that outlive the broker: one document, written whole or not at all. Main thread. */

import type { Documents, MainDocument } from '../base/document.js';
import { BrokerError, messageOf } from '../base/errors.js';
import { BANS_FILE_BYTES_MAX } from '../limits.js';
import { type Ban, checkBan } from './ban.js';

const FORMAT_VERSION = 1;

/** What keeps the bans. */
export function bansIn(store: Documents): MainDocument {
  return store.document('bans', 'bans.json');
}

/** @returns nothing where there is none. @throws BrokerError DATA_DIR_FAILED: whom it keeps out cannot be known */
export function readBans(document: MainDocument): readonly Ban[] {
  const { remedy } = document;
  let bytes: Buffer | null;
  try {
    bytes = document.read(BANS_FILE_BYTES_MAX);
  } catch (error) {
    throw failed(document, `cannot be read: ${messageOf(error)}; ${remedy}`);
  }
  if (bytes === null) return [];
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    throw failed(document, `is damaged (it is not JSON); ${remedy}`);
  }
  if (!isRecord(value) || value['formatVersion'] !== FORMAT_VERSION || !Array.isArray(value['bans'])) {
    throw failed(document, `has no bans in format ${FORMAT_VERSION}; ${remedy}`);
  }
  return value['bans'].map((each: unknown, at) => {
    const ban = banOf(each);
    if (typeof ban === 'string') throw failed(document, `is damaged (ban ${at + 1}: ${ban}); ${remedy}`);
    return ban;
  });
}

/** @throws BrokerError DATA_DIR_FAILED; those before are still kept then */
export async function writeBans(document: MainDocument, bans: readonly Ban[]): Promise<void> {
  const text = `${JSON.stringify({ formatVersion: FORMAT_VERSION, bans }, null, 1)}\n`;
  if (Buffer.byteLength(text) > BANS_FILE_BYTES_MAX)
    throw failed(document, 'would be too large to be read again');
  try {
    await document.write(text);
  } catch (error) {
    throw failed(document, `cannot be written: ${messageOf(error)}`);
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

function failed({ where }: MainDocument, what: string): BrokerError {
  return new BrokerError('DATA_DIR_FAILED', `${where} ${what}`);
}
