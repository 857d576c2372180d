/** The table that a run prints, and what makes a run fail. */
import type { CommitFigures, RunResult } from './run-result.js';

const COLUMNS = [
  ['scenario', 38],
  ['/s', 11],
  ['CPU us', 8],
  ['p50 ms', 8],
  ['p99 ms', 8],
  ['RSS MB', 7],
  ['gen', 5],
  ['', 0],
] as const;

/** @returns what is wrong with a run's deliveries, or null. */
export function faultOf(result: RunResult): string | null {
  const faults = (['lost', 'duplicates', 'misordered', 'closed'] as const)
    .filter((key) => result[key] > 0)
    .map((key) => `${key} ${result[key]}`);
  if (result.operations === 0) faults.push('nothing arrived');
  return faults.length > 0 ? faults.join(', ') : null;
}

export function tableHead(): string {
  const cells = COLUMNS.map(([name, width], i) => (i === 0 ? name.padEnd(width) : name.padStart(width)));
  return `${cells.join(' ').trimEnd()}\n`;
}

export function tableRow(result: RunResult): string {
  const cells = [
    result.title,
    Math.round(result.perSecond).toLocaleString('en'),
    result.cpuUsPerOperation.toFixed(2),
    result.p50Ms.toFixed(2),
    result.p99Ms.toFixed(2),
    (result.rssBytes / 2 ** 20).toFixed(0),
    `${(result.generatorShare * 100).toFixed(0)}%`,
    remarks(result),
  ].map((cell, i) => (i === 0 ? cell.padEnd(COLUMNS[0][1]) : cell.padStart(COLUMNS[i]?.[1] ?? 0)));
  return `${cells.join(' ').trimEnd()}\n`;
}

/** @returns the two numbers of a run: geometric means over its scenarios of messages. */
export function summary(results: readonly RunResult[]): string {
  const flows = results.filter((result) => result.kind === 'flow' && faultOf(result) === null);
  if (flows.length === 0) return '';
  const perSecond = geometricMean(flows.map((result) => result.perSecond));
  const cpuUs = geometricMean(flows.map((result) => result.cpuUsPerOperation));
  return (
    `${Math.round(perSecond).toLocaleString('en')} deliveries/s, ${cpuUs.toFixed(2)} us of broker CPU per delivery ` +
    `(geometric means of ${flows.length} scenarios)\n`
  );
}

function remarks(result: RunResult): string {
  const notes: string[] = [];
  const fault = faultOf(result);
  if (fault !== null) notes.push(`FAILED: ${fault}`);
  if (result.isGeneratorBound) notes.push('generator-bound');
  if (result.kind === 'idle') {
    notes.push(`${(result.bytesPerClient / 1024).toFixed(1)} KB per client`);
    notes.push(`idle at ${(result.brokerCores * 100).toFixed(1)}% of a core`);
  }
  if (result.commits !== null) notes.push(commitRemark(result.commits));
  if (result.storedBytes > 0) notes.push(`${(result.storedBytes / 2 ** 20).toFixed(0)} MB on disk`);
  if (result.broughtPerSecond > 0)
    notes.push(`brought at ${Math.round(result.broughtPerSecond).toLocaleString('en')}/s`);
  if (result.newcomersPerSecond > 0) {
    const perSecond = Math.round(result.newcomersPerSecond).toLocaleString('en');
    notes.push(`${perSecond} connects/s, all in after ${result.newcomersRoundMs.toFixed(0)} ms`);
  }
  if (result.stolenCores > 0.1) notes.push(`${result.stolenCores.toFixed(1)} cores stolen`);
  return notes.join(', ');
}

function commitRemark({ perSecond, messagesPerCommit, bytesPerMessage }: CommitFigures): string {
  if (perSecond === 0) return 'nothing committed';
  return (
    `${perSecond.toFixed(0)} commits/s of ${messagesPerCommit.toFixed(1)} messages, ` +
    `${bytesPerMessage.toFixed(0)} bytes each`
  );
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(Math.max(value, 1e-9)), 0) / values.length);
}
