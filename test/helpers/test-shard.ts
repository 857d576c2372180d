/**
 * Shards inside the test's own thread, with links made by the test instead of sockets: every part of them can be looked
 * at, and a client reads, stops reading and breaks off exactly when the test says so.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import type { AclRule } from '../../src/access/acl-rule.js';
import { PortClient } from '../../src/actor/port-client.js';
import type { ShardEvent } from '../../src/actor/shard-protocol.js';
import { SystemClock } from '../../src/base/clock.js';
import type { ConfigInput } from '../../src/config/entry.js';
import { loadConfig } from '../../src/config/load.js';
import type { Config } from '../../src/config/schema.js';
import { Counters } from '../../src/metrics/counters.js';
import type { ShardHooks } from '../../src/plugins/api.js';
import { asClientId, asConnectionNumber, asShardId } from '../../src/protocol/ids.js';
import { UNLIMITED } from '../../workers/retained/retained-store.js';
import type { Session } from '../../workers/session/session.js';
import { Shard } from '../../workers/shard.js';
import { MemoryStore, type Store } from '../../workers/store/store.js';
import { type Link, type LinkHandler, NO_HANDLER } from '../../workers/transport/link.js';
import {
  type ConnectOptions,
  connect,
  type PublishOptions,
  publish,
  type Subscription,
  subscribe,
} from './packets.js';
import { decode, type Received } from './received.js';
import type { Version } from './wire.js';

export interface TestShardOptions {
  readonly config?: ConfigInput;
  readonly memoryBudgetBytes?: number;
  readonly rules?: readonly AclRule[];
  readonly hooks?: ShardHooks;
  readonly store?: Store;
}

/** The broker's side of a connection is its link; the client's side is the rest. */
export class TestClient implements Link {
  /** Everything that came and was not taken out by `take`. */
  packets: Received[] = [];
  isPaused = false;
  /** The broker has closed: `end` or `destroy`. */
  isEnded = false;
  isClosed = false;
  /** It takes nothing more, until `drain`. */
  isSlow = false;
  /** It leaves its side open when the broker has closed with `end`. */
  isStubborn = false;
  private unread: Buffer = Buffer.alloc(0);

  handler: LinkHandler = NO_HANDLER;
  readonly headroomBytes = 0;

  constructor(
    readonly version: Version,
    readonly clientId: string,
  ) {}

  /** Bytes from the client, in a buffer that is overwritten as soon as the broker has had its look. */
  send(...chunks: readonly Uint8Array[]): void {
    const bytes = Buffer.concat(chunks);
    this.handler.onBytes(bytes, 0, bytes.length);
    bytes.fill(0xff);
  }

  publish(options: PublishOptions): void {
    this.send(publish(this.version, options));
  }

  subscribe(id: number, ...filters: readonly Subscription[]): void {
    this.send(subscribe(this.version, id, filters));
  }

  /** What has come since the last call. */
  take(): Received[] {
    const taken = this.packets;
    this.packets = [];
    return taken;
  }

  /** Payloads of the messages that have come since the last call. */
  takePayloads(): string[] {
    return this.take()
      .filter((each) => each.type === 'publish')
      .map((each) => each.payload);
  }

  /** The client reads again. */
  drain(): void {
    this.isSlow = false;
    if (!this.isClosed) this.handler.onDrain();
  }

  /** The connection breaks. */
  drop(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.handler.onLinkClosed('closed');
  }

  write(chunk: Uint8Array, start: number, end: number): boolean {
    this.read(Buffer.from(chunk.subarray(start, end)));
    return !this.isSlow;
  }

  writeAll(chunks: readonly Uint8Array[]): boolean {
    this.read(Buffer.concat(chunks));
    return !this.isSlow;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    this.isEnded = true;
    if (!this.isStubborn) setImmediate(() => this.drop());
  }

  destroy(): void {
    this.isEnded = true;
    setImmediate(() => this.drop());
  }

  private read(bytes: Buffer): void {
    this.unread = Buffer.concat([this.unread, bytes]);
    for (
      let found = decode(this.unread, this.version);
      found !== null;
      found = decode(this.unread, this.version)
    ) {
      this.unread = this.unread.subarray(found.frame.length);
      this.packets.push(found);
    }
  }
}

let lastNumber = 0;

export class TestShard {
  readonly shard: Shard;
  readonly events: ShardEvent[] = [];
  readonly main: PortClient;
  private readonly links = new Map<number, Link>();

  constructor(options: TestShardOptions = {}, shard = 0, shards = 1) {
    const { port1, port2 } = new MessageChannel();
    this.main = new PortClient(port1, `shard ${shard}`, new SystemClock(), (event) =>
      this.events.push(event),
    );
    this.shard = new Shard(
      {
        shard: asShardId(shard),
        shards,
        incarnation: 1,
        config: configOf(options.config),
        dataDirectory: '',
        memoryBudgetBytes: options.memoryBudgetBytes ?? 0,
        port: port2,
        handover: new SharedArrayBuffer(4),
        counters: new Counters().buffer,
        hashSeed: 42,
        slotKey: 'test',
        tls: [],
        plugins: [],
        access: { rules: options.rules ?? [], bans: [] },
        seams: { faults: true },
      },
      {
        openLink: (fd) => this.takeLink(fd),
        store: options.store ?? new MemoryStore(),
        hooks: options.hooks ?? null,
        faults: true,
      },
    );
    this.parts.retained.limit(UNLIMITED);
    if (shards === 1) this.shard.onEvent({ kind: 'event', type: 'peers.joined' });
  }

  get parts(): Shard['parts'] {
    return this.shard.parts;
  }

  /** A connection whose CONNECT has been sent. */
  open(clientId: string, options: Partial<ConnectOptions> = {}): TestClient {
    const { version = 5 } = options;
    const client = new TestClient(version, clientId);
    this.handOver(client, connect({ ...options, version, clientId }));
    return client;
  }

  /** Main hands a connection over, of which it has read `head`. */
  handOver(
    link: Link,
    head: Uint8Array,
    listener = 0,
    { peerAddress = '127.0.0.1', assigned = null }: { peerAddress?: string; assigned?: string | null } = {},
  ): void {
    lastNumber += 1;
    const number = lastNumber;
    this.links.set(number, link);
    const handover = {
      number: asConnectionNumber(number),
      fd: number,
      head: Buffer.from(head).toString('latin1'),
      listener,
      peerAddress,
      peerPort: 1,
      assignedClientId: assigned === null ? null : asClientId(assigned),
      certificateUsername: null,
      ageMs: 0,
    };
    this.shard.onEvent({ kind: 'event', type: 'connections.accepted', handovers: [handover] });
  }

  /** As `open`, with the connection at another shard that relays it to this one. */
  openThrough(edge: TestShard, clientId: string, options: Partial<ConnectOptions> = {}): TestClient {
    const { version = 5 } = options;
    lastNumber += 1;
    const number = asConnectionNumber(lastNumber);
    const client = new TestClient(version, clientId);
    const { relays, main, listeners } = edge.parts;
    const origin = {
      listener: 0,
      options: listeners[0]!,
      peerAddress: '127.0.0.1',
      peerPort: 1,
      assignedClientId: null,
      certificateUsername: null,
      number,
      ends: main,
    };
    relays.open(this.parts.shard, client, origin, connect({ ...options, version, clientId }), 0);
    return client;
  }

  /** Why connections have ended, as main was told. */
  get closedReasons(): string[] {
    return this.events.flatMap((event) => (event.type === 'connections.closed' ? event.reasons : []));
  }

  /** The thread ends without a word; main tells `others`. The test still has to `stop` it. */
  crash(...others: readonly TestShard[]): void {
    this.parts.mesh.close();
    const { shard } = this.parts;
    for (const other of others) other.shard.onEvent({ kind: 'event', type: 'peer.lost', shard });
  }

  private takeLink(fd: number): Link {
    const link = this.links.get(fd)!;
    this.links.delete(fd);
    return link;
  }

  session(clientId: string): Session | null {
    return this.parts.sessions.find(asClientId(clientId));
  }

  async advance(ms: number): Promise<void> {
    await this.main.request('test.advanceClock', { ms });
    await settle();
  }

  async stop(): Promise<void> {
    await this.main.request('shard.stop', { deadlineMs: 1_000 });
    await this.shard.stopped;
  }
}

/** Lets everything happen that waits for nothing but its turn. */
export async function settle(turns = 12): Promise<void> {
  for (let i = 0; i < turns; i++) await nextTurn();
}

/** Several shards that know each other. */
export async function meshOf(count: number, options: TestShardOptions = {}): Promise<TestShard[]> {
  const shards = Array.from({ length: count }, (_, index) => new TestShard(options, index, count));
  const joined: Promise<null>[] = [];
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      const { port1, port2 } = new MessageChannel();
      const [one, other] = [shards[a]!.main, shards[b]!.main];
      joined.push(one.request('peer.connect', { shard: asShardId(b), port: port1 }, 5_000, [port1]));
      joined.push(other.request('peer.connect', { shard: asShardId(a), port: port2 }, 5_000, [port2]));
    }
  }
  await Promise.all(joined);
  for (const { shard } of shards) shard.onEvent({ kind: 'event', type: 'peers.joined' });
  // Until each has heard that the others take clients.
  await settle();
  return shards;
}

function configOf(values: ConfigInput | undefined): Config {
  const result = loadConfig({ values });
  if (!result.ok) throw new Error(result.issues[0]?.line);
  return result.config;
}
