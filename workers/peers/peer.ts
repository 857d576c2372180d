/**
 * One channel to one other shard, from `connect` until the shard is lost: the handshake, both streams, and who is
 * told what. Runs on the shard's thread.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { InterestWriter } from '../../src/actor/interest-lot.js';
import type {
  GroupChange,
  InterestChange,
  PeerBytes,
  PeerMessage,
  RetainedMessage,
} from '../../src/actor/peer-protocol.js';
import { unreachable } from '../../src/base/assert.js';
import {
  OUTBOX_POST_SLICE,
  PEER_DROP_SLICE,
  PEER_INTEREST_SLICE,
  PEER_SILENCE_MS,
} from '../../src/limits.js';
import type { ShardId } from '../../src/protocol/ids.js';
import type { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import type {
  Announcement,
  Budget,
  Committable,
  InterestTable,
  PeerHandlers,
  Undelivered,
} from './handlers.js';
import type { Inbox } from './inbox.js';
import { Incoming, type StreamMessage } from './incoming.js';
import type { Outbox } from './outbox.js';
import type { OutboxStream } from './outbox-stream.js';
import { Outgoing } from './outgoing.js';
import { keptAnswerText, POST_BATCH, POST_KEPT, POST_KEPT_ANSWER, POST_RELAY, PostHead } from './posts.js';

/**
 * `joining`: the channel exists, the peer's whole interest is not known yet. `live`: it is. `lost`: the peer is dead;
 * what it had sent is still handled.
 */
export type PeerState = 'joining' | 'live' | 'lost';

/** What a peer tells the mesh. */
export interface PeerOwner {
  /** The peer's interest is known completely, or a barrier of its has been applied: it wants an answer. */
  owesBarrier(peer: Peer, barrier: number): void;
  /** The peer has become live, has answered a barrier, or reported batches with retained writes. */
  progressed(): void;
  creditChanged(peer: Peer): void;
  /** Barrier of the last interest that was posted to everybody. */
  readonly postedBarrier: number;
}

/** What all peers of a shard share. */
export interface PeerContext {
  readonly table: InterestTable;
  readonly handlers: PeerHandlers;
  readonly outbox: Outbox;
  readonly view: PublishView;
  readonly owner: PeerOwner;
}

// Empty between two slices.
const lots = new InterestWriter();
// Read to its end before the next is.
const head = new PostHead();

export class Peer implements Committable {
  state: PeerState = 'joining';
  /** The other side has said hello: there is somebody who answers. */
  hasGreeted = false;
  /** The other side knows this shard's whole interest up to `answeredBarrier`. */
  isTold = false;
  answeredBarrier = 0;
  readonly outgoing: Outgoing;
  /** What is kept for this peer; not this channel's alone. */
  readonly stream: OutboxStream;

  private readonly incoming: Incoming;
  private readonly inbox: Inbox;
  // What of this shard's interest the peer has not been told yet; null outside of that.
  private announcement: Announcement | null = null;
  // Questions about retained messages that come behind retained writes of this shard, which wait for a commit.
  private held: RetainedMessage[] = [];
  // Highest barrier to answer at the end of the turn; -1 none.
  private barrierOwed = -1;
  // What the peer's last life had said of its interest, and this one has not, is being forgotten.
  private isDroppingStale = false;
  private wasHeard = false;
  private quietMs = 0;

  constructor(
    readonly shard: ShardId,
    private readonly port: MessagePort,
    private readonly context: PeerContext,
  ) {
    this.stream = context.outbox.streams[shard]!;
    this.inbox = context.outbox.inboxes[shard]!;
    this.incoming = new Incoming(shard, context.view, context.handlers, this, this.inbox);
    this.outgoing = new Outgoing(port, this.incoming.owed, () => context.owner.creditChanged(this));
    port.on('message', (message: PeerMessage | PeerBytes) => this.receive(message));
    // A message that cannot be read would leave a hole in the order: better to die and be built anew.
    port.on('messageerror', (error: Error) => {
      throw error;
    });
    const { committedSequence, seenSequence } = this.inbox;
    this.outgoing.reply({ kind: 'hello', committed: committedSequence, seen: seenSequence });
  }

  /** Messages may be sent to it. */
  get isOpen(): boolean {
    return this.hasGreeted && this.state !== 'lost';
  }

  /** Still being told this shard's whole interest. */
  get isAnnouncing(): boolean {
    return this.announcement !== null;
  }

  /** Bytes under way to this peer, but for those in the outbox, and bytes received from it that are not handled. */
  get waitingBytes(): number {
    return this.outgoing.underWayBytes + this.incoming.waitingBytes;
  }

  /** Handles what has come, in order, within the budget. @returns true when nothing is left to do. */
  drain(budget: Budget): boolean {
    for (;;) {
      if (!this.catchUp(budget) || !this.announceSome(budget)) return false;
      if (!this.dropStale(budget) || !this.incoming.drainBatch(budget)) return false;
      if (budget.spent) return !this.incoming.hasMore;
      const message = this.incoming.shift();
      if (message === null) return true;
      this.handle(message);
      // A full message of changes takes about half a millisecond, which the cheap bound does not count.
      if ((message.kind === 'interest' || message.kind === 'interest.lot') && budget.overTime)
        return !this.incoming.hasMore;
    }
  }

  commit(sequence: number): void {
    this.incoming.commit(sequence);
  }

  /** Answers at the end of the turn; the answer goes out with `flush`. */
  oweBarrier(barrier: number): void {
    this.barrierOwed = barrier;
  }

  /** Posts `message` behind what was appended before; questions also behind retained writes in the outbox. */
  post(message: RetainedMessage): void {
    if (message.kind === 'retained.page') this.outgoing.post(message, [message.bytes]);
    else if (this.held.length > 0 || this.holdsQuestions) this.held.push(message);
    else this.outgoing.post(message);
  }

  /** Posts the turn's batch and the answers. Replies wait for no credit. */
  flush(): void {
    if (this.held.length > 0 && !this.holdsQuestions) {
      for (const message of this.held) this.outgoing.post(message);
      this.held = [];
    }
    this.outgoing.flush();
    if (this.incoming.owed.batches > 0) this.outgoing.answer();
    if (this.inbox.isNews) this.answerKept();
    if (this.barrierOwed < 0) return;
    this.outgoing.reply({ kind: 'interest.applied', barrier: this.barrierOwed });
    this.barrierOwed = -1;
  }

  /** Tells silence from work: call it every few hundred milliseconds with the time since the last call. */
  sweep(elapsedMs: number): void {
    const { incoming } = this;
    if (incoming.owesAnswer && !incoming.owed.hasAnswered) this.outgoing.answer();
    incoming.owed.hasAnswered = false;
    const isAwaited = this.outgoing.sequence > this.outgoing.appliedSequence || this.stream.isAwaited;
    if (this.wasHeard || !isAwaited) this.quietMs = 0;
    else this.quietMs += elapsedMs;
    this.wasHeard = false;
    if (this.quietMs >= PEER_SILENCE_MS) this.setSilent(true);
  }

  /** The shard is dead. What had arrived stays to be drained. @returns what it had not reported. */
  lose(): Undelivered {
    for (;;) {
      const received: { message: PeerMessage | PeerBytes } | undefined = receiveMessageOnPort(this.port);
      if (received === undefined) break;
      this.receive(received.message);
    }
    this.state = 'lost';
    this.announcement = null;
    this.isDroppingStale = false;
    this.stream.close();
    const undelivered = this.outgoing.close();
    this.port.close();
    return undelivered;
  }

  private receive(message: PeerMessage | PeerBytes): void {
    if (this.state === 'lost') return;
    this.wasHeard = true;
    this.setSilent(false);
    this.context.handlers.onWork();
    if (typeof message === 'string' || message instanceof ArrayBuffer) {
      this.receiveBytes(message);
      return;
    }
    switch (message.kind) {
      case 'interest.applied':
        this.answeredBarrier = message.barrier;
        this.isTold = true;
        this.context.owner.progressed();
        break;
      case 'ready':
        this.context.handlers.onPeerReady(this.shard);
        break;
      case 'relay.opened':
      case 'relay.closed':
      case 'relay.finished':
        this.context.handlers.onRelay(message, this.shard);
        break;
      default:
        this.incoming.push(message);
    }
  }

  private receiveBytes(bytes: PeerBytes): void {
    head.read(bytes);
    switch (head.kind) {
      case POST_RELAY:
        this.context.handlers.onRelay(bytes, this.shard);
        return;
      case POST_KEPT:
        this.incoming.pushKept(bytes, head.sequence);
        return;
      case POST_KEPT_ANSWER:
        this.stream.answered(head.sequence, head.committed);
        this.context.owner.progressed();
        return;
    }
    if (head.batches > 0) {
      this.outgoing.applied(head);
      this.context.owner.progressed();
    }
    if (head.kind === POST_BATCH) this.incoming.pushBatch(bytes, head.batchGuaranteed);
  }

  private handle(message: StreamMessage): void {
    const { handlers, owner } = this.context;
    switch (message.kind) {
      case 'batch':
        this.incoming.begin(message);
        break;
      case 'hello':
        this.greeted(message.committed, message.seen);
        break;
      case 'interest':
        if (this.state === 'lost') break;
        this.applyInterest(message.filters, message.groups);
        if (message.barrier > 0) owner.owesBarrier(this, message.barrier);
        break;
      case 'interest.lot':
        if (this.state !== 'lost') this.context.table.applyInterestLot(this.shard, message.lot);
        break;
      case 'announced':
        if (this.state === 'lost') break;
        this.state = 'live';
        this.isDroppingStale = true;
        owner.owesBarrier(this, message.barrier);
        owner.progressed();
        break;
      case 'retained.open':
      case 'retained.next':
      case 'retained.close':
      case 'retained.page':
        if (this.state !== 'lost') handlers.onRetained(message, this.shard);
        break;
      default:
        unreachable(message);
    }
  }

  private greeted(committed: number, seen: number): void {
    if (this.state === 'lost') return;
    this.hasGreeted = true;
    this.stream.open(this.outgoing, committed, seen);
    this.announcement = this.context.table.announce();
  }

  private get holdsQuestions(): boolean {
    return this.stream.holdsRetained && !this.context.outbox.isFailing;
  }

  private setSilent(isSilent: boolean): void {
    this.outgoing.setSilent(isSilent);
    this.stream.setSilent(isSilent);
  }

  private answerKept(): void {
    const { inbox } = this;
    inbox.isNews = false;
    this.outgoing.postBytes(keptAnswerText(inbox.sequence, inbox.committedSequence));
  }

  // Posts what the peer has missed. @returns true when nothing is left to post.
  private catchUp(budget: Budget): boolean {
    if (this.state === 'lost') return true;
    while (!this.stream.catchUp(OUTBOX_POST_SLICE)) if (budget.overTime) return false;
    return true;
  }

  private dropStale(budget: Budget): boolean {
    while (this.isDroppingStale) {
      this.isDroppingStale = !this.context.table.dropStaleSome(this.shard, PEER_DROP_SLICE);
      if (this.isDroppingStale && budget.overTime) return false;
    }
    return true;
  }

  private applyInterest(filters: readonly InterestChange[], groups: readonly GroupChange[]): void {
    const { table } = this.context;
    for (const change of filters) table.applyInterest(this.shard, change);
    for (const change of groups) table.applyGroup(this.shard, change);
  }

  // Tells a peer that is new the whole interest, one slice at least. @returns true when nothing is left to tell.
  private announceSome(budget: Budget): boolean {
    while (this.announcement !== null) {
      this.announceSlice(this.announcement);
      if (budget.spent || budget.overTime) return this.announcement === null;
    }
    return true;
  }

  private announceSlice(announcement: Announcement): void {
    const groups: GroupChange[] = [];
    const isDone = announcement.next(lots, groups, PEER_INTEREST_SLICE);
    if (!lots.isEmpty) {
      const lot = lots.take();
      this.outgoing.post({ kind: 'interest.lot', lot }, [lot]);
    }
    if (groups.length > 0) this.outgoing.post({ kind: 'interest', barrier: 0, filters: [], groups });
    if (!isDone) return;
    this.announcement = null;
    this.outgoing.post({ kind: 'announced', barrier: this.context.owner.postedBarrier });
  }
}
