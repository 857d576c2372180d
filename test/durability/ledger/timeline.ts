/**
 * What the entries tell those who look for a cause: why a promise was not kept, or where a run stands still.
 */
import type { Entry } from './entries.js';
import type { Fault } from './judge.js';

const FAULTS_MAX = 3;
const LINES_MAX = 40;
const RECENT_US = 5_000_000;
const NAMES_MAX = 12;
/** They are of one client, and few. */
const OF_SESSION: ReadonlySet<Entry['kind']> = new Set([
  ...(['connecting', 'connected', 'closed', 'broken'] as const),
  ...(['subscribing', 'subscribed', 'unsubscribing', 'unsubscribed'] as const),
]);

/** @returns for each of the first faults what was noted of its message, of its clients, and of the broker */
export function timelines(entries: readonly Entry[], faults: readonly Fault[]): string[] {
  const clients = new Set(entries.flatMap((entry) => ('client' in entry ? [entry.client] : [])));
  const sorted = entries.toSorted((one, other) => one.atUs - other.atUs);
  return faults.slice(0, FAULTS_MAX).map(({ rule, what }) => {
    const words = what.split(/[ :]+/);
    const named = new Set(words.filter((word) => clients.has(word)));
    const topic = words.find((word) => word.includes('/')) ?? '';
    const seq = Number(words[words.indexOf(topic) + 1]);
    const lines = sorted.filter((entry) => {
      if (entry.kind === 'broker') return true;
      if ('seq' in entry && entry.topic === topic && (Number.isNaN(seq) || entry.seq === seq)) return true;
      return 'client' in entry && named.has(entry.client) && OF_SESSION.has(entry.kind);
    });
    return [`${rule}: ${what}`, ...lines.slice(-LINES_MAX).map(lineOf)].join('\n  ');
  });
}

/** @returns who has noted what of late, and who is not connected */
export function standing(entries: readonly Entry[], nowUs: number): string {
  const recent = new Map<string, number>();
  const last = new Map<string, Entry['kind']>();
  for (const entry of entries) {
    if (!('client' in entry)) continue;
    const { kind, client, atUs } = entry;
    if (kind === 'connecting' || kind === 'connected' || kind === 'closed') last.set(client, kind);
    if (atUs > nowUs - RECENT_US) recent.set(`${kind} ${client}`, (recent.get(`${kind} ${client}`) ?? 0) + 1);
  }
  const busiest = [...recent].sort(([, one], [, other]) => other - one).slice(0, NAMES_MAX);
  const away = [...last]
    .filter(([, kind]) => kind !== 'connected')
    .map(([client, kind]) => `${client} ${kind}`);
  return (
    `${entries.length} entries; in the last seconds ${busiest.map(([name, count]) => `${count} ${name}`).join(', ') || 'none'}; ` +
    `not connected: ${away.slice(-NAMES_MAX).join(', ') || 'nobody'}`
  );
}

function lineOf({ kind, atUs, ...rest }: Entry): string {
  return `${(atUs / 1_000_000).toFixed(3)} ${kind} ${JSON.stringify(rest)}`;
}
