/**
 * What one other shard has posted and this one has not handled yet, in order, and the credit it is owed. Runs on the
 * receiving shard's thread.
 */
import type { BatchMessage, PeerMessage, RelayMessage } from '../../src/actor/peer-protocol.js';
import type { ShardId } from '../../src/protocol/ids.js';
import type { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import { BatchReader } from './batch.js';
import type { Budget, Committable, PeerHandlers } from './handlers.js';

/** What comes in order. */
export type StreamMessage = Exclude<
  PeerMessage,
  { kind: 'applied' | 'interest.applied' | 'ready' | RelayMessage['kind'] }
>;

// Handled entries before the array is cut: shifting one by one would copy the rest each time.
const TRIM_ENTRIES = 1024;

export class Incoming {
  /** Bytes in batches that are handled no further than in part. */
  waitingBytes = 0;
  /** Of the last batch committed. */
  committedSequence = 0;
  /** Since it was last reported: credit to return, and QoS 1 and 2 in it. */
  owedBytes = 0;
  owedGuaranteed = 0;

  private stream: StreamMessage[] = [];
  private head = 0;
  private open: BatchMessage | null = null;
  private readonly reader = new BatchReader();
  // Handled batches that wait for their commit; what counts is sequence, length, guaranteed.
  private uncommitted: BatchMessage[] = [];

  constructor(
    private readonly from: ShardId,
    private readonly view: PublishView,
    private readonly handlers: PeerHandlers,
    private readonly committable: Committable,
  ) {}

  push(message: StreamMessage): void {
    if (message.kind === 'batch') this.waitingBytes += message.length;
    this.stream.push(message);
  }

  /** A batch has been received and its commit has not been reported. */
  get owesAnswer(): boolean {
    return this.waitingBytes > 0 || this.uncommitted.length > 0 || this.owedBytes > 0;
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

  begin(batch: BatchMessage): void {
    this.open = batch;
    this.reader.open(batch.bytes, batch.length);
  }

  /** Handles records of the open batch until budget or batch end. @returns true when no batch is open. */
  drainBatch(budget: Budget): boolean {
    const { open, reader, view, handlers, from } = this;
    if (open === null) return true;
    while (!reader.atEnd) {
      if (budget.spent) return false;
      reader.next(view);
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
      this.owedBytes += batch.length;
      this.owedGuaranteed += batch.guaranteed;
      this.committedSequence = batch.sequence;
      count++;
    }
    if (count === this.uncommitted.length) this.uncommitted.length = 0;
    else if (count > 0) this.uncommitted.splice(0, count);
  }

  private finish(batch: BatchMessage): void {
    this.open = null;
    this.reader.close();
    this.waitingBytes -= batch.length;
    this.uncommitted.push(batch);
    this.handlers.onBatch(this.committable, batch.sequence, this.from);
  }
}
