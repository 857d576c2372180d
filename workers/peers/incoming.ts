/**
 * What one other shard has posted and this one has not handled yet, in order, and the credit it is owed. Runs on the
 * receiving shard's thread.
 */
import type { PeerBytes, PeerMessage, RelayMessage } from '../../src/actor/peer-protocol.js';
import { BatchReader } from '../../src/protocol/batch-reader.js';
import type { ShardId } from '../../src/protocol/ids.js';
import type { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import type { Budget, Committable, PeerHandlers } from './handlers.js';
import type { Inbox } from './inbox.js';
import { BATCH_HEAD_BYTES, KEPT_HEAD_BYTES, Owed, sizeOf } from './posts.js';

/** What comes in order. */
export type StreamMessage =
  | Batch
  | Exclude<PeerMessage, { kind: 'interest.applied' | 'ready' | RelayMessage['kind'] }>;

interface Batch {
  readonly kind: 'batch';
  /** It is from the outbox, and may have come before. */
  readonly isKept: boolean;
  /** They rise by one; those of kept batches over all channels. */
  readonly sequence: number;
  readonly bytes: PeerBytes;
  /** Of its records. */
  readonly length: number;
  readonly guaranteed: number;
}

// Handled entries before the array is cut: shifting one by one would copy the rest each time.
const TRIM_ENTRIES = 1024;

export class Incoming {
  /** Bytes in batches that are handled no further than in part. */
  waitingBytes = 0;
  readonly owed = new Owed();

  private stream: StreamMessage[] = [];
  private head = 0;
  /** Of the last batch received. */
  private sequence = 0;
  private open: Batch | null = null;
  /** Records of the open batch that are handled. */
  private handled = 0;
  private readonly reader = new BatchReader();
  // Handled batches that wait for their commit; what counts is sequence, length, guaranteed.
  private uncommitted: Batch[] = [];

  constructor(
    private readonly from: ShardId,
    private readonly view: PublishView,
    private readonly handlers: PeerHandlers,
    private readonly committable: Committable,
    private readonly inbox: Inbox,
  ) {}

  push(message: StreamMessage): void {
    this.stream.push(message);
  }

  pushBatch(bytes: PeerBytes, guaranteed: number): void {
    const length = sizeOf(bytes) - BATCH_HEAD_BYTES;
    this.waitingBytes += length;
    this.sequence++;
    const { sequence } = this;
    this.stream.push({ kind: 'batch', isKept: false, sequence, bytes, length, guaranteed });
  }

  pushKept(bytes: PeerBytes, sequence: number): void {
    const length = sizeOf(bytes) - KEPT_HEAD_BYTES;
    this.inbox.saw(sequence);
    this.waitingBytes += length;
    this.stream.push({ kind: 'batch', isKept: true, sequence, bytes, length, guaranteed: 0 });
  }

  /** A batch has been received and its commit has not been reported. */
  get owesAnswer(): boolean {
    return this.waitingBytes > 0 || this.uncommitted.length > 0 || this.owed.batches > 0;
  }

  /** Messages behind the open batch. */
  get hasMore(): boolean {
    return this.head < this.stream.length;
  }

  /** @returns the next message, null when there is none. An open batch comes before it. */
  shift(): StreamMessage | null {
    if (this.head === this.stream.length) {
      this.stream.length = this.head = 0;
      return null;
    }
    const message = this.stream[this.head++]!;
    if (this.head === TRIM_ENTRIES) {
      this.stream = this.stream.slice(TRIM_ENTRIES);
      this.head = 0;
    }
    return message;
  }

  begin(batch: Batch): void {
    const { bytes, length, isKept, sequence } = batch;
    const handled = isKept ? this.inbox.handledOf(sequence) : 0;
    if (handled < 0) {
      this.waitingBytes -= length;
      return;
    }
    this.open = batch;
    const headBytes = isKept ? KEPT_HEAD_BYTES : BATCH_HEAD_BYTES;
    if (typeof bytes === 'string') this.reader.openText(bytes, length, headBytes);
    else this.reader.open(bytes, length, headBytes);
    for (let i = 0; i < handled; i++) this.reader.skip();
    this.handled = handled;
  }

  /** Handles records of the open batch until budget or batch end. @returns true when no batch is open. */
  drainBatch(budget: Budget): boolean {
    const { open, reader, view, handlers, from } = this;
    if (open === null) return true;
    while (!reader.atEnd) {
      if (budget.spent) {
        if (open.isKept) this.inbox.pausedIn(open.sequence, this.handled);
        return false;
      }
      reader.next(view);
      this.handled++;
      handlers.onRecord(view, reader, from);
    }
    this.finish(open);
    return true;
  }

  /** Every batch up to `sequence` is safe: its credit is owed. */
  commit(sequence: number): void {
    let count = 0;
    for (const batch of this.uncommitted) {
      if (batch.sequence > sequence) break;
      this.owed.add(batch.length, batch.guaranteed);
      count++;
    }
    if (count === this.uncommitted.length) this.uncommitted.length = 0;
    else if (count > 0) this.uncommitted.splice(0, count);
  }

  private finish(batch: Batch): void {
    this.open = null;
    this.reader.close();
    this.waitingBytes -= batch.length;
    if (batch.isKept) {
      this.inbox.finished(batch.sequence);
      return;
    }
    this.uncommitted.push(batch);
    this.handlers.onBatch(this.committable, batch.sequence, this.from);
  }
}
