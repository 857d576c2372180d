/**
 * How batches, answers to them and bytes of relays are posted to another shard: each as one text with a character per
 * byte while it is short, otherwise as one transferred buffer. A transferred buffer costs both threads three times as
 * much as a short text, an object with a few fields twice as much. Written and read on the shards' threads.
 *
 * Post, little-endian: u32 kind. Then of RELAY: records as in workers/relay/records.ts. Of ANSWER: u32 batches, u32
 * bytes, u32 guaranteed records that were handled and committed since the last answer. Of BATCH: the same, u32
 * guaranteed records in it, and records as in batch.ts.
 */
import type { PeerBytes } from '../../src/actor/peer-protocol.js';

export const POST_RELAY = 0;
/** So many batches, bytes and guaranteed records are done; all 0 says only that the shard is alive and busy. */
export const POST_ANSWER = 1;
/** An answer, and the next batch. */
export const POST_BATCH = 2;

/** Where relays' records begin. */
export const RELAY_HEAD_BYTES = 4;
export const ANSWER_BYTES = 16;
/** Where a batch's records begin. */
export const BATCH_HEAD_BYTES = 20;

const BATCHES_AT = 4;
const BYTES_AT = 8;
const GUARANTEED_AT = 12;
const BATCH_GUARANTEED_AT = 16;

/** What an answer says. */
export interface Answer {
  readonly batches: number;
  readonly bytes: number;
  readonly guaranteed: number;
}

/** What the other shard is owed for batches that were handled and committed since the last answer. */
export class Owed implements Answer {
  batches = 0;
  bytes = 0;
  guaranteed = 0;
  /** Something was answered since this was last set to false. */
  hasAnswered = false;

  add(bytes: number, guaranteed: number): void {
    this.batches++;
    this.bytes += bytes;
    this.guaranteed += guaranteed;
  }

  answered(): void {
    this.hasAnswered = true;
    this.batches = this.bytes = this.guaranteed = 0;
  }
}

const answer = Buffer.alloc(ANSWER_BYTES);
const answerView = new DataView(answer.buffer, answer.byteOffset, ANSWER_BYTES);

export function answerText(owed: Answer): string {
  writeAnswer(answerView, POST_ANSWER, owed);
  return answer.toString('latin1');
}

/** Fills the first BATCH_HEAD_BYTES of a batch. */
export function writeBatchHead(view: DataView, owed: Answer, guaranteed: number): void {
  writeAnswer(view, POST_BATCH, owed);
  view.setUint32(BATCH_GUARANTEED_AT, guaranteed, true);
}

function writeAnswer(view: DataView, kind: number, { batches, bytes, guaranteed }: Answer): void {
  view.setUint32(0, kind, true);
  view.setUint32(BATCHES_AT, batches, true);
  view.setUint32(BYTES_AT, bytes, true);
  view.setUint32(GUARANTEED_AT, guaranteed, true);
}

/** Reads the head of one post after the other. */
export class PostHead implements Answer {
  kind = POST_RELAY;
  batches = 0;
  bytes = 0;
  guaranteed = 0;
  /** Of BATCH. */
  batchGuaranteed = 0;

  read(post: PeerBytes): void {
    this.kind = wordOf(post, 0);
    if (this.kind === POST_RELAY) return;
    this.batches = wordOf(post, BATCHES_AT);
    this.bytes = wordOf(post, BYTES_AT);
    this.guaranteed = wordOf(post, GUARANTEED_AT);
    if (this.kind === POST_BATCH) this.batchGuaranteed = wordOf(post, BATCH_GUARANTEED_AT);
  }
}

// Of a text without a copy of it: a call into the engine costs more than twenty characters.
function wordOf(post: PeerBytes, at: number): number {
  if (typeof post !== 'string') return new DataView(post).getUint32(at, true);
  const low = post.charCodeAt(at) | (post.charCodeAt(at + 1) << 8) | (post.charCodeAt(at + 2) << 16);
  return (low | (post.charCodeAt(at + 3) << 24)) >>> 0;
}

/** @returns the bytes of a post. */
export function sizeOf(post: PeerBytes): number {
  return typeof post === 'string' ? post.length : post.byteLength;
}
