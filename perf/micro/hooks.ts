/**
 * What one hook of a plugin that answers at once costs per message: `node dist/perf/micro/hooks.js`. A shard in this
 * thread, one publisher, 1 or 100 subscribers that take everything; QoS 0, 64 bytes, bursts of 10. CPU of the process.
 */
import { spawnSync } from 'node:child_process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ShardHooks } from '../../src/plugins/api.js';
import { publish } from '../../test/helpers/packets.js';
import { settle, type TestClient, TestShard } from '../../test/helpers/test-shard.js';

const TOPIC = 'bench/topic/1';
const ROUND_MS = 700;
const ROUNDS = 4;

const CASES: Readonly<Record<string, ShardHooks>> = {
  none: {},
  'message.publish': { 'message.publish': () => undefined },
  'message.publish, rewriting': { 'message.publish': (message) => ({ ...message }) },
  'client.authorize': { 'client.authorize': () => 'allow' },
  'message.delivered': { 'message.delivered': () => {} },
};

async function stage(
  hooks: ShardHooks,
  subscribers: number,
): Promise<{ shard: TestShard; publisher: TestClient }> {
  const shard = new TestShard({ hooks });
  const clients = Array.from({ length: subscribers }, (_, i) => shard.open(`s${i}`, { version: 4 }));
  for (const client of clients) client.subscribe(1, [TOPIC, 0]);
  await settle();
  for (const client of clients) {
    client.write = () => true;
    client.writeAll = () => true;
  }
  const publisher = shard.open('p', { version: 4 });
  await settle();
  return { shard, publisher };
}

/** @returns nanoseconds of CPU per message. */
async function round(publisher: TestClient, chunk: Buffer, chunksPerTurn: number): Promise<number> {
  const before = process.cpuUsage();
  const endMs = performance.now() + ROUND_MS;
  let messages = 0;
  while (performance.now() < endMs) {
    for (let i = 0; i < chunksPerTurn; i++) publisher.handler.onBytes(chunk, 0, chunk.length);
    messages += chunksPerTurn * 10;
    await nextTurn();
  }
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / messages;
}

async function measure(name: string, subscribers: number): Promise<void> {
  const one = publish(4, { topic: TOPIC, payload: 'x'.repeat(64) });
  const chunk = Buffer.concat(Array.from({ length: 10 }, () => one));
  const { shard, publisher } = await stage(CASES[name]!, subscribers);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i++) {
    best = Math.min(best, await round(publisher, chunk, subscribers === 1 ? 20 : 2));
  }
  const columns = [String(subscribers).padStart(3), name.padEnd(28), best.toFixed(0).padStart(6)];
  process.stdout.write(`${columns.join('  ')} ns\n`);
  await shard.stop();
}

const [, file, name, subscribers] = process.argv;
if (name !== undefined) {
  await measure(name, Number(subscribers));
} else {
  // A process each: what one has made of the code must not slow the next.
  for (const count of ['1', '100']) {
    for (const each of Object.keys(CASES))
      spawnSync(process.execPath, [file!, each, count], { stdio: 'inherit' });
  }
}
