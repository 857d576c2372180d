/** What the ledger's messages carry: their name, something to fill them, and a checksum. */
import { crc32 } from 'node:zlib';

/** @returns text of at least `bytes` */
export function payloadOf(topic: string, seq: number, bytes: number): string {
  const head = `${topic} ${seq} `;
  const body = head + 'x'.repeat(Math.max(0, bytes - head.length));
  return `${body} ${crc32(body)}`;
}

/** @returns the message's number; null: it is not what was published on this topic */
export function seqOf(topic: string, payload: string): number | null {
  const end = payload.lastIndexOf(' ');
  const body = payload.slice(0, end);
  if (String(crc32(body)) !== payload.slice(end + 1)) return null;
  const [name, seq] = body.split(' ');
  return name === topic && seq !== undefined ? Number(seq) : null;
}
