/** Locks of the kernel on whole files, which go with the last descriptor that holds them. Any thread. */
import { constants } from 'node:os';
import koffi from 'koffi';

/** Of others, with whom it is shared; or alone. */
export const SHARED = 1;
export const EXCLUSIVE = 2;
const NOT_WAITING = 4;
const FREE = 8;

type Flock = (file: number, operation: number) => number;

let native: Flock | null = null;

/** @returns false when somebody else's lock forbids it; where the file system knows no locks nobody is refused */
export function tryFlock(file: number, operation: typeof SHARED | typeof EXCLUSIVE): boolean {
  native ??= koffi.load(null).func('int flock(int fd, int operation)') as Flock;
  return native(file, operation | NOT_WAITING) === 0 || koffi.errno() !== constants.errno.EWOULDBLOCK;
}

/** Gives back what `tryFlock` gave. */
export function unlock(file: number): void {
  native?.(file, FREE);
}
