/**
 * What the structures of sessions and retained messages cost: `node --expose-gc dist/perf/micro/structures.js`. Prints
 * the best of several rounds, since others use the machine too.
 */

import { TimerWheel, WheelItem } from '../../src/base/timer-wheel.js';
import { RETAINED_SLICE_NODES_MAX } from '../../src/limits.js';
import { createMessage, type Message } from '../../src/protocol/message.js';
import { RetainedStore } from '../../workers/retained/retained-store.js';
import { Inflight } from '../../workers/session/inflight.js';
import { MessageQueue, type QueueOwner } from '../../workers/session/message-queue.js';
import { QueuedMessage } from '../../workers/session/message-ring.js';
import { PacketIdSet } from '../../workers/session/packet-id-set.js';

const ROUNDS = 5;
const payload = Buffer.alloc(64, 'x');

function print(name: string, value: number, unit: string): void {
  process.stdout.write(`${name.padEnd(62)}${value.toFixed(value < 100 ? 1 : 0).padStart(9)} ${unit}\n`);
}

/** Runs `body`, which does `count` things, and prints nanoseconds for one. */
function measure(name: string, count: number, body: () => void): void {
  body();
  let bestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    const startMs = performance.now();
    body();
    bestMs = Math.min(bestMs, performance.now() - startMs);
  }
  print(name, (bestMs * 1e6) / count, 'ns');
}

/** Heap and buffers in use after everything unreachable is gone. */
function memoryBytes(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function retained(topic: string): Message {
  return createMessage({ topic, payload, qos: 1, retain: true, receivedAtMs: 1_700_000_000_000 });
}

const message = retained('t');
const silent: QueueOwner = { onQueueDrop: () => {}, onQueueMark: () => {} };
const limits = { messagesMax: 100_000, bytesMax: 0, highWatermark: 0.6, lowWatermark: 0.2, priorities: null };

function inflight(): void {
  const window = new Inflight(32);
  measure('in-flight: add, PUBACK', 1e6, () => {
    for (let i = 0; i < 1e6; i += 1) window.acked(window.add(message, 1, 1, null, null, i));
  });
  measure('in-flight: add, PUBREC, PUBCOMP', 1e6, () => {
    for (let i = 0; i < 1e6; i += 1) {
      const id = window.add(message, 2, 2, null, null, i);
      window.received(id, i);
      window.completed(id);
    }
  });
  const ring = new Uint16Array(32);
  measure('in-flight: add, PUBACK, 32 under way', 1e6, () => {
    for (let i = 0; i < 1e6; i += 1) {
      window.acked(ring[i & 31]!);
      ring[i & 31] = window.add(message, 1, 1, null, null, i);
    }
  });
  measure('in-flight: a new window with one message', 1e5, () => {
    for (let i = 0; i < 1e5; i += 1) new Inflight(32).add(message, 1, 1, null, null, i);
  });
  const before = memoryBytes();
  const windows = Array.from({ length: 10_000 }, () => new Inflight(32));
  print('in-flight: an empty window', (memoryBytes() - before) / windows.length, 'bytes');
  for (const each of windows) each.add(message, 1, 1, null, null, 0);
  print('in-flight: a window with one message', (memoryBytes() - before) / windows.length, 'bytes');
}

function queue(): void {
  const out = new QueuedMessage();
  const queue = new MessageQueue(limits, silent);
  measure('queue: push, shift, empty in between', 1e6, () => {
    for (let i = 0; i < 1e6; i += 1) {
      queue.push(message, 1, 1, null, null);
      queue.shift(0, out);
    }
  });
  measure('queue: push 1,000, shift 1,000', 1e6, () => {
    for (let round = 0; round < 1_000; round += 1) {
      for (let i = 0; i < 1_000; i += 1) queue.push(message, 1, 1, null, null);
      for (let i = 0; i < 1_000; i += 1) queue.shift(0, out);
    }
  });
  measure('queue: push with overflow', 1e6, () => {
    for (let i = 0; i < 1e6; i += 1) queue.push(message, 1, 1, null, null);
  });
  const before = memoryBytes();
  const queues = Array.from({ length: 10_000 }, () => new MessageQueue(limits, silent));
  print('queue: an empty queue', (memoryBytes() - before) / queues.length, 'bytes');
}

function packetIds(): void {
  const set = new PacketIdSet();
  measure('packet ids: add, delete', 1e6, () => {
    for (let i = 0; i < 1e6; i += 1) {
      set.add((i % 65_535) + 1, i);
      set.delete((i % 65_535) + 1);
    }
  });
}

class Item extends WheelItem {
  override onDeadline(): void {}
}

function wheel(): void {
  const wheel = new TimerWheel({ tickMs: 100, slots: 4_096, nowMs: 0 });
  const items = Array.from({ length: 100_000 }, () => new Item());
  let nowMs = 0;
  measure('timer wheel: schedule', items.length, () => {
    for (const [i, item] of items.entries()) wheel.schedule(nowMs + 60_000 + (i % 30_000), item);
  });
  measure('timer wheel: put off, looked at, filed anew', items.length, () => {
    nowMs += 100_000;
    for (const [i, item] of items.entries()) item.wheelDeadlineMs = nowMs + 60_000 + (i % 30_000);
    wheel.advance(nowMs, items.length);
  });
}

/** Walks all of `filter` in slices. @returns messages found and the longest slice in milliseconds. */
function walk(store: RetainedStore, filter: string): { found: number; totalMs: number; longestMs: number } {
  const cursor = store.open(filter);
  let found = 0;
  let totalMs = 0;
  let longestMs = 0;
  for (let isDone = false; !isDone; ) {
    const out: Message[] = [];
    const startMs = performance.now();
    isDone = cursor.next(1_700_000_000_000, 1 << 20, RETAINED_SLICE_NODES_MAX, out);
    const tookMs = performance.now() - startMs;
    totalMs += tookMs;
    longestMs = Math.max(longestMs, tookMs);
    found += out.length;
  }
  return { found, totalMs, longestMs };
}

function store(count: number): void {
  const name = `retained, ${count.toLocaleString('en')}`;
  const topics = Array.from({ length: count }, (_, i) => `site/${i % 100}/device/${i}/temperature`);
  const messages = topics.map(retained);
  const before = memoryBytes();
  const store = new RetainedStore(7);
  let longestMs = 0;
  let totalMs = 0;
  for (const each of messages) {
    const startMs = performance.now();
    store.set(each);
    const tookMs = performance.now() - startMs;
    totalMs += tookMs;
    longestMs = Math.max(longestMs, tookMs);
  }
  print(`${name}: insert (two clock readings included)`, (totalMs * 1e6) / count, 'ns');
  print(`${name}: longest insert`, longestMs, 'ms');
  print(`${name}: the store without its messages`, (memoryBytes() - before) / count, 'bytes');
  measure(`${name}: replace`, count, () => {
    for (const each of messages) store.set(each);
  });
  for (const filter of [
    '#',
    'site/+/device/+/temperature',
    'site/7/#',
    '+/+/+/+/none',
    topics[count >> 1]!,
  ]) {
    walk(store, filter);
    const { found, totalMs, longestMs } = walk(store, filter);
    print(`${name}: walk ${filter}, ${found} found`, totalMs, 'ms');
    print(`${name}: walk ${filter}, longest slice`, longestMs, 'ms');
  }
  const startMs = performance.now();
  globalThis.gc?.();
  print(`${name}: full garbage collection`, performance.now() - startMs, 'ms');
}

function messageMemory(): void {
  const count = 100_000;
  const held: Message[] = new Array<Message>(count).fill(message);
  const before = memoryBytes();
  for (let i = 0; i < count; i += 1) held[i] = retained(`site/${i % 100}/device/${i}/temperature`);
  print('a retained message of 100 bytes itself', (memoryBytes() - before) / held.length, 'bytes');
}

inflight();
queue();
packetIds();
wheel();
messageMemory();
store(100_000);
if (process.argv.includes('--large')) store(1_000_000);
