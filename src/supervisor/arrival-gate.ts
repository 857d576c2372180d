/**
 * Lets new connections in as long as main itself keeps up. While main's loop is late they wait unread, in order of
 * arrival, then are closed; those that are let in already are not touched. Main thread.
 */
import type { Clock } from '../base/clock.js';
import { LoopDelay } from '../base/loop-delay.js';
import type { Config } from '../config/schema.js';
import { UNREAD_BEGUN_PER_TURN, UNREAD_CONNECTIONS_MAX } from '../limits.js';
import type { Arrival, Arrived, OpeningReader } from './opening-reader.js';
import type { RawConnection } from './raw-connection.js';
import type { OverloadLimits } from './shard-handle.js';

/** What the gate does for others. */
export interface ArrivalGateEvents {
  /** Who reads those that are let in. */
  readonly reader: Pick<OpeningReader, 'begin' | 'beginRaw'>;
  /** Somebody has come. */
  arrived(): void;
  /** New connections wait, because main is late by so many milliseconds, or wait no longer (0). */
  overloadChanged(lateMs: number): void;
}

export class ArrivalGate {
  readonly #clock: Clock;
  #waitMs: number;
  readonly #delay: LoopDelay;
  readonly #events: ArrivalGateEvents;
  /** In order of arrival, so the first is always the one whose wait is over next. */
  readonly #waiting = new Set<Arrival>();
  #isBeginning = false;
  readonly #beginSome = (): void => this.#beginWaiting();

  constructor(limits: OverloadLimits, clock: Clock, events: ArrivalGateEvents) {
    this.#clock = clock;
    this.#waitMs = limits.waitMs;
    this.#delay = new LoopDelay(limits.loopDelayMs);
    this.#events = events;
  }

  /** Connections that wait unread. */
  get count(): number {
    return this.#waiting.size;
  }

  /** What a timer on main waits for its turn: the average of about the last second. */
  get delayMs(): number {
    return this.#delay.delayMs;
  }

  onConfig(config: Config): void {
    this.#waitMs = config['overload.wait'];
    this.#delay.boundMs = config['overload.loop_delay'];
  }

  /** Whether a connection that comes now is begun at once. */
  get #isOpen(): boolean {
    return !this.#delay.isOverloaded && this.#waiting.size === 0;
  }

  /** Takes a connection that counts and has no socket. @returns whether it needs none */
  takeRaw(arrived: Arrived, connection: RawConnection): boolean {
    this.#events.arrived();
    return this.#isOpen && this.#events.reader.beginRaw(arrived, connection);
  }

  /** Takes a connection that counts towards its listener and whose socket is paused. */
  take(arrival: Arrival): void {
    this.#events.arrived();
    if (this.#isOpen) {
      this.#events.reader.begin(arrival);
      return;
    }
    // Without a listener, an error of the socket would end the process.
    arrival.socket.on('error', ignore);
    this.#waiting.add(arrival);
    if (this.#waiting.size > UNREAD_CONNECTIONS_MAX) this.#close(arrival, 'overloaded');
  }

  /** To be called by main's timer; see LoopDelay. */
  sweep(lateMs: number, elapsedMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#delay.tick(lateMs, elapsedMs)) {
      this.#events.overloadChanged(this.#delay.isOverloaded ? this.#delay.delayMs : 0);
    }
    for (const arrival of this.#waiting) {
      if (arrival.acceptedAtMs + this.#waitMs > nowMs) break;
      this.#close(arrival, 'overloaded');
    }
    if (!this.#isBeginning) this.#beginWaiting();
  }

  /** Closes all that wait. */
  stop(): void {
    for (const arrival of this.#waiting) this.#close(arrival, 'broker_stopped');
  }

  // In small lots: all of them at once would be the next overload.
  #beginWaiting(): void {
    let left = UNREAD_BEGUN_PER_TURN;
    for (const arrival of this.#waiting) {
      if (this.#delay.isOverloaded || left-- === 0) break;
      this.#waiting.delete(arrival);
      arrival.socket.off('error', ignore);
      this.#events.reader.begin(arrival);
    }
    this.#isBeginning = this.#waiting.size > 0 && !this.#delay.isOverloaded;
    if (this.#isBeginning) setImmediate(this.#beginSome);
  }

  #close(arrival: Arrival, reason: 'overloaded' | 'broker_stopped'): void {
    this.#waiting.delete(arrival);
    arrival.socket.destroy();
    arrival.listener.closed(reason);
  }
}

function ignore(): void {}
