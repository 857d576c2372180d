/** Reads settings from environment variables and from `--set KEY=VALUE`. Main thread, at start only. */
import { type ConfigIssue, type Entry, type Source, sourceIssue } from './entry.js';

const PREFIX = 'SHARDMQ_';
/** Variables that are no keys: passwords are not configuration, which is shown and kept; others are for commands. */
const OTHERS = ['SHARDMQ_ADMIN_PASSWORD', 'SHARDMQ_API_PASSWORD', 'SHARDMQ_API_URL', 'SHARDMQ_API_USER'];

/** `SHARDMQ_MQTT__MAX_PACKET_SIZE` sets `mqtt.max_packet_size`: `__` stands for the dot, case does not matter. */
export function entriesOfEnvironment(
  env: NodeJS.ProcessEnv,
): Source & { readonly strange: readonly string[] } {
  const entries: Entry[] = [];
  const strange: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!name.toUpperCase().startsWith(PREFIX) || value === undefined || OTHERS.includes(name)) continue;
    const key = name.slice(PREFIX.length).toLowerCase().replaceAll('__', '.');
    if (key.includes('.')) entries.push({ key, value, where: `environment ${name}` });
    else strange.push(name);
  }
  entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  return { entries, issues: [], strange };
}

/** Each text is `KEY=VALUE`; the value may contain `=`. */
export function entriesOfSet(texts: readonly string[]): Source {
  const entries: Entry[] = [];
  const issues: ConfigIssue[] = [];
  for (const text of texts) {
    const split = text.indexOf('=');
    if (split <= 0) issues.push(sourceIssue('command line', 'KEY=VALUE', text));
    else
      entries.push({
        key: text.slice(0, split).trim(),
        value: text.slice(split + 1).trim(),
        where: 'command line',
      });
  }
  return { entries, issues };
}
