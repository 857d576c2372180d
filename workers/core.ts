/** The parts of one shard, as its other parts see them. Built by shard.ts, before any of them is used. */

import type {
  Alarm,
  LogFields,
  LogLevel,
  PluginFailed,
  PluginHeard,
  PluginMessage,
} from '../src/actor/shard-protocol.js';
import type { Clock } from '../src/base/clock.js';
import type { TimerWheel } from '../src/base/timer-wheel.js';
import type { Config } from '../src/config/schema.js';
import type { Counters } from '../src/metrics/counters.js';
import type { ClientId, ConnectionNumber, ShardId } from '../src/protocol/ids.js';
import type { AccessControl } from './access/access-control.js';
import type { Doorkeeper } from './access/doorkeeper.js';
import type { Rechecks } from './access/rechecks.js';
import type { AckGate } from './connection/ack-gate.js';
import type { Connection } from './connection/connection.js';
import type { ListenerOptions } from './connection/listener-options.js';
import type { StoreDoor } from './connection/store-door.js';
import type { Hooks } from './hooks/hooks.js';
import type { HookRegistry } from './hooks/registry.js';
import type { Listing } from './listing/listing.js';
import type { MemoryBudget } from './memory-budget.js';
import type { Mesh } from './peers/mesh.js';
import type { Outbox } from './peers/outbox.js';
import type { Delivery } from './publish/delivery.js';
import type { KeptDelivery } from './publish/kept-delivery.js';
import type { Publisher } from './publish/publisher.js';
import type { Redelivery } from './publish/redelivery.js';
import type { SharedDelivery } from './publish/shared-delivery.js';
import type { RelayHub } from './relay/relay-hub.js';
import type { ReplayService } from './retained/replay-service.js';
import type { RetainedService } from './retained/retained-service.js';
import type { ByteHash } from './routing/byte-hash.js';
import type { Router } from './routing/router.js';
import type { Session } from './session/session.js';
import type { SessionTable } from './session/session-table.js';
import type { Commits } from './store/commits.js';
import type { Journal } from './store/journal.js';
import type { SessionKeeper } from './store/session-keeper.js';
import type { OutputPool } from './transport/output.js';
import type { Turn } from './turn.js';

/** What a shard tells main, without waiting for anything. */
export interface MainLine {
  /** With what else has ended in this turn. */
  closed(number: ConnectionNumber, reason: string): void;
  log(level: LogLevel, message: string, fields?: LogFields): void;
  /** @throws DOMException for what cannot be cloned */
  pluginTold(message: PluginMessage): void;
  pluginHeard(heard: PluginHeard): void;
  pluginFailed(failed: PluginFailed): void;
  raiseAlarm(alarm: Alarm): void;
  clearAlarm(id: string): void;
  /** A client connects too often. */
  flapping(clientId: ClientId): void;
}

/** A part that keeps something of the configuration, so as not to look it up for every message. */
export interface ConfigFollower {
  /** At first, and again whenever something has changed. Must not throw. */
  onConfig(config: Config): void;
}

/** A publisher that waits for room in another shard. */
export interface CreditWaiter {
  unstall(): void;
}

export interface Core {
  readonly shard: ShardId;
  readonly shards: number;
  /** As it is now: replaced as a whole when something changes, so it is not to be kept. */
  readonly config: Config;
  /** By listener id. */
  readonly listeners: readonly ListenerOptions[];
  readonly clock: Clock;
  readonly turn: Turn;
  readonly wheel: TimerWheel;
  readonly outputs: OutputPool;
  readonly counters: Counters;
  readonly memory: MemoryBudget;
  readonly router: Router<Session>;
  readonly outbox: Outbox;
  readonly mesh: Mesh;
  readonly relays: RelayHub;
  readonly sessions: SessionTable;
  readonly listing: Listing;
  readonly connections: Set<Connection>;
  /** Publishers that found no credit towards another shard. */
  readonly creditWaiters: Set<CreditWaiter>;
  /** Keyed, the same in every shard. */
  readonly topicHash: ByteHash;
  readonly retained: RetainedService;
  readonly delivery: Delivery;
  readonly redelivery: Redelivery;
  readonly kept: KeptDelivery;
  readonly publisher: Publisher;
  readonly shared: SharedDelivery;
  readonly replays: ReplayService;
  readonly acks: AckGate;
  readonly storeDoor: StoreDoor;
  readonly commits: Commits;
  readonly journal: Journal;
  readonly keeper: SessionKeeper;
  readonly hooks: Hooks;
  readonly registry: HookRegistry;
  readonly access: AccessControl;
  readonly door: Doorkeeper;
  readonly rechecks: Rechecks;
  readonly main: MainLine;
}
