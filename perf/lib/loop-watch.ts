/** Asks a broker that was started with loop-probe.ts how late its loops are. On the generator’s main thread. */
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { LoopQuestion, LoopReport } from './loop-probe.js';

/** Time for every shard to answer, in its turn; what came until then counts. */
const ANSWER_DEADLINE_MS = 5_000;
const ANSWER_EVERY_MS = 20;

/** How late the worst of the broker's threads was. */
export interface LoopFigures {
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** Arguments of Node.js that load the probe. */
export const PROBE_ARGUMENTS = ['--import', fileURLToPath(new URL('./loop-probe.js', import.meta.url))];

export class LoopWatch {
  constructor(
    private readonly child: ChildProcess,
    private readonly shards: number,
  ) {}

  begin(): void {
    this.#ask('begin');
  }

  /** @returns null when no thread has answered */
  async take(): Promise<LoopFigures | null> {
    const reports: LoopReport[] = [];
    const onMessage = (report: LoopReport): void => void reports.push(report);
    this.child.on('message', onMessage);
    this.#ask('take');
    for (let waitedMs = 0; waitedMs < ANSWER_DEADLINE_MS; waitedMs += ANSWER_EVERY_MS) {
      await sleep(ANSWER_EVERY_MS);
      if (reports.length >= this.shards) break;
    }
    this.child.off('message', onMessage);
    if (reports.length === 0) return null;
    const worst = (figure: 'p99Ms' | 'p999Ms' | 'maxMs'): number =>
      Math.max(...reports.map((report) => report[figure]));
    return { p99Ms: worst('p99Ms'), p999Ms: worst('p999Ms'), maxMs: worst('maxMs') };
  }

  #ask(question: LoopQuestion): void {
    this.child.send(question);
  }
}
