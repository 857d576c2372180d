/**
 * The stream from this shard to one other: the batch under construction, its order with everything else that is
 * posted, and the credit that bounds what is under way. Runs on the sending shard's thread.
 */
import type { MessagePort } from 'node:worker_threads';
import type { PeerBytes, PeerMessage } from '../../src/actor/peer-protocol.js';
import {
  PEER_BATCH_BYTES_MAX,
  PEER_CREDIT_BYTES,
  PEER_OVERDRAFT_BYTES,
  PEER_TEXT_BYTES_MAX,
  PEER_WAITING_BYTES_MAX,
} from '../../src/limits.js';
import { BatchWriter, RECORD_RETAIN } from '../../src/protocol/batch.js';
import type { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import type { Undelivered } from './handlers.js';
import { type Answer, answerText, BATCH_HEAD_BYTES, type Owed, writeBatchHead } from './posts.js';

/** Told when `isFull` or `isFullForQos0` has changed. */
export type OnCreditChange = () => void;

const BATCH_TEXT_BYTES_MAX = PEER_TEXT_BYTES_MAX - BATCH_HEAD_BYTES;

export class Outgoing {
  /** Bytes of records appended and not yet reported as applied. */
  underWayBytes = 0;
  /** Messages with QoS 1 or 2 among them. */
  underWayGuaranteed = 0;
  /** Of the batch posted last; they rise by one. */
  sequence = 0;
  appliedSequence = 0;
  /** Sequence of the last batch that carries a RETAIN record, perhaps the one under construction. */
  retainedSequence = 0;
  /** No more QoS 1 and 2 from publishers until credit returns. */
  isFull = false;
  isFullForQos0 = false;
  isClosed = false;
  /** Messages that were not taken, by QoS 0 and above. */
  droppedQos0 = 0;
  droppedGuaranteed = 0;

  private isSilent = false;
  private readonly batch = new BatchWriter(BATCH_HEAD_BYTES);

  constructor(
    private readonly port: MessagePort,
    private readonly owed: Owed,
    private readonly onCreditChange: OnCreditChange,
  ) {}

  /**
   * The other shard has not shown life for a while: QoS 0 for it is dropped, the rest may wait up to a larger
   * bound.
   */
  get silent(): boolean {
    return this.isSilent;
  }

  setSilent(isSilent: boolean): void {
    if (isSilent === this.isSilent) return;
    this.isSilent = isSilent;
    this.updateCredit();
  }

  /**
   * @returns false when the message was dropped, and counted: a silent shard, or more than even the broker
   * itself may send.
   */
  append(view: PublishView, flags: number): boolean {
    if (!this.takes(view.qos)) return false;
    this.appended(this.batch.append(view, flags), view.qos, flags);
    return true;
  }

  /** As `append`, for one member of a group. */
  appendShared(
    view: PublishView,
    flags: number,
    groupId: number,
    sourceGroupId: number,
    triedMask: number,
    hash: number,
  ): boolean {
    if (!this.takes(view.qos)) return false;
    const bytes = this.batch.appendShared(view, flags, groupId, sourceGroupId, triedMask, hash);
    this.appended(bytes, view.qos, flags);
    return true;
  }

  /** Posts what was appended before, then `message`: the stream keeps the order of the program. */
  post(message: PeerMessage, transfer?: readonly ArrayBuffer[]): void {
    if (this.isClosed) return;
    this.flush();
    this.port.postMessage(message, transfer);
  }

  /** Posts what has no order with the rest, such as a reply. */
  reply(message: PeerMessage): void {
    if (!this.isClosed) this.port.postMessage(message);
  }

  /** Posts a batch from the outbox behind what was appended before. */
  postKept(post: PeerBytes): void {
    this.flush();
    this.postBytes(post);
  }

  /** Posts bytes that have no order with the rest. */
  postBytes(bytes: PeerBytes): void {
    if (this.isClosed) return;
    if (typeof bytes === 'string') this.port.postMessage(bytes);
    else this.port.postMessage(bytes, [bytes]);
  }

  /** Posts the batch under construction, if there is one, and with it the answer that is owed. */
  flush(): void {
    const { batch, owed } = this;
    if (batch.records === 0) return;
    this.sequence++;
    writeBatchHead(batch.view, owed, batch.guaranteed);
    owed.answered();
    this.postBytes(batch.length <= BATCH_TEXT_BYTES_MAX ? batch.takeText() : batch.take());
  }

  /** Tells what is owed for batches, if only that there is somebody. */
  answer(): void {
    this.postBytes(answerText(this.owed));
    this.owed.answered();
  }

  /** The other shard reports: so many more batches are done. */
  applied({ batches, bytes, guaranteed }: Answer): void {
    this.appliedSequence += batches;
    this.underWayBytes -= bytes;
    this.underWayGuaranteed -= guaranteed;
    this.updateCredit();
  }

  /** Retained writes are under way. */
  get awaitsRetained(): boolean {
    return this.retainedSequence > this.appliedSequence;
  }

  /** Nothing more is sent. @returns what the other shard has never reported. */
  close(): Undelivered {
    const undelivered: Undelivered = {
      first: this.appliedSequence + 1,
      last: this.batch.records > 0 ? this.sequence + 1 : this.sequence,
      guaranteed: this.underWayGuaranteed,
    };
    this.isClosed = true;
    this.batch.take();
    this.underWayBytes = this.underWayGuaranteed = 0;
    this.retainedSequence = this.appliedSequence;
    this.isFull = this.isFullForQos0 = false;
    return undelivered;
  }

  // Publishers ask for credit before they come here; these bounds are for messages that cannot be held up.
  private takes(qos: number): boolean {
    if (qos === 0) {
      const isRoom = this.underWayBytes < PEER_CREDIT_BYTES + PEER_OVERDRAFT_BYTES;
      if (isRoom && !this.isSilent && !this.isClosed) return true;
      this.droppedQos0++;
    } else {
      if (this.underWayBytes < PEER_WAITING_BYTES_MAX + PEER_OVERDRAFT_BYTES && !this.isClosed) return true;
      this.droppedGuaranteed++;
    }
    return false;
  }

  private appended(bytes: number, qos: number, flags: number): void {
    this.underWayBytes += bytes;
    if (qos > 0) this.underWayGuaranteed++;
    if ((flags & RECORD_RETAIN) !== 0) this.retainedSequence = this.sequence + 1;
    if (this.batch.length >= PEER_BATCH_BYTES_MAX) this.flush();
    if (this.underWayBytes >= PEER_CREDIT_BYTES) this.updateCredit();
  }

  // Once full, it stays so until half has returned: else every reply would wake all publishers for one message.
  private updateCredit(): void {
    const bytes = this.underWayBytes;
    const boundBytes = this.isSilent ? PEER_WAITING_BYTES_MAX : PEER_CREDIT_BYTES;
    const isFull = this.isFull ? bytes > boundBytes / 2 : bytes >= boundBytes;
    const isOverCredit = this.isFullForQos0 ? bytes > PEER_CREDIT_BYTES / 2 : bytes >= PEER_CREDIT_BYTES;
    const isFullForQos0 = !this.isSilent && isOverCredit;
    if (isFull === this.isFull && isFullForQos0 === this.isFullForQos0) return;
    this.isFull = isFull;
    this.isFullForQos0 = isFullForQos0;
    this.onCreditChange();
  }
}
