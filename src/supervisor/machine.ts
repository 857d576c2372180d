/** What of this machine the broker may really use: cores and memory, container limits included. Main thread. */
import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { SHARDS_MAX } from '../limits.js';

/** Text of a file, or null where there is none to read. */
export type FileReader = (path: string) => string | null;

const readText: FileReader = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
};

/** @returns cores that a control group's CPU quota leaves, possibly a fraction; Infinity without a quota. */
export function quotaCores(read: FileReader = readText): number {
  let cores = Number.POSITIVE_INFINITY;
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    // hierarchy:controllers:path; in version 2 there is one line and no controller.
    const [, controllers, path] = line.split(':');
    if (controllers === undefined || path === undefined) continue;
    const quotaAt = controllers === '' ? quotaV2 : controllers.split(',').includes('cpu') ? quotaV1 : null;
    if (quotaAt === null) continue;
    // A group is bound by its ancestors' quotas too. In a container the own path may be missing: "/" is there.
    for (let at = path; ; at = at.slice(0, at.lastIndexOf('/'))) {
      cores = Math.min(cores, quotaAt(at === '/' ? '' : at, read));
      if (at === '' || at === '/') break;
    }
  }
  return cores;
}

function quotaV2(group: string, read: FileReader): number {
  const [quota, period] = (read(`/sys/fs/cgroup${group}/cpu.max`) ?? '').trim().split(' ');
  return ratio(quota, period);
}

function quotaV1(group: string, read: FileReader): number {
  const folder = `/sys/fs/cgroup/cpu${group}`;
  return ratio(read(`${folder}/cpu.cfs_quota_us`)?.trim(), read(`${folder}/cpu.cfs_period_us`)?.trim());
}

/** A quota of "max" or -1 is none. */
function ratio(quotaText: string | undefined, periodText: string | undefined): number {
  const quota = Number(quotaText);
  const period = Number(periodText);
  return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY;
}

/** @returns whole cores this process may use, at least 1. */
export function usableCores(): number {
  return Math.max(1, Math.floor(Math.min(availableParallelism(), quotaCores())));
}

/** @returns shards for a number of cores: main keeps one busy. */
export function defaultShards(cores: number): number {
  return Math.min(SHARDS_MAX, Math.max(1, cores - 1));
}

/** @returns bytes of memory this process may use: the machine's, or its control group's if that is less. */
export function usableMemoryBytes(): number {
  const total = totalmem();
  const constrained = process.constrainedMemory();
  return constrained > 0 && constrained < total ? constrained : total;
}
