/**
 * The form in which bytes of relayed clients travel between two shards: records, one behind the other, in one text or
 * one transferred buffer. Written and read on the shards' threads.
 *
 * Record, little-endian: u32 number of the relay, u32 with the kind in its upper 4 bits and a value in the others. The
 * value of DATA is the number of bytes that follow, that of CREDIT and HANDLED a number of bytes, otherwise 0. Each
 * shard is the edge of some relays and the owner of others, numbered by their edges; the kind says which are meant.
 */
import type { PeerBytes } from '../../src/actor/peer-protocol.js';
import { assert } from '../../src/base/assert.js';
import { copyBytes } from '../../src/base/bytes.js';
import {
  PEER_SCRATCH_KEEP_BYTES_MAX,
  PEER_SCRATCH_START_BYTES,
  PEER_TEXT_BYTES_MAX,
} from '../../src/limits.js';
import { POST_RELAY, RELAY_HEAD_BYTES } from '../peers/posts.js';

/** From the edge: bytes from the client. */
export const DATA_UP = 0;
/** From the edge: the client has taken so many bytes. */
export const CREDIT_UP = 1;
/** From the owner: bytes for the client. */
export const DATA_DOWN = 2;
/** From the owner: so many bytes of the client have been taken. */
export const CREDIT_DOWN = 3;
/** From the owner: close when everything is sent. */
export const END = 4;
/** From the owner: close now. */
export const DESTROY = 5;
/** Of no relay: so many bytes of DATA from the other side were handled since the last such record. */
export const HANDLED = 6;

export const RECORD_HEAD_BYTES = 8;
export const KIND_SHIFT = 28;
export const VALUE_MAX = (1 << KIND_SHIFT) - 1;

/** Gathers records for a post. Its memory stays here; they leave as a copy. */
export class RecordWriter {
  /** Bytes of the post so far. */
  length = RELAY_HEAD_BYTES;

  private bytes: Buffer<ArrayBuffer> = Buffer.from(new ArrayBuffer(PEER_SCRATCH_START_BYTES));
  private view: DataView = new DataView(this.bytes.buffer);

  get isEmpty(): boolean {
    return this.length === RELAY_HEAD_BYTES;
  }

  command(kind: number, relay: number, value: number): void {
    const at = this.length;
    this.reach(at + RECORD_HEAD_BYTES);
    this.view.setUint32(at, relay, true);
    this.view.setUint32(at + 4, (kind << KIND_SHIFT) | value, true);
  }

  data(kind: number, relay: number, bytes: Uint8Array, start: number, end: number): void {
    const size = end - start;
    assert(size <= VALUE_MAX, 'a link gives pieces of limited size');
    const at = this.length;
    this.reach(at + RECORD_HEAD_BYTES + size);
    this.view.setUint32(at, relay, true);
    this.view.setUint32(at + 4, (kind << KIND_SHIFT) | size, true);
    copyBytes(bytes, start, end, this.bytes, at + RECORD_HEAD_BYTES);
  }

  /** @returns the records, to be posted; the next ones start empty. */
  take(): PeerBytes {
    const { bytes, view, length } = this;
    view.setUint32(0, POST_RELAY, true);
    const isShort = length <= PEER_TEXT_BYTES_MAX;
    const records = isShort ? bytes.toString('latin1', 0, length) : bytes.buffer.slice(0, length);
    if (bytes.length > PEER_SCRATCH_KEEP_BYTES_MAX) this.allocate(PEER_SCRATCH_START_BYTES);
    this.length = RELAY_HEAD_BYTES;
    return records;
  }

  private reach(end: number): void {
    const old = this.bytes;
    if (end > old.length) {
      this.allocate(Math.max(end, old.length * 2));
      this.bytes.set(old.subarray(0, this.length));
    }
    this.length = end;
  }

  private allocate(capacity: number): void {
    this.bytes = Buffer.from(new ArrayBuffer(capacity));
    this.view = new DataView(this.bytes.buffer);
  }
}
