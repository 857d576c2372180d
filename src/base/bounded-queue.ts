/** First-in-first-out queue with a capacity, and an answer where others would grow without bound. Any thread. */
import { assert } from './assert.js';

const SLOTS_MIN = 8;

/** Ring of a power of two of slots. It grows as far as its capacity needs and does not shrink: bound it well. */
export class BoundedQueue<T> {
  readonly capacity: number;
  size = 0;

  private head = 0;
  private slots: (T | undefined)[] = new Array<T | undefined>(SLOTS_MIN).fill(undefined);

  constructor(capacity: number) {
    assert(capacity >= 1, 'a queue has room for something');
    this.capacity = capacity;
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  get isFull(): boolean {
    return this.size >= this.capacity;
  }

  /** @returns false when the queue is full; the item is not in it then. */
  push(item: T): boolean {
    if (this.size >= this.capacity) return false;
    if (this.size === this.slots.length) this.grow();
    this.slots[(this.head + this.size) & (this.slots.length - 1)] = item;
    this.size += 1;
    return true;
  }

  /** @returns the oldest item and removes it; undefined when there is none. */
  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.slots[this.head];
    this.slots[this.head] = undefined;
    this.head = (this.head + 1) & (this.slots.length - 1);
    this.size -= 1;
    return item;
  }

  /** @returns the oldest item; undefined when there is none. */
  peek(): T | undefined {
    return this.size === 0 ? undefined : this.slots[this.head];
  }

  clear(): void {
    this.slots = new Array<T | undefined>(SLOTS_MIN).fill(undefined);
    this.head = 0;
    this.size = 0;
  }

  private grow(): void {
    const grown = new Array<T | undefined>(this.slots.length * 2).fill(undefined);
    for (let i = 0; i < this.size; i += 1) grown[i] = this.slots[(this.head + i) & (this.slots.length - 1)];
    this.slots = grown;
    this.head = 0;
  }
}
