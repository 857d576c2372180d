/** What a process, a thread and the machine have used. From /proc on Linux, from `ps` elsewhere. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const IS_LINUX = process.platform === 'linux';

/** Milliseconds per clock tick in /proc; the kernel reports 100 ticks a second on every common system. */
const TICK_MS = IS_LINUX ? 1000 / Number(execFileSync('getconf', ['CLK_TCK']).toString()) : 10;

export interface ProcessUsage {
  /** User and system time of all threads since the start, in milliseconds. */
  readonly cpuMs: number;
  /** Memory in RAM, in bytes. */
  readonly rssBytes: number;
}

/** @throws Error when there is no such process. */
export function processUsage(pid: number): ProcessUsage {
  if (!IS_LINUX) return usageFromPs(pid);
  const residentKb = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return { cpuMs: cpuMsFromStat(`/proc/${pid}/stat`), rssBytes: Number(residentKb) * 1024 };
}

/** @returns CPU milliseconds of the calling thread; off Linux the average of `threads` threads. */
export function threadCpuMs(threads: number): number {
  if (IS_LINUX) return cpuMsFromStat('/proc/thread-self/stat');
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000 / threads;
}

/** @returns milliseconds that the hypervisor gave to others, summed over the cores, since boot; 0 where unknown. */
export function stolenMs(): number {
  if (!IS_LINUX) return 0;
  const ticks = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!.trim().split(/\s+/)[8];
  return Number(ticks ?? 0) * TICK_MS;
}

function cpuMsFromStat(file: string): number {
  const stat = readFileSync(file, 'utf8');
  // The command's name may hold anything, blanks and brackets too; the numbers begin behind its last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function usageFromPs(pid: number): ProcessUsage {
  const [time = '', residentKb = '0'] = execFileSync('ps', ['-o', 'time=,rss=', '-p', String(pid)])
    .toString()
    .trim()
    .split(/\s+/);
  const seconds = time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return { cpuMs: seconds * 1000, rssBytes: Number(residentKb) * 1024 };
}
