/** What is said of a cell beside its figures. Pure. */
import { type Cell, medianIn, spreadOf } from './collate.js';
import { bytes, count, digits, megabytes, percent } from './format.js';
import type { RunRecord } from './record.js';

/** Cores of others above which it is said. */
const STOLEN_CORES = 0.1;
/** Milliseconds for connecting and subscribing above which it is said. */
const READY_MS = 2_000;

/** @returns remarks, the worst first */
export function remarksOn(cell: Cell): string[] {
  const { runs, gaps } = cell;
  const faults = runs.flatMap(({ fault, round }) =>
    fault === null ? [] : [`FAILED in round ${round}: ${fault}`],
  );
  const whys = gaps.map(({ why, isFailure }) => (isFailure ? `FAILED: ${why.split('\n')[0]}` : why));
  const notes = [...faults, ...new Set(whys)];
  const last = runs.at(-1);
  if (last === undefined) return notes;
  const bound = runs.filter(({ isGeneratorBound }) => isGeneratorBound).length;
  if (bound > 0)
    notes.push(bound === runs.length ? 'generator-bound' : `generator-bound in ${bound} of ${runs.length}`);
  notes.push(...ofKind(cell, last));
  const stolen = medianIn(cell, 'stolenCores')!;
  if (stolen > STOLEN_CORES) notes.push(`${stolen.toFixed(1)} cores stolen`);
  return notes;
}

function ofKind(cell: Cell, last: RunRecord): string[] {
  const notes: string[] = [];
  const median = (figure: Parameters<typeof medianIn>[1]): number => medianIn(cell, figure) ?? 0;
  if (last.kind === 'idle') {
    notes.push(`${bytes(median('bytesPerClient'))} per client`);
    notes.push(`idle at ${(median('brokerCores') * 100).toFixed(1)}% of a core`);
  }
  if (last.barePerSecond > 0) {
    const bare = median('barePerSecond');
    notes.push(`${percent(median('perSecond') / bare)} of a bare loop’s ${count(bare)}/s`);
  }
  if (last.loopDelay !== null) notes.push(loopRemark(cell));
  if (last.crossedShare !== null) notes.push(`${percent(median('crossedShare'))} of deliveries cross shards`);
  if (last.commits !== null) notes.push(commitRemark(last.commits));
  if (last.storedBytes > 0) notes.push(`${megabytes(median('storedBytes'))} MB on disk`);
  if (last.maximumPerSecond > 0) notes.push(`maximum ${count(median('maximumPerSecond'))}/s`);
  if (median('readyMs') > READY_MS)
    notes.push(`all subscribed after ${(median('readyMs') / 1000).toFixed(1)} s`);
  if (last.broughtPerSecond > 0) notes.push(`brought at ${count(median('broughtPerSecond'))}/s`);
  if (last.newcomersPerSecond > 0) {
    const perSecond = count(median('newcomersPerSecond'));
    notes.push(`${perSecond} connects/s, all in after ${median('newcomersRoundMs').toFixed(0)} ms`);
  }
  return notes;
}

/** The median of each; how many cores were stolen meanwhile, since nobody can be in time without one. */
function loopRemark({ runs }: Cell): string {
  const [p999Ms, maxMs] = (['p999Ms', 'maxMs'] as const).map(
    (figure) => spreadOf(runs.map(({ loopDelay }) => loopDelay?.[figure] ?? 0))!.median,
  );
  const stolen = spreadOf(runs.map(({ stolenCores }) => stolenCores))!.median;
  return `loops late by p99.9 ${digits(p999Ms!)} ms, max ${digits(maxMs!)} ms (stolen ${stolen.toFixed(2)} cores)`;
}

function commitRemark({
  perSecond,
  messagesPerCommit,
  bytesPerMessage,
}: NonNullable<RunRecord['commits']>): string {
  if (perSecond === 0) return 'nothing committed';
  return (
    `${perSecond.toFixed(0)} commits/s of ${messagesPerCommit.toFixed(1)} messages, ` +
    `${bytesPerMessage.toFixed(0)} bytes each`
  );
}
