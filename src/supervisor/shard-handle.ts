/**
 * One shard as main sees it, over all its restarts: state, conversation, and the connections it holds or waits for.
 * Main thread.
 */
import type { Worker } from 'node:worker_threads';
import type { PortClient } from '../actor/port-client.js';
import type { ConnectionHandover, ShardFigures } from '../actor/shard-protocol.js';
import type { Clock } from '../base/clock.js';
import { WAITING_CONNECTION_TIMEOUT_MS, WAITING_CONNECTIONS_MAX } from '../limits.js';
import type { ConnectionNumber, ShardId } from '../protocol/ids.js';
import { closeDescriptor, type Descriptor } from './descriptor.js';
import type { ListenerFigures, MainCloseReason } from './listener-figures.js';

/**
 * down → starting → meshing → ready → down → ...; any → stopped.
 * `meshing`: built, and exchanging interest with its peers; takes no connections yet.
 */
export type ShardState = 'down' | 'starting' | 'meshing' | 'ready' | 'stopped';

/** What exists only while a thread runs this shard. */
export interface Incarnation {
  readonly number: number;
  readonly client: PortClient;
  /** See `ShardStart.handover`. */
  readonly adopted: Uint32Array;
  /** Settles when the task has ended, for whatever reason; never rejects. */
  ended: Promise<void>;
  /** Ends the thread, whatever it is doing. */
  readonly controller: AbortController;
  /** The thread, once it has said which it is. */
  worker: Worker | null;
  startedAtMs: number;
  lastHeardMs: number;
  /** Why main ended it, for the log; null when it ended by itself. */
  abortReason: string | null;
}

/** A connection that is to be given to this shard as soon as that takes any. */
interface WaitingConnection {
  /** `ageMs` is filled in when it is posted. */
  readonly handover: Omit<ConnectionHandover, 'ageMs'>;
  readonly acceptedAtMs: number;
  readonly waitsUntilMs: number;
}

export class ShardHandle {
  readonly id: ShardId;
  readonly #clock: Clock;
  state: ShardState = 'down';
  /** The last one, also after it has ended; null before the first start. */
  incarnation: Incarnation | null = null;
  /** The last known. */
  figures: ShardFigures | null = null;
  readonly #connections = new Map<ConnectionNumber, ListenerFigures>();
  /** Posted, and not yet known to be adopted; in order of number. */
  readonly #handedOver = new Map<ConnectionNumber, Descriptor>();
  readonly #waiting = new Map<ConnectionNumber, WaitingConnection>();
  #lastPosted = 0;

  constructor(id: ShardId, clock: Clock) {
    this.id = id;
    this.#clock = clock;
  }

  /** Whether it is built and takes part in the mesh. */
  get isAlive(): boolean {
    return this.state === 'meshing' || this.state === 'ready';
  }

  /** Connections this shard holds or is about to get. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** @returns the shared word for the next thread; it says that everything posted so far is settled. */
  newAdoptedWord(): Uint32Array {
    const word = new Uint32Array(new SharedArrayBuffer(Uint32Array.BYTES_PER_ELEMENT));
    word[0] = this.#lastPosted;
    return word;
  }

  /**
   * Gives a connection to this shard; while it is down the connection waits. Its descriptor is no longer the
   * caller's. Numbers rise from call to call.
   */
  give(handover: Omit<ConnectionHandover, 'ageMs'>, listener: ListenerFigures, acceptedAtMs: number): void {
    this.#connections.set(handover.number, listener);
    if (this.state === 'ready') {
      this.#post(handover, acceptedAtMs);
      return;
    }
    const waitsUntilMs = this.#clock.monotonicMs() + WAITING_CONNECTION_TIMEOUT_MS;
    this.#waiting.set(handover.number, { handover, acceptedAtMs, waitsUntilMs });
    if (this.#waiting.size > WAITING_CONNECTIONS_MAX || this.state === 'stopped') {
      this.#dropWaiting(handover.number, handover.fd, 'shard_unavailable');
    }
  }

  /** From now on connections are posted at once. */
  open(): void {
    this.state = 'ready';
    for (const { handover, acceptedAtMs } of this.#waiting.values()) this.#post(handover, acceptedAtMs);
    this.#waiting.clear();
  }

  /** The shard reports a connection's end. */
  connectionClosed(number: ConnectionNumber, reason: string): void {
    const listener = this.#connections.get(number);
    if (listener === undefined) return;
    this.#connections.delete(number);
    listener.closed(reason);
  }

  /** Closes connections that have waited too long. */
  sweep(nowMs: number): void {
    for (const [number, { handover, waitsUntilMs }] of this.#waiting) {
      if (waitsUntilMs > nowMs) return;
      this.#dropWaiting(number, handover.fd, 'shard_unavailable');
    }
  }

  /**
   * The thread has exited, and the descriptors it had adopted are closed with it. Closes the others: only numbers
   * above the last adopted, for a number below may be somebody else's descriptor by now.
   */
  threadExited(reason: MainCloseReason): void {
    this.#forgetAdopted();
    for (const fd of this.#handedOver.values()) closeDescriptor(fd);
    this.#handedOver.clear();
    for (const [number, listener] of this.#connections) {
      if (this.#waiting.has(number)) continue;
      this.#connections.delete(number);
      listener.closed(reason);
    }
  }

  /** Closes whatever waits; later connections are refused. */
  stop(): void {
    this.state = 'stopped';
    for (const [number, { handover }] of this.#waiting)
      this.#dropWaiting(number, handover.fd, 'broker_stopped');
  }

  #post(handover: Omit<ConnectionHandover, 'ageMs'>, acceptedAtMs: number): void {
    const { client } = this.incarnation!;
    this.#forgetAdopted();
    this.#handedOver.set(handover.number, handover.fd);
    this.#lastPosted = handover.number;
    const { number, fd, head, listener, peerAddress, peerPort, assignedClientId } = handover;
    const ageMs = this.#clock.monotonicMs() - acceptedAtMs;
    client.tell({
      kind: 'event',
      type: 'connection.accepted',
      handover: { number, fd, head, listener, peerAddress, peerPort, assignedClientId, ageMs },
    });
  }

  #forgetAdopted(): void {
    if (this.incarnation === null) return;
    const adopted = Atomics.load(this.incarnation.adopted, 0);
    for (const number of this.#handedOver.keys()) {
      // The shared word holds 32 bits of the number; far fewer than 2^31 are under way, so the difference is exact.
      if (((number - adopted) | 0) > 0) return;
      this.#handedOver.delete(number);
    }
  }

  #dropWaiting(number: ConnectionNumber, fd: Descriptor, reason: MainCloseReason): void {
    this.#waiting.delete(number);
    closeDescriptor(fd);
    this.connectionClosed(number, reason);
  }
}
