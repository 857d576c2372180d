/** What profiles of a broker's threads say: where they have spent their time. On the main thread. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FUNCTIONS_SHOWN = 10;
/** Not the broker's work: waiting, pauses between turns, and what the profile cannot see into. */
const NOT_WORK = new Set(['(idle)', '(program)', '(root)', 'holdThread']);

interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Node of each sample. */
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

/** @returns for every folder in `folder`, by scenario, the functions with the most time of their own */
export function profileSummary(folder: string): string {
  const scenarios = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return scenarios.map(({ name }) => `${name}\n${topFunctions(join(folder, name))}`).join('\n');
}

/** Of the shards together, and how much main has worked beside them. */
function topFunctions(folder: string): string {
  const times = new Map<string, number>();
  let shardsUs = 0;
  let othersUs = 0;
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'))) {
    const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile;
    const isShard = profile.nodes.some(({ callFrame: { url } }) => url.includes('/dist/workers/'));
    for (const [name, us] of selfTimes(profile)) {
      if (isShard) times.set(name, (times.get(name) ?? 0) + us);
      if (isShard) shardsUs += us;
      else othersUs += us;
    }
  }
  if (shardsUs === 0) return '  no profile\n';
  const top = [...times].sort((a, b) => b[1] - a[1]).slice(0, FUNCTIONS_SHOWN);
  const lines = top.map(([name, us]) => `  ${((us / shardsUs) * 100).toFixed(1).padStart(5)} %  ${name}\n`);
  const ms = (us: number): string => `${(us / 1000).toFixed(0)} ms`;
  return `${lines.join('')}  of ${ms(shardsUs)} in the shards; ${ms(othersUs)} in other threads, starting included\n`;
}

function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): Map<string, number> {
  const working = nodes.filter(({ callFrame }) => !NOT_WORK.has(callFrame.functionName));
  const names = new Map(working.map((node) => [node.id, nameOf(node)]));
  const times = new Map<string, number>();
  for (const [i, id] of samples.entries()) {
    const name = names.get(id);
    if (name !== undefined) times.set(name, (times.get(name) ?? 0) + timeDeltas[i]!);
  }
  return times;
}

/** @returns `deliver workers/publish/delivery.js:120`, or the name alone of what is none of JavaScript's */
function nameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  const file = url.replace(/^.*\/(dist|node_modules)\//, '');
  return `${name} ${file}:${lineNumber + 1}`;
}
