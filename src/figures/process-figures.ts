/** What the process has and uses. Main thread. */
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';

/** Memory of the process and of main's part in it, in bytes. */
export interface MemoryFigures {
  /** What the system gave it. */
  readonly residentBytes: number;
  /** JavaScript's heap on main. */
  readonly heapUsedBytes: number;
  /** Buffers and the like, on main. */
  readonly externalBytes: number;
}

export function memoryFigures(): MemoryFigures {
  const { rss, heapUsed, external } = process.memoryUsage();
  return { residentBytes: rss, heapUsedBytes: heapUsed, externalBytes: external };
}

/** @returns what all threads have used of the processor, since start */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** @returns averages over 1, 5 and 15 minutes */
export function loadAverages(): readonly [number, number, number] {
  return loadavg() as [number, number, number];
}

/** @returns how many files the process may have open; 0 where the system does not say */
export function descriptorsMax(limits: string | null = readLimits()): number {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits ?? '')?.[1];
  if (soft === 'unlimited') return Number.MAX_SAFE_INTEGER;
  return soft === undefined ? reportedDescriptorsMax() : Number(soft);
}

function readLimits(): string | null {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return null;
  }
}

interface LimitsReport {
  readonly userLimits?: { readonly open_files?: { readonly soft?: unknown } };
}

/** Where there is no /proc. Slow (milliseconds), and the same as long as the process lives: asked once. */
function reportedDescriptorsMax(): number {
  reported ??= Number((process.report.getReport() as LimitsReport).userLimits?.open_files?.soft);
  return Number.isSafeInteger(reported) ? reported : 0;
}

let reported: number | undefined;
