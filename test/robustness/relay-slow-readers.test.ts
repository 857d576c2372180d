/**
 * Five hundred clients that do not read, with their sessions on another shard than their connections, and somebody who
 * publishes to them as fast as the broker reads: what waits for them is bounded, and nobody else notices.
 */
import test from 'ava';
import { asShardId } from '../../src/protocol/ids.js';
import { publish } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import { until } from '../helpers/with-broker.js';
import { EDGE } from '../transports/bench.js';
import { Siege } from './siege.js';

const MIB = 1 << 20;
const READERS = 500;
/** TLS and WebSocket: their handshakes cost the test's own thread a second per three hundred. */
const READERS_TLS = 50;
const PAYLOAD = 'x'.repeat(4_000);
/** Of five messages to everybody. */
const BURSTS = 40;
const BUDGET_BYTES = 32 * MIB;
/** What a burst may add in the turn in which the budget is passed. */
const SLACK_BYTES = 24 * MIB;
const SEND_TIMEOUT_SECONDS = 15;

async function figuresOf(siege: Siege, shard: number) {
  return siege.broker.request(asShardId(shard), 'shard.figures', null);
}

/** Publishes so many messages to all, in one go. */
async function burst(publisher: RawClient, count: number): Promise<void> {
  publisher.send(...Array.from({ length: count }, () => publish(5, { topic: 'all', payload: PAYLOAD })));
  await publisher.expectSilence();
}

const settingsOf = (budgetBytes: number) => ({
  'shard.memory_budget': budgetBytes,
  'mqtt.client.max_write_buffer': '256KB',
  ...Object.fromEntries(['ssl', 'ws', 'wss'].map((type) => [`listener.${type}.external.sndbuf`, '16KB'])),
  ...Object.fromEntries(
    ['ssl', 'ws', 'wss'].map((type) => [
      `listener.${type}.external.send_timeout`,
      `${SEND_TIMEOUT_SECONDS}s`,
    ]),
  ),
});

async function comeIn(siege: Siege): Promise<RawClient[]> {
  const readers: RawClient[] = [];
  for (let n = 0; n < READERS; n++) {
    const transport = n < READERS_TLS ? 'ssl' : n < 2 * READERS_TLS ? 'wss' : 'ws';
    const reader = await siege.bench.connect({ transport, shard: 1 - EDGE });
    await reader.subscribe('all');
    reader.pauseReading();
    readers.push(reader);
  }
  return readers;
}

test.serial('memory is bounded by the budget: who does not read misses messages, others go on', async (t) => {
  const siege = await Siege.start(settingsOf(BUDGET_BYTES), READERS);
  try {
    const before = await figuresOf(siege, EDGE);
    const readers = await comeIn(siege);
    t.is((await figuresOf(siege, EDGE)).relays - before.relays, READERS);
    const publisher = await siege.bench.connect({ shard: 1 - EDGE });
    const residentBytes = process.memoryUsage.rss();
    let mostBytes = 0;
    for (let n = 0; n < BURSTS; n++) {
      await burst(publisher, 5);
      for (const shard of [0, 1]) {
        const { waitingBytes } = await figuresOf(siege, shard);
        mostBytes = Math.max(mostBytes, waitingBytes);
      }
    }
    t.log(`at most ${(mostBytes / MIB).toFixed(0)} MiB wait in a shard`);
    // It stays about where all readers count as slow; what is seen of it between bursts may be less.
    t.true(mostBytes > BUDGET_BYTES * 0.5 && mostBytes < BUDGET_BYTES + SLACK_BYTES, `${mostBytes}`);
    await siege.flowsGoOn();
    const grownMib = (process.memoryUsage.rss() - residentBytes) / MIB;
    t.log(`the process has grown by ${grownMib.toFixed(0)} MiB`);
    for (const reader of readers) reader.drop();
    publisher.drop();
  } finally {
    await siege.end(t);
  }
});

test.serial(
  'with room for all of it, all of them are closed when they have taken nothing for send_timeout',
  async (t) => {
    const siege = await Siege.start(settingsOf(0), READERS);
    try {
      const readers = await comeIn(siege);
      const publisher = await siege.bench.connect({ shard: 1 - EDGE });
      const timeouts = (): number =>
        ['ssl', 'ws', 'wss'].reduce((sum, type) => sum + siege.counted(type as 'ws', 'send_timeout'), 0);
      // More than the kernel takes for them.
      for (let n = 0; n < BURSTS && timeouts() < READERS; n++) {
        await burst(publisher, 5);
        if (n > BURSTS / 2) await siege.bench.advanceClock(SEND_TIMEOUT_SECONDS);
      }
      await until(() => timeouts() === READERS, 'all to be closed');
      await siege.flowsGoOn();
      for (const reader of readers) reader.drop();
      publisher.drop();
    } finally {
      await siege.end(t);
    }
  },
);
