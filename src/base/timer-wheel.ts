/**
 * Many deadlines with one timer: a shard's keep alive, retry and expiry, main's half-read connections. Any thread.
 */
import { assert } from './assert.js';

/**
 * Something with a deadline. It may put its deadline off by writing `wheelDeadlineMs` alone, as often as it likes: the
 * wheel looks again when the old one has come. Only a deadline that comes nearer needs `schedule`, and one that follows
 * Infinity: with that the item falls out of the wheel.
 */
export abstract class WheelItem {
  /** By the clock that is given to `advance`; Infinity: none. */
  wheelDeadlineMs = Number.POSITIVE_INFINITY;
  /** The wheel's own: neighbours in the slot, null when in none. */
  wheelNext: WheelItem | null = null;
  wheelPrevious: WheelItem | null = null;

  /** The deadline has come. The item is out of the wheel by now, and may schedule itself anew. */
  abstract onDeadline(nowMs: number): void;
}

/** Head of a circular list of items. */
class Slot extends WheelItem {
  constructor() {
    super();
    this.wheelNext = this;
    this.wheelPrevious = this;
  }

  override onDeadline(): void {
    throw new Error('a slot has no deadline');
  }
}

/**
 * Hashed wheel: an item lies in the slot of its deadline, modulo the number of slots. Items of later rounds are passed
 * over when their slot comes up, and so cost a look per round. A deadline is never early, and late by a tick at most
 * beside what `advance` is late.
 */
export class TimerWheel {
  /** Items in the wheel. */
  size = 0;

  private readonly tickMs: number;
  private readonly slots: Slot[] = [];
  /** What has come up and has not been looked at yet. */
  private readonly due = new Slot();
  /** Number of the last tick that has come up. */
  private tick: number;

  /** `slots` times `tickMs` is a round. */
  constructor(options: { tickMs: number; slots: number; nowMs: number }) {
    assert(options.tickMs > 0 && options.slots > 1, 'a timer wheel turns');
    this.tickMs = options.tickMs;
    this.tick = Math.floor(options.nowMs / options.tickMs);
    for (let i = 0; i < options.slots; i += 1) this.slots.push(new Slot());
  }

  /** Sets the item's deadline, wherever the item is now. Infinity is the same as `cancel`. */
  schedule(deadlineMs: number, item: WheelItem): void {
    item.wheelDeadlineMs = deadlineMs;
    if (item.wheelNext === null) this.size += 1;
    else unlink(item);
    if (deadlineMs === Number.POSITIVE_INFINITY) {
      item.wheelNext = item.wheelPrevious = null;
      this.size -= 1;
    } else {
      this.file(item);
    }
  }

  /** Takes the item out, if it is in. Call it when its owner ends: until then the wheel holds it. */
  cancel(item: WheelItem): void {
    item.wheelDeadlineMs = Number.POSITIVE_INFINITY;
    if (item.wheelNext === null) return;
    this.remove(item);
  }

  /**
   * Tells items whose deadline is `nowMs` or earlier. Any step forward will do, hours as well; a step back is ignored.
   * @returns false when `itemsMax` were looked at and more wait: call again, next turn.
   */
  advance(nowMs: number, itemsMax: number): boolean {
    this.collect(Math.floor(nowMs / this.tickMs));
    for (let left = itemsMax; left > 0; left -= 1) {
      const item = this.due.wheelNext!;
      if (item === this.due) return true;
      if (item.wheelDeadlineMs === Number.POSITIVE_INFINITY) {
        this.remove(item);
      } else if (item.wheelDeadlineMs > nowMs) {
        unlink(item);
        this.file(item);
      } else {
        this.remove(item);
        item.onDeadline(nowMs);
      }
    }
    return this.due.wheelNext === this.due;
  }

  /** Moves the slots of all ticks up to `tickNow` to `due`. After a round every slot has been there. */
  private collect(tickNow: number): void {
    if (tickNow <= this.tick) return;
    const slots = this.slots.length;
    const from = Math.max(this.tick + 1, tickNow - slots + 1);
    for (let tick = from; tick <= tickNow; tick += 1) moveAll(this.slots[tick % slots]!, this.due);
    this.tick = tickNow;
  }

  private file(item: WheelItem): void {
    // The current tick's slot has been emptied: what is due already waits for the next, so that an item which
    // schedules itself in the past cannot hold the loop.
    const tick = Math.max(this.tick + 1, Math.ceil(item.wheelDeadlineMs / this.tickMs));
    const slot = this.slots[tick % this.slots.length]!;
    const last = slot.wheelPrevious!;
    item.wheelPrevious = last;
    item.wheelNext = slot;
    last.wheelNext = item;
    slot.wheelPrevious = item;
  }

  private remove(item: WheelItem): void {
    unlink(item);
    item.wheelNext = item.wheelPrevious = null;
    this.size -= 1;
  }
}

function unlink(item: WheelItem): void {
  const next = item.wheelNext!;
  const previous = item.wheelPrevious!;
  previous.wheelNext = next;
  next.wheelPrevious = previous;
}

/** Appends the whole list of `from` to that of `to`. */
function moveAll(from: Slot, to: Slot): void {
  if (from.wheelNext === from) return;
  const first = from.wheelNext!;
  const last = from.wheelPrevious!;
  const end = to.wheelPrevious!;
  end.wheelNext = first;
  first.wheelPrevious = end;
  last.wheelNext = to;
  to.wheelPrevious = last;
  from.wheelNext = from;
  from.wheelPrevious = from;
}
