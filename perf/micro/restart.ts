/**
 * How long a broker takes to start with many stored sessions, and what they take in memory:
 * `node dist/perf/micro/restart.js [SESSIONS] [SUBSCRIPTIONS OF EACH] [SHARDS]`. Writes the shards' environments directly, then
 * starts a broker on them in a process of its own. `start DIR` does only that, so that it can be profiled.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SlotMap, shardOfSlot } from '../../src/actor/slots.js';
import { launchBroker } from '../../src/broker.js';
import { asClientId, asShardId } from '../../src/protocol/ids.js';
import { Environment, type Write } from '../../src/storage/environment.js';
import { NEXT_SESSION_KEY, nextSessionValue } from '../../src/storage/meta-rows.js';
import { encodeSession } from '../../src/storage/session-record.js';
import { encodeSubscription } from '../../src/storage/subscription-record.js';
import { TABLES, type Table } from '../../src/storage/tables.js';
import { openDataDir } from '../../src/supervisor/data-dir.js';

const WRITES_AT_ONCE = 100_000;
const MIB = 1 << 20;
const TAILS = ['command/#', 'config', 'firmware/+', 'time', 'ack'];

/** What one shard keeps. */
class StoredSessions {
  private readonly environment: Environment<Table>;
  private writes: Write<Table>[] = [];
  private number = 0;

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true });
    this.environment = new Environment(directory, TABLES);
  }

  add(slot: number, name: string, subscriptions: number): void {
    const session = ++this.number;
    const record = encodeSession(slot, {
      clientId: name,
      number: session,
      createdAtMs: Date.now(),
      disconnectedAtMs: Date.now(),
      expirySeconds: Number.POSITIVE_INFINITY,
      client: clientOf(name),
      will: null,
    });
    this.put('sessions', record.key, record.value);
    for (let i = 0; i < subscriptions; i++) {
      const filter = `site/${session % 500}/${name}/${TAILS[i % TAILS.length]}${i < TAILS.length ? '' : i}`;
      const parts = { session, filter, group: null, local: false, options: 1, identifier: 0 };
      const row = encodeSubscription(slot, parts);
      this.put('subscriptions', row.key, row.value);
    }
  }

  async close(): Promise<void> {
    this.put('meta', NEXT_SESSION_KEY, nextSessionValue(this.number + 1));
    this.environment.writeNow(this.writes);
    await this.environment.close();
  }

  private put(table: Table, key: Buffer, value: Buffer): void {
    this.writes.push({ table, key, value });
    if (this.writes.length < WRITES_AT_ONCE) return;
    this.environment.writeNow(this.writes);
    this.writes = [];
  }
}

function clientOf(clientId: string) {
  const connected = { keepAliveSeconds: 60, connectedAtMs: Date.now(), cleanStart: false };
  const address = { peerAddress: '10.20.30.40', peerPort: 50_000, listener: 'tcp.external' };
  const info = { clientId, username: null, protocolVersion: 5 as const, ...connected, ...address };
  return { info, isSuperuser: false, mountpoint: Buffer.alloc(0) };
}

async function write(
  directory: string,
  sessions: number,
  subscriptions: number,
  shards: number,
): Promise<void> {
  const { slotKey } = openDataDir(directory, shards, shards);
  const slots = new SlotMap(slotKey, shards);
  const stored = Array.from(
    { length: shards },
    (_, shard) => new StoredSessions(join(directory, `shard-${shard}`)),
  );
  for (let i = 0; i < sessions; i++) {
    const name = `device-${String(i).padStart(8, '0')}`;
    const slot = slots.slotOf(asClientId(name));
    stored[shardOfSlot(slot, shards)]!.add(slot, name, subscriptions);
  }
  for (const each of stored) await each.close();
}

async function start(directory: string): Promise<void> {
  const logger = { debug: say, info: say, warn: say, error: say, fatal: say };
  const config = {
    'node.data_dir': directory,
    'listener.tcp.external': '127.0.0.1:0',
    'listener.tcp.internal': 'off',
    'listener.ws.external': 'off',
    'listener.api.mgmt': 'off',
  };
  const broker = await launchBroker({ config, logger }, {});
  say(`listeners are open ${(performance.now() / 1_000).toFixed(2)} s after the start of the process`);
  say(`resident: ${Math.round(process.memoryUsage().rss / MIB)} MiB`);
  for (let shard = 0; shard < broker.shards; shard++) {
    const found = await broker.request(asShardId(shard), 'shard.figures', null);
    const mib = (bytes: number): number => Math.round(bytes / MIB);
    const counts = `${found.sessions} sessions, ${found.subscriptions} subscriptions, ${found.routes} routes`;
    say(
      `shard ${shard}: heap ${mib(found.heapUsedBytes)} MiB, buffers ${mib(found.externalBytes)} MiB; ${counts}`,
    );
  }
  await broker.stop();
}

function say(line: string): void {
  process.stdout.write(`${(performance.now() / 1_000).toFixed(2).padStart(6)} ${line}\n`);
}

const [first = '1000000', second = '5', third = '3'] = process.argv.slice(2);
if (first === 'start') {
  await start(second);
} else {
  const directory = existsSync(first) ? first : mkdtempSync(join(tmpdir(), 'shardmq-restart-'));
  await write(directory, Number(first), Number(second), Number(third));
  say('written');
  spawnSync(process.execPath, [fileURLToPath(import.meta.url), 'start', directory], { stdio: 'inherit' });
  if (process.env['KEEP'] === undefined) rmSync(directory, { recursive: true, force: true });
  else say(directory);
}
