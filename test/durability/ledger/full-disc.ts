/** Places for a broker's files where a test lets it write, or not. */
import { execFileSync } from 'node:child_process';
import { program, type Requirement } from '../../helpers/needs.js';
import { SmallDisc } from './small-disc.js';

export interface Disc {
  readonly path: string;
  /** From now on the process can write nothing there. */
  fill(pid: number): void;
  /** It can again; it may have ended. */
  free(pid: number): void;
  /** Nobody may use it any more. */
  end(): void;
}

/** A disc of its own with no room left. */
export class FullDisc implements Disc {
  private readonly disc: SmallDisc;

  /** @throws Error when it may not be mounted */
  constructor(bytes: number) {
    this.disc = new SmallDisc(bytes);
  }

  get path(): string {
    return this.disc.path;
  }

  fill(): void {
    this.disc.fill();
  }

  free(): void {
    this.disc.free();
  }

  end(): void {
    this.disc.unmount();
  }
}

/** `prlimit`, which changes the limits of a process that runs. */
export const FILE_LIMIT: Requirement = program('prlimit');

/** A directory as any other, and a process that may write no byte of any file. */
export class FileLimit implements Disc {
  constructor(readonly path: string) {}

  fill(pid: number): void {
    this.limit(pid, '0');
  }

  free(pid: number): void {
    this.limit(pid, 'unlimited');
  }

  end(): void {}

  private limit(pid: number, bytes: string): void {
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`], { stdio: 'pipe' });
  }
}
