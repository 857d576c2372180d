/**
 * Builds one shard: makes its parts, tells them of each other, and takes what main sends. The only file that knows all
 * of a shard's parts. Runs on the shard's thread.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { type MessagePort, threadId } from 'node:worker_threads';
import { PortServer, type ShardRequestHandlers } from '../src/actor/port-server.js';
import type { MainEvent, PublishRequest, ShardFigures, ShardStart } from '../src/actor/shard-protocol.js';
import { SlotMap } from '../src/actor/slots.js';
import { unreachable } from '../src/base/assert.js';
import { SystemClock } from '../src/base/clock.js';
import { TimerWheel } from '../src/base/timer-wheel.js';
import type { Config } from '../src/config/schema.js';
import {
  HEARTBEAT_MS,
  STOP_POLL_MS,
  TARGETS_CACHED_MAX,
  TIMER_WHEEL_SLOTS,
  TIMER_WHEEL_TICK_MS,
  TOPICS_CACHED_MAX,
} from '../src/limits.js';
import type { ClientId, ShardId } from '../src/protocol/ids.js';
import { createMessage } from '../src/protocol/message.js';
import { ReasonCode } from '../src/protocol/mqtt/reason-code.js';
import { AckGate } from './connection/ack-gate.js';
import { ConnectFlow } from './connection/connect-flow.js';
import type { Connection } from './connection/connection.js';
import { Intake } from './connection/intake.js';
import { type ListenerOptions, listenerOptions } from './connection/listener-options.js';
import { Packets } from './connection/packets.js';
import { Presence } from './connection/presence.js';
import { PublishIn } from './connection/publish-in.js';
import { SubscribeFlow } from './connection/subscribe-flow.js';
import type { Core, MainLine } from './core.js';
import { Counters } from './counters.js';
import { Edge } from './edge/edge.js';
import { Handovers } from './edge/handovers.js';
import { injectFault } from './faults.js';
import { LoopWatch } from './loop-watch.js';
import { MemoryBudget } from './memory-budget.js';
import type { PeerHandlers } from './peers/handlers.js';
import { Mesh } from './peers/mesh.js';
import { Delivery } from './publish/delivery.js';
import { Publisher } from './publish/publisher.js';
import { Redelivery } from './publish/redelivery.js';
import { SharedDelivery } from './publish/shared-delivery.js';
import { type AcceptRelayed, RelayHub } from './relay/relay-hub.js';
import { ReplayService } from './retained/replay-service.js';
import { RetainedService } from './retained/retained-service.js';
import { ByteHash } from './routing/byte-hash.js';
import { Router } from './routing/router.js';
import { type LoadedSeams, loadSeams } from './seams.js';
import type { Session } from './session/session.js';
import { SessionTable } from './session/session-table.js';
import { Sweeper } from './sweeper.js';
import { OutputPool } from './transport/output.js';
import { type Runnable, Turn } from './turn.js';

export interface RunningShard {
  /** Resolves when the shard has been stopped in order. */
  readonly stopped: Promise<void>;
}

/** Starts a shard; it runs until main asks it to stop. */
export async function createShard(start: ShardStart<Config>): Promise<RunningShard> {
  const seams = await loadSeams(start.seams);
  return new Shard(start, seams);
}

/** All parts of one shard, made in the order in which they need each other. */
class ShardParts implements Core {
  readonly shard: ShardId;
  readonly shards: number;
  readonly config: Config;
  readonly listeners: readonly ListenerOptions[];
  readonly clock = new SystemClock();
  readonly turn = new Turn(this.clock);
  readonly wheel: TimerWheel;
  readonly outputs: OutputPool;
  readonly counters = new Counters();
  readonly memory: MemoryBudget;
  readonly topicHash: ByteHash;
  readonly router: Router<Session>;
  readonly mesh: Mesh;
  readonly relays: RelayHub;
  readonly sessions: SessionTable;
  readonly connections = new Set<Connection>();
  readonly creditWaiters = new Set<Connection>();
  readonly retained: RetainedService;
  readonly replays: ReplayService;
  readonly delivery: Delivery;
  readonly redelivery: Redelivery;
  readonly shared: SharedDelivery;
  readonly publisher: Publisher;
  readonly acks: AckGate;
  readonly hooks: LoadedSeams['hooks'];

  constructor(
    start: ShardStart<Config>,
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
    this.hooks = seams.hooks;
    this.wheel = new TimerWheel({
      tickMs: TIMER_WHEEL_TICK_MS,
      slots: TIMER_WHEEL_SLOTS,
      nowMs: this.turn.nowMs,
    });
    this.outputs = new OutputPool(this.turn, config['mqtt.client.max_write_buffer']);
    this.memory = new MemoryBudget(start.memoryBudgetBytes);
    this.topicHash = new ByteHash(hashSeed);
    this.router = new Router<Session>({
      shard: start.shard,
      hashSeed,
      topicsCachedMax: TOPICS_CACHED_MAX,
      targetsCachedMax: TARGETS_CACHED_MAX,
    });
    this.mesh = new Mesh({ shard: start.shard, shards: start.shards, table: this.router, handlers });
    this.relays = new RelayHub(this, start.shards, accept, (shard, message) =>
      this.mesh.postRelay(shard, message),
    );
    this.acks = new AckGate(seams.store, this.turn);
    this.sessions = new SessionTable(this);
    this.retained = new RetainedService(this, this.topicHash, hashSeed);
    this.replays = new ReplayService(this);
    this.delivery = new Delivery(this);
    this.redelivery = new Redelivery(this);
    this.shared = new SharedDelivery(this, this.topicHash);
    this.publisher = new Publisher(this);
  }
}

/** One shard: its parts, and what main says to it. */
export class Shard implements RunningShard, Runnable {
  queued = false;
  readonly stopped: Promise<void>;
  readonly parts: ShardParts;
  private readonly port: PortServer;
  private readonly intake: Intake;
  private readonly handovers: Handovers;
  private readonly edge: Edge;
  private readonly sweeper: Sweeper;
  private readonly loop: LoopWatch;
  private readonly heartbeat: NodeJS.Timeout;
  private resolveStopped: () => void = () => {};
  /** `peer.connect` requests whose peer has not told its whole interest yet. */
  private readonly joining: { shard: ShardId; resolve: (output: null) => void }[] = [];
  private isStopping = false;

  constructor(
    start: ShardStart<Config>,
    private readonly seams: LoadedSeams,
  ) {
    this.stopped = new Promise((resolve) => {
      this.resolveStopped = resolve;
    });
    const accept: AcceptRelayed = (link, opened, closed) => this.intake.adoptRelayed(link, opened, closed);
    this.parts = new ShardParts(start, seams, this.peerHandlers(), accept, this.mainLine());
    const { parts } = this;
    const presence = new Presence(parts);
    const connects = new ConnectFlow(parts, presence);
    const packets = new Packets(parts, connects, new PublishIn(parts), new SubscribeFlow(parts));
    this.intake = new Intake(parts, packets);
    const slots = new SlotMap(start.slotKey, start.shards);
    const exits = { intake: this.intake, relays: parts.relays, slots, openLink: seams.openLink };
    this.edge = new Edge(parts, exits, start.tls);
    parts.relays.onReady = (shard) => this.edge.onOwnerReady(shard);
    this.handovers = new Handovers(parts, this.intake, this.edge, seams.openLink, start.handover);
    this.sweeper = new Sweeper(parts);
    parts.turn.attach({
      commit: () => parts.acks.commit(),
      flushPeers: () => parts.mesh.flush(),
      flushOutputs: () => {
        parts.outputs.flushAll();
        this.sweeper.afterTurn();
      },
      flushRelays: () => parts.relays.flush(),
    });
    this.port = new PortServer(start.port, this.requests(), (event) => this.onEvent(event));
    this.sweeper.start();
    this.loop = new LoopWatch(parts.clock, start.config['overload.loop_delay'], (isOverloaded, delayMs) =>
      this.port.tell({ kind: 'event', type: 'shard.overload', isOverloaded, delayMs }),
    );
    this.heartbeat = setInterval(() => this.beat(), HEARTBEAT_MS);
    this.port.tell({ kind: 'event', type: 'shard.ready', thread: threadId });
  }

  /** Handles what other shards have sent. */
  run(): boolean {
    const isDone = this.parts.mesh.drain(this.parts.turn);
    this.answerJoined();
    return !isDone;
  }

  /** What main tells and wants no answer to. */
  onEvent(event: MainEvent): void {
    const { parts } = this;
    parts.turn.enter();
    switch (event.type) {
      case 'connection.accepted':
        this.handovers.take(event.handover);
        break;
      case 'peers.joined':
        parts.mesh.begin();
        break;
      case 'peer.lost':
        parts.mesh.lost(event.shard);
        parts.retained.onShardLost(event.shard);
        parts.replays.onOwnerLost(event.shard);
        this.edge.onPeerOverload(event.shard, false);
        this.answerJoined();
        break;
      case 'peer.overload':
        this.edge.onPeerOverload(event.shard, event.isOverloaded);
        break;
      default:
        unreachable(event);
    }
  }

  private requests(): ShardRequestHandlers {
    return {
      'peer.connect': ({ shard, port }) => this.connectPeer(shard, port),
      'session.kick': ({ clientId }) => ({ kicked: this.kick(clientId) }),
      'session.owner': ({ clientId }) => {
        const session = this.parts.sessions.find(clientId);
        return session === null ? null : { shard: this.parts.shard, connected: session.online };
      },
      'message.publish': (input) => this.publish(input),
      'shard.figures': () => this.figures(),
      'tls.update': ({ tls }) => this.edge.updateTls(tls),
      'shard.stop': ({ deadlineMs }) => this.stop(deadlineMs),
      'test.advanceClock': ({ ms }) => this.advanceClock(ms),
      'test.fault': ({ fault }) => {
        if (this.seams.faults) injectFault(fault);
        return null;
      },
    };
  }

  private connectPeer(shard: ShardId, port: MessagePort): Promise<null> {
    const { parts } = this;
    parts.turn.enter();
    parts.mesh.connect(shard, port);
    return new Promise((resolve) => {
      this.joining.push({ shard, resolve });
      parts.turn.queue(this);
    });
  }

  private answerJoined(): void {
    const { mesh } = this.parts;
    for (let i = this.joining.length - 1; i >= 0; i--) {
      const { shard, resolve } = this.joining[i]!;
      if (mesh.isJoining(shard)) continue;
      this.joining.splice(i, 1);
      resolve(null);
    }
  }

  private kick(clientId: ClientId): boolean {
    this.parts.turn.enter();
    const connection = this.parts.sessions.find(clientId)?.connection ?? null;
    connection?.disconnect(ReasonCode.AdministrativeAction, 'kick');
    return connection !== null;
  }

  private publish(input: PublishRequest): null {
    const { parts } = this;
    parts.turn.enter();
    const { topic, payload, qos, retain } = input;
    parts.publisher.publishOwn(
      createMessage({ topic, payload, qos, retain, receivedAtMs: parts.turn.wallMs }),
    );
    return null;
  }

  private async advanceClock(ms: number): Promise<null> {
    if (!this.seams.faults) return null;
    this.parts.clock.advance(ms);
    this.loop.clockTurned();
    // A turn that is under way keeps the time at which it began; the next one sees what is due.
    await nextTurn();
    this.parts.turn.longestMs = 0;
    this.sweeper.tick();
    return null;
  }

  private beat(): void {
    this.port.tell({ kind: 'event', type: 'shard.heartbeat', figures: this.figures() });
    this.parts.turn.longestMs = 0;
  }

  private figures(): ShardFigures {
    const { parts } = this;
    const { counters, router, memory, turn, retained } = parts;
    this.sweeper.accountBytes();
    return {
      metrics: counters.metrics(parts.outputs.bytesSent, retained.count),
      clients: parts.sessions.onlineCount,
      sessions: parts.sessions.count,
      subscriptions: router.subscriptionCount,
      filters: router.filterCount,
      routes: router.routeCount,
      retained: retained.count,
      waitingBytes: memory.totalBytes,
      longestTurnMs: turn.longestMs,
      loopDelayMs: this.loop.delayMs,
      heapUsedBytes: process.memoryUsage().heapUsed,
      forwardedIn: counters.forwardedIn,
      relays: parts.relays.count,
      arriving: this.edge.count,
    };
  }

  private async stop(deadlineMs: number): Promise<null> {
    if (this.isStopping) return null;
    this.isStopping = true;
    const { parts } = this;
    parts.turn.enter();
    this.handovers.stop();
    this.intake.stop();
    this.edge.stop();
    for (const connection of parts.connections) {
      connection.disconnect(ReasonCode.ServerShuttingDown, 'server_shutdown');
    }
    await this.drained(deadlineMs);
    await this.seams.store.close();
    clearInterval(this.heartbeat);
    this.sweeper.stop();
    this.loop.stop();
    for (const connection of parts.connections) connection.abort('server_shutdown');
    parts.relays.close();
    parts.mesh.close();
    // After the answer has left.
    setImmediate(() => {
      this.port.close();
      this.resolveStopped();
    });
    return null;
  }

  // Waits until all connections have sent their last bytes, here or at other shards, and what is relayed from here too.
  private async drained(deadlineMs: number): Promise<void> {
    const { clock, connections, relays } = this.parts;
    const untilMs = clock.monotonicMs() + deadlineMs;
    while (connections.size + relays.count > 0 && clock.monotonicMs() < untilMs) await sleep(STOP_POLL_MS);
  }

  private mainLine(): MainLine {
    return {
      closed: (number, listener, reason) =>
        this.port.tell({ kind: 'event', type: 'connection.closed', number, listener, reason }),
      log: (level, message, fields = {}) =>
        this.port.tell({ kind: 'event', type: 'log', level, message, fields }),
      raiseAlarm: (alarm) => this.port.tell({ kind: 'event', type: 'alarm.raised', alarm }),
      clearAlarm: (id) => this.port.tell({ kind: 'event', type: 'alarm.cleared', id }),
    };
  }

  private peerHandlers(): PeerHandlers {
    return {
      onWork: () => this.parts.turn.queue(this),
      onRecord: (view, record, from) => this.parts.publisher.onRecord(view, record, from),
      onBatch: (peer, sequence, from) =>
        this.parts.acks.gateBatch(peer, sequence, from, this.parts.publisher.takeNeedsCommit(from)),
      onRetained: (message, from) => this.parts.retained.onMessage(message, from),
      onRelay: (message, from) => this.parts.relays.onMessage(message, from),
      onPeerReady: (shard) => this.parts.relays.onPeerReady(shard),
      onPeerLost: (shard) => this.parts.relays.onPeerLost(shard),
      onCredit: () => {
        const waiters = [...this.parts.creditWaiters];
        this.parts.creditWaiters.clear();
        for (const connection of waiters) connection.unstall();
      },
      onUndelivered: (shard, undelivered) => {
        const { guaranteed } = undelivered;
        if (guaranteed > 0)
          this.parts.main.log('warn', 'messages for a dead shard are lost', { shard, guaranteed });
      },
      onReady: () => this.answerJoined(),
    };
  }
}
