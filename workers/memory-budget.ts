/** What waits in one shard, in bytes, against the shard's budget, and who has most of it. Runs in the shard. */
import { BUDGET_LARGEST_LOOKED_AT_MAX, BUDGET_TIGHT_SHARE } from '../src/limits.js';

/** Kinds of waiting bytes, as indexes. */
export const WAITING_OUTPUT = 0;
/** Queues and in-flight windows. */
export const WAITING_QUEUES = 1;
export const WAITING_OUTBOXES = 2;
/** Packets half read, CONNECT included. */
export const WAITING_INPUT = 3;
const KINDS = 4;

/** Somebody with waiting bytes that can be given up, such as a connection or a session. */
export interface Waiter {
  /** All of its bytes, whatever their kind. */
  readonly waitingBytes: number;
  /** The budget's own; -1 before. */
  budgetClass: number;
  /** The budget's own. */
  budgetIndex: number;
}

/**
 * Waiters lie in classes by powers of two of their bytes, so that the largest is found without looking at all, and a
 * waiter that grows or shrinks is moved only when it has doubled or halved.
 */
export class MemoryBudget {
  /** Infinity: no limit. */
  readonly limitBytes: number;
  /** Sum over all kinds. */
  totalBytes = 0;

  private readonly tightBytes: number;
  private readonly bytesByKind = new Float64Array(KINDS);
  private readonly classes: Waiter[][] = [];

  /** `limitBytes` 0: no limit. */
  constructor(limitBytes: number) {
    this.limitBytes = limitBytes === 0 ? Number.POSITIVE_INFINITY : limitBytes;
    this.tightBytes = this.limitBytes * BUDGET_TIGHT_SHARE;
    for (let i = 0; i <= CLASS_MAX; i += 1) this.classes.push([]);
  }

  /** No new CONNECT is taken, and QoS 0 to slow readers is dropped. */
  get isTight(): boolean {
    return this.totalBytes >= this.tightBytes;
  }

  /** The largest waiter must go. */
  get isExceeded(): boolean {
    return this.totalBytes >= this.limitBytes;
  }

  /** Counts bytes that begin (above 0) or cease (below 0) to wait. */
  add(kind: number, bytes: number): void {
    this.bytesByKind[kind]! += bytes;
    this.totalBytes += bytes;
  }

  /** Bytes of one kind. */
  waiting(kind: number): number {
    return this.bytesByKind[kind]!;
  }

  /** To be called when a waiter's bytes have changed. */
  update(waiter: Waiter): void {
    const wanted = classOf(waiter.waitingBytes);
    if (wanted === waiter.budgetClass) return;
    this.remove(waiter);
    if (wanted < 0) return;
    const members = this.classes[wanted]!;
    waiter.budgetClass = wanted;
    waiter.budgetIndex = members.length;
    members.push(waiter);
  }

  /** The waiter has ended. */
  remove(waiter: Waiter): void {
    if (waiter.budgetClass < 0) return;
    const members = this.classes[waiter.budgetClass]!;
    const last = members.pop()!;
    if (last !== waiter) {
      members[waiter.budgetIndex] = last;
      last.budgetIndex = waiter.budgetIndex;
    }
    waiter.budgetClass = -1;
  }

  /**
   * @returns the waiter with the most bytes; one with more than half as many where very many are about as large. Null
   * when nobody has a KiB or more.
   */
  largest(): Waiter | null {
    for (let i = CLASS_MAX; i >= 0; i -= 1) {
      const members = this.classes[i]!;
      if (members.length > 0) return largestOf(members);
    }
    return null;
  }
}

/** A class for each power of two from 1 KiB up; below nobody is worth remembering. */
const CLASS_SHIFT = 10;
const CLASS_MAX = 40;

function classOf(bytes: number): number {
  if (bytes < 1 << CLASS_SHIFT) return -1;
  const units = bytes / (1 << CLASS_SHIFT);
  return Math.min(CLASS_MAX, units < 0x8000_0000 ? 31 - Math.clz32(units) : Math.floor(Math.log2(units)));
}

function largestOf(members: readonly Waiter[]): Waiter {
  let largest = members[0]!;
  const looked = Math.min(members.length, BUDGET_LARGEST_LOOKED_AT_MAX);
  for (let i = 1; i < looked; i += 1) {
    const member = members[i]!;
    if (member.waitingBytes > largest.waitingBytes) largest = member;
  }
  return largest;
}
