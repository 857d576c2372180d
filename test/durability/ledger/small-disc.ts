/** A file system in memory that a test fills up and frees. Only root may mount one. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  rmdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Requirement } from '../../helpers/needs.js';

/** The right to mount one. */
export const MOUNT: Requirement = { name: 'Linux and root, who may mount', isMet: mayMount };

function mayMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    new SmallDisc(1 << 20).unmount();
    return true;
  } catch {
    return false;
  }
}

const CHUNK_BYTES = 64 << 10;

export class SmallDisc {
  readonly path = mkdtempSync(join(tmpdir(), 'shardmq-disc-'));
  private readonly filler = join(this.path, 'filler');

  /** @throws Error when it may not be mounted */
  constructor(bytes: number) {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'none', this.path], { stdio: 'pipe' });
    } catch (error) {
      rmdirSync(this.path);
      throw error;
    }
  }

  /** Takes all that is left, but for so many bytes. */
  fill(leftBytes = 0): void {
    const file = openSync(this.filler, 'a');
    try {
      for (;;) writeSync(file, Buffer.alloc(CHUNK_BYTES));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
    if (leftBytes > 0) truncateSync(this.filler, statSync(this.filler).size - leftBytes);
  }

  free(): void {
    rmSync(this.filler, { force: true });
  }

  /** Nobody may use it any more. */
  unmount(): void {
    execFileSync('umount', ['--lazy', this.path], { stdio: 'pipe' });
    rmdirSync(this.path);
  }
}
