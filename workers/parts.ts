/** Builds the parts of one shard. Runs on the shard's thread. */
import type { ShardStart } from '../src/actor/shard-protocol.js';
import { SlotMap } from '../src/actor/slots.js';
import { SystemClock } from '../src/base/clock.js';
import { TimerWheel } from '../src/base/timer-wheel.js';
import type { Config } from '../src/config/schema.js';
import {
  TARGETS_CACHED_MAX,
  TIMER_WHEEL_SLOTS,
  TIMER_WHEEL_TICK_MS,
  TOPICS_CACHED_MAX,
} from '../src/limits.js';
import { Counters } from '../src/metrics/counters.js';
import type { ShardId } from '../src/protocol/ids.js';
import { AccessControl } from './access/access-control.js';
import { Doorkeeper } from './access/doorkeeper.js';
import { Rechecks } from './access/rechecks.js';
import { AckGate } from './connection/ack-gate.js';
import type { Connection } from './connection/connection.js';
import { type ListenerOptions, listenerOptions } from './connection/listener-options.js';
import { StoreDoor } from './connection/store-door.js';
import type { Core, CreditWaiter, MainLine } from './core.js';
import { Hooks } from './hooks/hooks.js';
import { HookRegistry } from './hooks/registry.js';
import { Listing } from './listing/listing.js';
import { MemoryBudget } from './memory-budget.js';
import { Pace } from './pace.js';
import type { PeerHandlers } from './peers/handlers.js';
import { Mesh } from './peers/mesh.js';
import { Outbox } from './peers/outbox.js';
import { Delivery } from './publish/delivery.js';
import { KeptDelivery } from './publish/kept-delivery.js';
import { Publisher } from './publish/publisher.js';
import { Redelivery } from './publish/redelivery.js';
import { Review } from './publish/review.js';
import { SharedDelivery } from './publish/shared-delivery.js';
import { type AcceptRelayed, RelayHub } from './relay/relay-hub.js';
import { ReplayService } from './retained/replay-service.js';
import { RetainedService } from './retained/retained-service.js';
import { ByteHash } from './routing/byte-hash.js';
import { Router } from './routing/router.js';
import type { LoadedSeams } from './seams.js';
import type { Session } from './session/session.js';
import { SessionTable } from './session/session-table.js';
import { Commits } from './store/commits.js';
import { Journal } from './store/journal.js';
import { SessionKeeper } from './store/session-keeper.js';
import { tellOfStore } from './store/store-alarm.js';
import { OutputPool } from './transport/output.js';
import { Turn } from './turn.js';

/** All parts of one shard, made in the order in which they need each other. */
export class ShardParts implements Core {
  readonly shard: ShardId;
  readonly shards: number;
  config: Config;
  readonly listeners: readonly ListenerOptions[];
  readonly clock = new SystemClock();
  readonly turn = new Turn(this.clock, new Pace());
  readonly wheel: TimerWheel;
  readonly outputs: OutputPool;
  readonly counters: Counters;
  readonly memory: MemoryBudget;
  readonly topicHash: ByteHash;
  readonly router: Router<Session>;
  readonly outbox: Outbox;
  readonly mesh: Mesh;
  readonly relays: RelayHub;
  readonly sessions: SessionTable;
  readonly listing: Listing;
  readonly connections = new Set<Connection>();
  readonly creditWaiters = new Set<CreditWaiter>();
  readonly retained: RetainedService;
  readonly replays: ReplayService;
  readonly delivery: Delivery;
  readonly redelivery: Redelivery;
  readonly kept: KeptDelivery;
  readonly shared: SharedDelivery;
  readonly publisher: Publisher;
  readonly acks: AckGate;
  readonly storeDoor: StoreDoor;
  readonly commits: Commits;
  readonly journal: Journal;
  readonly keeper: SessionKeeper;
  readonly hooks = new Hooks();
  readonly registry: HookRegistry;
  readonly access: AccessControl;
  readonly door: Doorkeeper;
  readonly rechecks: Rechecks;

  constructor(
    start: ShardStart,
    seams: LoadedSeams,
    handlers: PeerHandlers,
    accept: AcceptRelayed,
    readonly main: MainLine,
  ) {
    const { config, hashSeed } = start;
    this.shard = start.shard;
    this.shards = start.shards;
    this.config = config;
    this.listeners = config.listeners.map(listenerOptions);
    this.counters = new Counters(start.counters);
    this.wheel = new TimerWheel({
      tickMs: TIMER_WHEEL_TICK_MS,
      slots: TIMER_WHEEL_SLOTS,
      nowMs: this.turn.nowMs,
    });
    this.registry = new HookRegistry(this.hooks, this);
    if (seams.hooks !== null) this.registry.add('seam', seams.hooks);
    this.access = new AccessControl(this, start.access.rules);
    this.door = new Doorkeeper(this, start.access.bans);
    this.rechecks = new Rechecks(this);
    this.outputs = new OutputPool(this.turn, config['mqtt.client.max_write_buffer'], this.counters);
    this.memory = new MemoryBudget(start.memoryBudgetBytes);
    this.commits = new Commits(seams.store, this.turn, this.counters);
    this.journal = new Journal(seams.store, this.commits);
    this.commits.add(this.journal);
    this.keeper = new SessionKeeper(new SlotMap(start.slotKey, start.shards), seams.store, this.commits);
    this.commits.add(this.keeper);
    this.topicHash = new ByteHash(hashSeed);
    this.listing = new Listing(this);
    this.router = new Router<Session>({
      shard: start.shard,
      hashSeed,
      topicsCachedMax: TOPICS_CACHED_MAX,
      targetsCachedMax: TARGETS_CACHED_MAX,
      onSubscriptions: (session) => this.listing.subscriptionsChanged(session),
      keeper: seams.store.isKeeping ? this.keeper : null,
    });
    const { shard, shards, topicHash: hash, commits } = this;
    const table = this.router.interest;
    this.outbox = new Outbox({ shards, isOn: seams.store.isKeeping, hash, commits });
    this.commits.add(this.outbox);
    this.mesh = new Mesh({ shard, shards, table, handlers, outbox: this.outbox });
    this.relays = new RelayHub(this, start.shards, accept, (shard, message) =>
      this.mesh.postRelay(shard, message),
    );
    this.acks = new AckGate(this, this.commits, this.turn);
    this.storeDoor = new StoreDoor(this.commits, this.turn);
    this.sessions = new SessionTable(this);
    this.retained = new RetainedService(this, this.topicHash, hashSeed);
    this.replays = new ReplayService(this);
    this.delivery = new Delivery(this);
    this.redelivery = new Redelivery(this);
    this.kept = new KeptDelivery(this);
    this.commits.add(this.kept);
    tellOfStore(this);
    this.shared = new SharedDelivery(this, this.topicHash);
    this.publisher = new Publisher(this, new Review(this));
  }
}
