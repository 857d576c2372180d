/**
 * Where PUBACK, PUBREC and PUBCOMP wait until the store has made safe what they promise: one commit per turn. What
 * needs no commit passes at once, unless earlier acknowledgements of the same connection are still waiting. Runs on
 * the shard's thread.
 */
import { COMMIT_TIMEOUT_MS, GATED_ACKS_MAX } from '../../src/limits.js';
import type { ShardId } from '../../src/protocol/ids.js';
import { PacketType } from '../../src/protocol/mqtt/packet-type.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import type { Core } from '../core.js';
import type { Committable } from '../peers/handlers.js';
import { BatchGate } from '../store/batch-gate.js';
import type { Commits } from '../store/commits.js';
import type { Turn } from '../turn.js';
import { type Connection, STALL_ACKS } from './connection.js';

export type GatedAck = typeof PacketType.Puback | typeof PacketType.Pubrec | typeof PacketType.Pubcomp;

/** Who wants to know whether something is safe, and how long. */
class SafetyWaiter {
  private isTold = false;

  constructor(
    private readonly callback: (isSafe: boolean) => void,
    readonly deadlineMs: number,
  ) {}

  tell(isSafe: boolean): void {
    if (this.isTold) return;
    this.isTold = true;
    this.callback(isSafe);
  }
}

/** The acknowledgements of one turn, in parallel arrays. */
class AckGroup {
  readonly connections: Connection[] = [];
  readonly types: GatedAck[] = [];
  readonly packetIds: number[] = [];
  readonly reasons: number[] = [];
  /** Of those who are no connections. */
  readonly waiters: SafetyWaiter[] = [];
  startedMs = 0;
  /** The commit that has what they promise. */
  commit = 0;
  /** What the store said; null while it has not. */
  result: boolean | null = null;
}

export class AckGate {
  private group = new AckGroup();
  /** Groups whose commit is under way, oldest first. */
  private underway: AckGroup[] = [];
  private readonly batches = new BatchGate();
  /** The commit that was asked for last. */
  private askedCommit = 0;

  constructor(
    private readonly core: Core,
    private readonly commits: Pick<Commits, 'whenSafe' | 'nextNumber'>,
    private readonly turn: Pick<Turn, 'nowMs'>,
  ) {}

  /** Acknowledges, after this turn's commit when `needsCommit` says so. */
  acknowledge(
    connection: Connection,
    type: GatedAck,
    packetId: number,
    reason: number,
    needsCommit: boolean,
  ): void {
    if (!needsCommit && connection.gatedAcks === 0) {
      if (type === PacketType.Puback) connection.inboundOpen--;
      connection.sendAck(type, packetId, reason);
      return;
    }
    if (++connection.gatedAcks >= GATED_ACKS_MAX) connection.stall(STALL_ACKS);
    const { group } = this;
    group.connections.push(connection);
    group.types.push(type);
    group.packetIds.push(packetId);
    group.reasons.push(reason);
  }

  /** Calls back when what has changed until now is as safe as an acknowledged message, or is not within `timeoutMs`. */
  whenSafe(callback: (isSafe: boolean) => void, timeoutMs = COMMIT_TIMEOUT_MS): void {
    this.group.waiters.push(new SafetyWaiter(callback, this.turn.nowMs + timeoutMs));
  }

  /** A peer's batch is handled: it is told so once the entries that it left here are safe, if there are any. */
  gateBatch(peer: Committable, sequence: number, from: ShardId, needsCommit: boolean): void {
    this.batches.add(peer, sequence, from, needsCommit);
  }

  /** End of the turn: whatever waits goes with the next commit. */
  endTurn(): void {
    const { group } = this;
    const isEmpty = group.connections.length + group.waiters.length === 0;
    if (isEmpty && this.batches.isEmpty) return;
    const commit = this.commits.nextNumber;
    this.batches.goWith(commit);
    if (!isEmpty) {
      this.group = new AckGroup();
      group.commit = commit;
      group.startedMs = this.turn.nowMs;
      this.underway.push(group);
    }
    // Once for all turns until it begins, which may be for as long as the disk is full.
    if (this.askedCommit === commit) return;
    this.askedCommit = commit;
    this.commits.whenSafe(() => this.committed(commit));
  }

  /** Gives up on acknowledgements that take too long. */
  sweep(nowMs: number): void {
    for (const group of this.underway) {
      for (const waiter of group.waiters) if (nowMs >= waiter.deadlineMs) waiter.tell(false);
      if (nowMs - group.startedMs >= COMMIT_TIMEOUT_MS && group.result === null) group.result = false;
    }
    this.releaseInOrder();
  }

  private committed(commit: number): void {
    for (const group of this.underway) {
      if (group.commit > commit) break;
      group.result ??= true;
    }
    this.releaseInOrder();
    // However late: other shards wait for these and never give up.
    this.batches.settle(commit);
  }

  // Acknowledgements leave in the order of their turns.
  private releaseInOrder(): void {
    while (this.underway.length > 0) {
      const group = this.underway[0]!;
      const ok = group.result;
      if (ok === null) return;
      this.underway.shift();
      for (let i = 0; i < group.connections.length; i++) {
        this.finish(group.connections[i]!, group.types[i]!, group.packetIds[i]!, group.reasons[i]!, ok);
      }
      for (const waiter of group.waiters) waiter.tell(ok);
    }
  }

  private finish(
    connection: Connection,
    type: GatedAck,
    packetId: number,
    reason: number,
    ok: boolean,
  ): void {
    if (connection.gatedAcks-- >= GATED_ACKS_MAX) connection.unstall(STALL_ACKS);
    // The message was handed on, so its identifier stays: the PUBLISH that comes again is a repeat.
    if (!connection.isOpen || connection.isClosing) return;
    if (ok) {
      if (type === PacketType.Puback) connection.inboundOpen--;
      connection.sendAck(type, packetId, reason);
      return;
    }
    this.refuse(connection, type, packetId);
  }

  /** It is not safe, so nothing is promised. */
  private refuse(connection: Connection, type: GatedAck, packetId: number): void {
    if (connection.version !== 5 || type === PacketType.Pubcomp) {
      connection.disconnect(ReasonCode.QuotaExceeded, 'store_failed');
      return;
    }
    const awaiting = connection.session!.awaitingRel;
    if (type === PacketType.Puback) {
      connection.inboundOpen--;
    } else if (awaiting?.delete(packetId) === true) {
      this.core.kept.done(awaiting.removedEntry);
      connection.inboundOpen--;
    }
    connection.sendAck(type, packetId, ReasonCode.QuotaExceeded);
  }
}
