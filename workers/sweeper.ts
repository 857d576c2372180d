/**
 * What has to be looked at again and again: connections in rotation (3.x retries, QoS 2 that is never released), and
 * the shard's other deadlines. One timer per shard; its work per tick is bounded. Runs on the shard's thread.
 */
import { Ticker } from '../src/base/ticker.js';
import type { Config } from '../src/config/schema.js';
import {
  BUDGET_LOOK_SHARE,
  REST_TICK_MS,
  SWEEP_CONNECTIONS_MAX,
  SWEEP_ROUND_MS,
  TIMER_WHEEL_TICK_MS,
  WHEEL_ITEMS_SLICE,
} from '../src/limits.js';
import { ReasonCode } from '../src/protocol/mqtt/reason-code.js';
import type { Connection } from './connection/connection.js';
import type { ConfigFollower, Core } from './core.js';
import type { LoopWatch } from './loop-watch.js';
import { WAITING_OUTBOXES, WAITING_OUTPUT } from './memory-budget.js';
import { RelayedClient } from './relay/relayed-client.js';
import { Session } from './session/session.js';
import type { Runnable } from './turn.js';

const BUDGET_EXCEEDED = 'memory budget exceeded: the largest waiter goes';

export class Sweeper implements Runnable, ConfigFollower {
  queued = false;
  private ticker: Ticker | null = null;
  /** The turn's `entries` when the last tick had begun one. */
  private tickEntries = 0;
  /** There are retained messages of which the last tick has not seen whether they have expired. */
  private isExpiring = false;
  private round: Iterator<Connection> | null = null;
  private roundStartedMs = 0;
  private outputBytes = 0;
  private meshBytes = 0;
  private readonly relief: Runnable = {
    queued: false,
    run: () => {
      this.relieve();
      return false;
    },
  };
  private retryMs = 0;
  private awaitRelMs = 0;

  constructor(private readonly core: Core) {
    this.onConfig(core.config);
  }

  onConfig(config: Config): void {
    this.retryMs = config['mqtt.session.retry_interval'];
    this.awaitRelMs = config['mqtt.session.await_rel_timeout'];
    this.judgeReaders();
  }

  /** `loop` shares the timer: each one wakes the thread, also of a broker that has nothing to do. */
  start(loop: LoopWatch): void {
    const { clock, memory } = this.core;
    this.ticker = new Ticker(clock, {
      intervalMs: TIMER_WHEEL_TICK_MS,
      restMs: REST_TICK_MS,
      tick: (lateMs, elapsedMs) => {
        loop.tick(lateMs, elapsedMs);
        this.tick();
        // What one tick has not finished is not left lying for long.
        return this.round !== null || this.isExpiring || memory.isExceeded;
      },
    });
    this.ticker.start();
  }

  /** A test has turned the clock. */
  clockTurned(ms: number): void {
    this.ticker?.clockTurned(ms);
  }

  stop(): void {
    this.ticker?.stop();
    this.ticker = null;
  }

  /** Also called when a test has turned the clock. */
  tick(): void {
    const { core } = this;
    core.turn.enter();
    this.tickEntries = core.turn.entries;
    const { nowMs } = core.turn;
    if (this.run()) core.turn.queue(this);
    core.acks.sweep(nowMs);
    if (core.journal.isOn) core.journal.sweep();
    core.commits.sweep(nowMs);
    core.storeDoor.sweep(nowMs);
    core.mesh.sweep(nowMs);
    core.relays.sweep();
    this.isExpiring = !core.retained.sweep();
    this.sweepConnections(nowMs);
    this.accountBytes();
    this.judgeReaders();
    this.relieve();
  }

  /** At the end of every turn: a lot that begins to wait all at once is not left to the next tick. */
  afterTurn(): void {
    const { outputs, memory, turn } = this.core;
    if (turn.entries !== this.tickEntries) this.ticker?.wake();
    if (outputs.waitingBytes - this.outputBytes < memory.limitBytes * BUDGET_LOOK_SHARE) return;
    this.accountBytes();
    this.judgeReaders();
    // Who has to go leaves things behind that belong into a turn.
    if (memory.isExceeded) turn.queue(this.relief);
  }

  /** Deadlines; a will that thousands are waiting for is one of them. @returns true when some have to wait. */
  run(): boolean {
    const { wheel, turn } = this.core;
    while (!wheel.advance(turn.nowMs, WHEEL_ITEMS_SLICE)) {
      if (turn.spent || turn.overTime) return true;
    }
    return false;
  }

  /** Counts what the channels and slow readers hold into the budget. */
  accountBytes(): void {
    const { memory, outputs, mesh, relays } = this.core;
    memory.add(WAITING_OUTPUT, outputs.waitingBytes - this.outputBytes);
    this.outputBytes = outputs.waitingBytes;
    const meshBytes = mesh.waitingBytes + relays.waitingBytes;
    memory.add(WAITING_OUTBOXES, meshBytes - this.meshBytes);
    this.meshBytes = meshBytes;
  }

  /** When memory is short, a reader that has anything waiting is slow. */
  private judgeReaders(): void {
    const { memory, outputs, config } = this.core;
    outputs.slowBytes = memory.isTight ? 0 : config['mqtt.client.max_write_buffer'];
  }

  private sweepConnections(nowMs: number): void {
    if (this.round === null) {
      if (nowMs - this.roundStartedMs < SWEEP_ROUND_MS) return;
      this.roundStartedMs = nowMs;
      this.round = this.core.connections.values();
    }
    for (let i = 0; i < SWEEP_CONNECTIONS_MAX; i++) {
      const next = this.round.next();
      if (next.done === true) {
        this.round = null;
        this.core.outputs.trim();
        return;
      }
      this.sweepConnection(next.value, nowMs);
    }
  }

  private sweepConnection(connection: Connection, nowMs: number): void {
    const { session } = connection;
    if (session === null || session.connection !== connection) return;
    this.core.memory.update(session);
    if (connection.isStuck(nowMs)) {
      connection.abort('send_timeout');
      return;
    }
    if (session.inflight !== null && session.inflight.size === 0) session.inflight.trim();
    if (connection.version === 5) return;
    if (this.retryMs > 0 && session.inflight !== null)
      this.core.redelivery.retry(session, nowMs, this.retryMs);
    if (session.awaitingRel === null || session.durable || this.awaitRelMs === 0) return;
    let expired = 0;
    const { awaitingRel } = session;
    awaitingRel.sweep(nowMs, this.awaitRelMs, () => {
      this.core.kept.done(awaitingRel.removedEntry);
      expired++;
    });
    this.core.counters.qos2Dropped += expired;
    connection.inboundOpen = Math.max(0, connection.inboundOpen - expired);
  }

  // Over the budget: whoever holds most goes first. A client is disconnected; a queue of one that is away loses its
  // older half, which is counted and raises its alarm.
  private relieve(): void {
    const { memory, connections, relays } = this.core;
    if (!memory.isExceeded) return;
    // They grow too often to be ranked each time: it is done now that it matters who has most.
    for (const { session, waitingBytes } of connections) {
      if (session !== null && waitingBytes > 0) memory.update(session);
    }
    for (const client of relays.clients) memory.update(client);
    for (let i = 0; i < 8 && memory.isExceeded; i++) {
      const largest = memory.largest();
      if (largest instanceof Session) this.giveUpSession(largest);
      else if (largest instanceof RelayedClient) this.giveUpRelayed(largest);
      else return;
      memory.update(largest);
      this.accountBytes();
    }
  }

  private giveUpSession(session: Session): void {
    const { connection, clientId, waitingBytes: bytes } = session;
    this.core.main.log('warn', BUDGET_EXCEEDED, { clientId, bytes, connected: connection !== null });
    if (connection !== null) connection.disconnect(ReasonCode.QuotaExceeded, 'memory_budget');
    else session.shed();
  }

  private giveUpRelayed(client: RelayedClient): void {
    const { origin, waitingBytes: bytes } = client;
    const peer = `${origin.peerAddress}:${origin.peerPort}`;
    this.core.main.log('warn', BUDGET_EXCEEDED, { peer, bytes, connected: true });
    client.abort('memory_budget');
  }
}
