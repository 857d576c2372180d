/**
 * How batches, answers to them and bytes of relays are posted to another shard: each as one text with a character per
 * byte while it is short, otherwise as one transferred buffer. A transferred buffer costs both threads three times as
 * much as a short text, an object with a few fields twice as much. Written and read on the shards' threads.
 *
 * Post, little-endian: u32 kind. Then of RELAY: records as in workers/relay/records.ts. Of ANSWER: u32 batches, u32
 * bytes, u32 guaranteed records that were handled and committed since the last answer. Of BATCH: the same, u32
 * guaranteed records in it, and records as in batch.ts. Of KEPT: the batch's sequence, and records. Of KEPT_ANSWER: the
 * sequences of the last kept batch that is handled, and of the last that is committed. Sequences are u32 low, u32 high.
 */

import type { PeerBytes } from '../../src/actor/peer-protocol.js';
import { PEER_TEXT_BYTES_MAX } from '../../src/limits.js';

export const POST_RELAY = 0;
/** So many batches, bytes and guaranteed records are done; all 0 says only that the shard is alive and busy. */
export const POST_ANSWER = 1;
/** An answer, and the next batch. */
export const POST_BATCH = 2;
/** A batch from the outbox. */
export const POST_KEPT = 3;
/** So far the batches from the outbox have come. */
export const POST_KEPT_ANSWER = 4;

/** Where relays' records begin. */
export const RELAY_HEAD_BYTES = 4;
export const ANSWER_BYTES = 16;
/** Where a batch's records begin. */
export const BATCH_HEAD_BYTES = 20;
export const KEPT_HEAD_BYTES = 12;

const BATCHES_AT = 4;
const BYTES_AT = 8;
const GUARANTEED_AT = 12;
const BATCH_GUARANTEED_AT = 16;
const SEQUENCE_AT = 4;
const COMMITTED_AT = 12;
const KEPT_ANSWER_BYTES = 20;
const TWO_32 = 2 ** 32;

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

// Of answers, and of other heads.
const answer = Buffer.alloc(KEPT_ANSWER_BYTES);
const answerView = new DataView(answer.buffer, answer.byteOffset, KEPT_ANSWER_BYTES);

export function answerText(owed: Answer): string {
  writeAnswer(answerView, POST_ANSWER, owed);
  return answer.toString('latin1', 0, ANSWER_BYTES);
}

/** @returns a batch whose records lie in `bytes`, which stay as they are. */
export function keptPost(sequence: number, bytes: Buffer, start: number, end: number): PeerBytes {
  const size = KEPT_HEAD_BYTES + end - start;
  if (size <= PEER_TEXT_BYTES_MAX) {
    writeKeptHead(answerView, POST_KEPT, sequence);
    return answer.toString('latin1', 0, KEPT_HEAD_BYTES) + bytes.toString('latin1', start, end);
  }
  const post = new ArrayBuffer(size);
  writeKeptHead(new DataView(post), POST_KEPT, sequence);
  bytes.copy(new Uint8Array(post), KEPT_HEAD_BYTES, start, end);
  return post;
}

export function keptAnswerText(handled: number, committed: number): string {
  writeKeptHead(answerView, POST_KEPT_ANSWER, handled);
  writeSequence(answerView, COMMITTED_AT, committed);
  return answer.toString('latin1', 0, KEPT_ANSWER_BYTES);
}

function writeKeptHead(view: DataView, kind: number, sequence: number): void {
  view.setUint32(0, kind, true);
  writeSequence(view, SEQUENCE_AT, sequence);
}

function writeSequence(view: DataView, at: number, sequence: number): void {
  view.setUint32(at, sequence % TWO_32, true);
  view.setUint32(at + 4, Math.floor(sequence / TWO_32), true);
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
  /** Of KEPT, and the handled one of KEPT_ANSWER. */
  sequence = 0;
  /** Of KEPT_ANSWER. */
  committed = 0;

  read(post: PeerBytes): void {
    this.kind = wordOf(post, 0);
    if (this.kind === POST_RELAY) return;
    if (this.kind >= POST_KEPT) {
      this.sequence = sequenceOf(post, SEQUENCE_AT);
      if (this.kind === POST_KEPT_ANSWER) this.committed = sequenceOf(post, COMMITTED_AT);
      return;
    }
    this.batches = wordOf(post, BATCHES_AT);
    this.bytes = wordOf(post, BYTES_AT);
    this.guaranteed = wordOf(post, GUARANTEED_AT);
    if (this.kind === POST_BATCH) this.batchGuaranteed = wordOf(post, BATCH_GUARANTEED_AT);
  }
}

function sequenceOf(post: PeerBytes, at: number): number {
  return wordOf(post, at) + wordOf(post, at + 4) * TWO_32;
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
