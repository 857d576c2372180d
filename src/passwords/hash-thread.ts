/**
 * Hashes one password after the other on a thread that does nothing else and, on Linux, gives way to all others: logins
 * may wait, messages not. Run by Piscina for `HashPool`.
 */
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { hashPassword } from './hash.js';
import type { HashFormat } from './hash-format.js';

export interface HashTask {
  readonly password: Uint8Array;
  readonly format: HashFormat;
  readonly salt: string;
}

giveWay();

/** @returns null when the format cannot tell this password from others */
export function run({ password, format, salt }: HashTask): string | null {
  return hashPassword(password, format, salt);
}

function giveWay(): void {
  try {
    // "PID/task/TID"; Linux sets the priority of a single thread by its own id.
    const thread = readlinkSync('/proc/thread-self').split('/')[2];
    setPriority(Number(thread), constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Elsewhere, or where it is not allowed, hashes compete like everybody else.
  }
}
