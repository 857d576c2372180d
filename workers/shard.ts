/**
 * One shard: joins its parts (parts.ts) to what brings clients and what main sends. Runs on the shard's thread.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { type MessagePort, threadId } from 'node:worker_threads';
import { PortServer, type ShardRequestHandlers } from '../src/actor/port-server.js';
import type {
  AccessUpdate,
  ConfigUpdate,
  MainEvent,
  PluginStart,
  PublishRequest,
  ShardEvent,
  ShardFigures,
  ShardStart,
} from '../src/actor/shard-protocol.js';
import { SlotMap } from '../src/actor/slots.js';
import { unreachable } from '../src/base/assert.js';
import type { ConfigKey } from '../src/config/schema.js';
import { HEARTBEAT_MS, STOP_POLL_MS } from '../src/limits.js';
import type { ShardId } from '../src/protocol/ids.js';
import { createMessage } from '../src/protocol/message.js';
import { ReasonCode } from '../src/protocol/mqtt/reason-code.js';
import { StoreRefusal } from '../src/storage/refusal.js';
import { actionRequests } from './actions/requests.js';
import { ConnectFlow } from './connection/connect-flow.js';
import { Intake } from './connection/intake.js';
import { Packets } from './connection/packets.js';
import { PublishIn } from './connection/publish-in.js';
import { SubscribeFlow } from './connection/subscribe-flow.js';
import type { ConfigFollower } from './core.js';
import { Edge } from './edge/edge.js';
import { Handovers } from './edge/handovers.js';
import { injectFault } from './faults.js';
import { LoopWatch } from './loop-watch.js';
import { mainLine } from './main-line.js';
import { ShardParts } from './parts.js';
import type { PeerHandlers } from './peers/handlers.js';
import { ShardHost } from './plugins/shard-host.js';
import type { AcceptRelayed } from './relay/relay-hub.js';
import { type LoadedSeams, loadSeams } from './seams.js';
import { closeStore } from './store/close-store.js';
import { Restore } from './store/restore.js';
import { Sweeper } from './sweeper.js';
import type { Runnable } from './turn.js';

export interface RunningShard {
  /** Resolves when the shard has been stopped in order. */
  readonly stopped: Promise<void>;
}

/** Starts a shard; it runs until main asks it to stop. */
export async function createShard(start: ShardStart): Promise<RunningShard> {
  const tell = (event: ShardEvent): void => start.port.postMessage(event);
  try {
    const shard = new Shard(start, await loadSeams(start, tell));
    await shard.open(start.plugins);
    return shard;
  } catch (error) {
    if (error instanceof StoreRefusal) tell({ kind: 'event', type: 'shard.refused', why: error.message });
    throw error;
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
  private readonly plugins: ShardHost;
  private readonly actions: ReturnType<typeof actionRequests>;
  private readonly sweeper: Sweeper;
  /** Null: nothing is kept. */
  private readonly restore: Restore | null;
  private readonly loop: LoopWatch;
  private readonly heartbeat: NodeJS.Timeout;
  /** All that keep something of the configuration; everybody else reads it from `parts` each time. */
  private readonly followers: readonly ConfigFollower[];
  private resolveStopped: () => void = () => {};
  /** `peer.connect` requests whose peer has not told its whole interest yet. */
  private readonly joining: { shard: ShardId; resolve: (output: null) => void }[] = [];
  private isStopping = false;

  constructor(
    start: ShardStart,
    private readonly seams: LoadedSeams,
  ) {
    this.stopped = new Promise((resolve) => {
      this.resolveStopped = resolve;
    });
    const accept: AcceptRelayed = (link, opened, closed) => this.intake.adoptRelayed(link, opened, closed);
    this.parts = new ShardParts(
      start,
      seams,
      this.peerHandlers(),
      accept,
      mainLine(
        (event) => this.port.tell(event),
        (number, reason) => {
          this.parts.turn.enter();
          this.port.closed(number, reason);
        },
      ),
    );
    const { parts } = this;
    const subscribes = new SubscribeFlow(parts);
    this.plugins = new ShardHost(parts, subscribes);
    this.actions = actionRequests(parts, subscribes);
    const connects = new ConnectFlow(parts);
    const publishes = new PublishIn(parts);
    const packets = new Packets(parts, connects, publishes, subscribes);
    this.intake = new Intake(parts, packets);
    const slots = new SlotMap(start.slotKey, start.shards);
    const exits = { intake: this.intake, relays: parts.relays, slots, openLink: seams.openLink };
    this.edge = new Edge(parts, exits, start.tls);
    parts.relays.onReady = (shard) => this.edge.onOwnerReady(shard);
    this.handovers = new Handovers(parts, this.intake, this.edge, seams.openLink, start.handover);
    this.sweeper = new Sweeper(parts);
    this.restore = !seams.store.isKeeping
      ? null
      : new Restore(parts, seams.store, (what, rows, ofRows) =>
          this.port.tell({ kind: 'event', type: 'shard.loading', what, rows, ofRows }),
        );
    parts.turn.attach({
      commit: () => {
        parts.acks.endTurn();
        parts.commits.endTurn();
      },
      flushPeers: () => parts.mesh.flush(),
      flushOutputs: () => {
        parts.outputs.flushAll();
        this.port.flush();
        this.sweeper.afterTurn();
      },
      flushRelays: () => parts.relays.flush(),
    });
    this.port = new PortServer(start.port, this.requests(), (event) => this.onEvent(event));
    this.loop = new LoopWatch(start.config['overload.loop_delay'], (isOverloaded, delayMs) =>
      this.port.tell({ kind: 'event', type: 'shard.overload', isOverloaded, delayMs }),
    );
    this.sweeper.start(this.loop);
    this.heartbeat = setInterval(() => this.beat(), HEARTBEAT_MS);
    this.followers = [
      ...[parts.sessions, parts.access, parts.delivery, parts.shared, parts.publisher.review],
      ...[connects, publishes, subscribes, this.edge, this.sweeper, this.loop],
    ];
  }

  /** Says that it takes peers and clients, once it has what it had kept, and runs the plugins of other shards. */
  async open(plugins: readonly PluginStart[]): Promise<void> {
    if (this.restore !== null && !(await this.restore.run())) return;
    if (plugins.length > 0) await this.plugins.boot(plugins);
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
      case 'connections.accepted':
        this.handovers.take(event.handovers);
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
      case 'plugin.told':
        this.plugins.told(event.message);
        break;
      case 'plugin.heard':
        this.plugins.heard(event.heard);
        break;
      default:
        unreachable(event);
    }
  }

  private requests(): ShardRequestHandlers {
    return {
      'peer.connect': ({ shard, port }) => this.connectPeer(shard, port),
      ...this.actions,
      'session.owner': ({ clientId }) => {
        const session = this.parts.sessions.find(clientId);
        return session === null ? null : { shard: this.parts.shard, connected: session.online };
      },
      'message.publish': (input) => this.publish(input),
      'shard.figures': () => this.figures(),
      'list.marks': (asked) => this.parts.listing.marks(asked),
      'list.rows': (asked) => this.parts.listing.rows(asked),
      'list.route': ({ filter }) => this.parts.listing.route(filter),
      'list.client': ({ clientId }) => this.parts.listing.client(clientId),
      'list.session': ({ clientId }) => this.parts.listing.session(clientId),
      'list.subscriptions': (asked) => this.parts.listing.subscriptionsOf(asked),
      'config.update': (update) => this.updateConfig(update),
      'tls.update': ({ tls }) => this.edge.updateTls(tls),
      'access.update': (update) => this.updateAccess(update),
      'plugin.start': (start) => this.plugins.start(start),
      'plugin.stop': ({ name }) => this.plugins.stop(name),
      'shard.stop': ({ deadlineMs }) => this.stop(deadlineMs),
      'test.advanceClock': ({ ms }) => this.advanceClock(ms),
      'test.fault': ({ fault }) => {
        if (this.seams.faults) injectFault(fault);
        return null;
      },
    };
  }

  private updateConfig({ config }: ConfigUpdate): null {
    const { parts } = this;
    parts.turn.enter();
    const before = parts.config;
    parts.config = config;
    for (const each of this.followers) each.onConfig(config);
    const isNew = (key: ConfigKey): boolean => config[key] !== before[key];
    // The new limits also hold for topics that are valid by the old ones.
    if (isNew('mqtt.max_topic_length') || isNew('mqtt.max_topic_levels')) parts.router.forgetRoutes();
    if (isNew('mqtt.acl_nomatch')) parts.rechecks.all();
    return null;
  }

  private async updateAccess({ rules, bans }: AccessUpdate): Promise<null> {
    const { parts } = this;
    parts.turn.enter();
    if (rules !== null) {
      parts.access.update(rules);
      parts.rechecks.all();
    }
    if (bans !== null) await parts.door.update(bans);
    return null;
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

  private onMeshed(): void {
    this.port.tell({ kind: 'event', type: 'shard.open' });
    this.restore?.clientsCome();
    this.answerJoined();
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
    this.sweeper.clockTurned(ms);
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
    const { router, memory, turn, retained } = parts;
    this.sweeper.accountBytes();
    const { heapUsed, external } = process.memoryUsage();
    return {
      clients: parts.sessions.onlineCount,
      sessions: parts.sessions.count,
      subscriptions: router.subscriptionCount,
      filters: router.filterCount,
      routes: router.routeCount,
      retained: retained.count,
      waitingBytes: memory.totalBytes,
      longestTurnMs: turn.longestMs,
      loopDelayMs: this.loop.delayMs,
      heapUsedBytes: heapUsed,
      externalBytes: external,
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
    const untilMs = parts.clock.monotonicMs() + deadlineMs;
    await this.drained(untilMs);
    this.plugins.stopAll();
    await closeStore(parts, this.seams.store, this.keepAll(), untilMs);
    clearInterval(this.heartbeat);
    this.sweeper.stop();
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

  // Waits until everything is kept, or cannot be.
  private keepAll(): Promise<void> {
    if (this.restore?.isOver === false) return this.restore.stop();
    this.parts.journal.tellLate();
    return new Promise((resolve) => this.parts.commits.flush(resolve));
  }

  // Waits until all connections have sent their last bytes, here or at other shards, and what is relayed from here too.
  private async drained(untilMs: number): Promise<void> {
    const { clock, connections, relays } = this.parts;
    while (connections.size + relays.count > 0 && clock.monotonicMs() < untilMs) await sleep(STOP_POLL_MS);
  }

  private peerHandlers(): PeerHandlers {
    return {
      onWork: () => this.parts.turn.queue(this),
      onRecord: (view, record, from) => this.parts.publisher.onRecord(view, record, from),
      onBatch: (peer, sequence, from) => {
        const { acks, publisher, outbox } = this.parts;
        // What has to be safe comes through the outbox where there is one.
        const needsCommit = publisher.takeNeedsCommit(from) && !outbox.isOn;
        acks.gateBatch(peer, sequence, from, needsCommit);
      },
      onRetained: (message, from) => this.parts.retained.onMessage(message, from),
      onRelay: (message, from) => this.parts.relays.onMessage(message, from),
      onPeerReady: (shard) => this.parts.relays.onPeerReady(shard),
      onPeerLost: (shard) => this.parts.relays.onPeerLost(shard),
      onCredit: () => {
        const waiters = [...this.parts.creditWaiters];
        this.parts.creditWaiters.clear();
        for (const waiter of waiters) waiter.unstall();
      },
      onUndelivered: (shard, undelivered) => {
        const { guaranteed } = undelivered;
        if (guaranteed > 0)
          this.parts.main.log('warn', 'messages for a dead shard are lost', { shard, guaranteed });
      },
      onReady: () => this.onMeshed(),
    };
  }
}
