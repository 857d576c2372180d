/** Asks for everything that is retained, as a client that is new each time. */
import { RawClient } from '../../helpers/raw-client.js';
import { type Event, nowUs } from './entries.js';
import { seqOf } from './payload.js';

const FILTER = 'r/#';
const REFUSED = 0x80;

/**
 * Nothing says that the last retained message has come: `quietMs` after the latest it has.
 * @returns what it found; null: the broker went away meanwhile, or could not answer
 */
export async function auditRetained(port: number, isLast: boolean, quietMs: number): Promise<Event | null> {
  try {
    const client = await RawClient.open({ host: '127.0.0.1', port }, 4);
    try {
      return await ask(client, isLast, quietMs);
    } finally {
      client.drop();
    }
  } catch {
    return null;
  }
}

async function ask(client: RawClient, isLast: boolean, quietMs: number): Promise<Event | null> {
  const { code } = await client.connect({ clientId: '', clean: true });
  if (code !== 0) return null;
  const askedUs = nowUs();
  const { codes } = await client.subscribe([[FILTER, 0]]);
  if (codes.some((each) => each >= REFUSED)) return null;
  const found = new Map<string, number>();
  for (;;) {
    const quiet = new Promise<'quiet'>((resolve) => setTimeout(resolve, quietMs, 'quiet'));
    const next = await Promise.race([client.next(), quiet]);
    if (next === null) return null;
    if (next === 'quiet' || (next.type === 'publish' && !next.retain)) break;
    const seq = seqOf(next.topic, next.payload);
    if (seq === null) {
      return { kind: 'broken', client: 'audit', what: `${next.topic} holds what was not published` };
    }
    found.set(next.topic, seq);
  }
  const all = [...found].map(([topic, seq]) => ({ topic, seq }));
  return { kind: 'retained', filter: FILTER, askedUs, found: all, isLast };
}
