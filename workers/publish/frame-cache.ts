/**
 * The encoded forms of the one message that is being delivered: each variant (protocol, QoS, retain) is encoded once
 * and copied to everyone who wants it. Lives in a shard, refilled per message.
 */
import { withWords } from '../../src/base/bytes.js';
import { FRAME_SCRATCH_BYTES, OUTPUT_COPY_BYTES_MAX } from '../../src/limits.js';
import { expirySecondsLeft } from '../../src/protocol/message.js';
import { encodePublish, packetIdOffset, publishFrameBytes } from '../../src/protocol/mqtt/encode-publish.js';
import type { PublishView } from '../../src/protocol/mqtt/publish-view.js';

/** Protocol 5 or not, QoS 0 to 2, retain or not. */
const VARIANTS = 16;

/** @returns the index of a variant in the cache. */
export function variantOf(isVersion5: boolean, qos: number, retain: boolean): number {
  return (isVersion5 ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
}

export class FrameCache {
  /** Where the variant asked for last lies: `bytes[start, end)`. */
  bytes: Buffer;
  start = 0;
  end = 0;
  /** Where its packet identifier stands, counted from the frame's end; QoS 1 and 2 only. */
  idFromEnd = 0;
  /** Frames above OUTPUT_COPY_BYTES_MAX have memory of their own and are never copied. */
  isOwned = false;

  private view: PublishView | null = null;
  private nowMs = 0;
  private used = 0;
  private filled = 0;
  private hasLarge = false;
  private readonly scratch = withWords(Buffer.allocUnsafeSlow(FRAME_SCRATCH_BYTES));
  private readonly starts = new Int32Array(VARIANTS);
  private readonly ends = new Int32Array(VARIANTS);
  private readonly idsFromEnd = new Int32Array(VARIANTS);
  private readonly large: (Buffer | null)[] = new Array<Buffer | null>(VARIANTS).fill(null);

  constructor() {
    this.bytes = this.scratch;
  }

  /** Forgets the message before and takes this one. */
  begin(view: PublishView, nowMs: number): void {
    this.view = view;
    this.nowMs = nowMs;
    this.used = 0;
    this.filled = 0;
    if (!this.hasLarge) return;
    this.hasLarge = false;
    this.large.fill(null);
  }

  /** Points `bytes`, `start` and `end` at the frame of `variant`; with QoS 1 and 2 its packet identifier is 0. */
  select(variant: number): void {
    if ((this.filled & (1 << variant)) === 0) this.encode(variant);
    this.start = this.starts[variant]!;
    this.end = this.ends[variant]!;
    this.idFromEnd = this.idsFromEnd[variant]!;
    const large = this.large[variant]!;
    this.isOwned = large !== null;
    this.bytes = large === null ? this.scratch : large;
  }

  private encode(variant: number): void {
    const view = this.view!;
    const version = (variant & 8) !== 0 ? 5 : 4;
    const qos = (variant >> 1) & 3;
    const expiry = version === 5 ? expirySecondsLeft(view.expiresAtMs, this.nowMs) : -1;
    const size = publishFrameBytes(view, version, qos, null, 0, true, expiry);
    const retain = (variant & 1) !== 0;
    let out = this.scratch;
    let at = this.used;
    if (size > OUTPUT_COPY_BYTES_MAX) {
      out = Buffer.allocUnsafeSlow(size);
      at = 0;
      this.large[variant] = out;
      this.hasLarge = true;
    } else {
      this.used += size;
    }
    encodePublish(out, at, view, version, qos, retain, false, 0, null, 0, true, expiry);
    this.starts[variant] = at;
    this.ends[variant] = at + size;
    this.idsFromEnd[variant] = qos === 0 ? 0 : at + size - packetIdOffset(out, at);
    this.filled |= 1 << variant;
  }
}
