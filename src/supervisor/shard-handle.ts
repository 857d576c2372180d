/**
 * One shard as main sees it, over all its restarts: state, conversation, and the connections it holds or waits for.
 * Main thread.
 */
import type { Worker } from 'node:worker_threads';
import type { PortClient } from '../actor/port-client.js';
import type { ConnectionHandover, ShardFigures } from '../actor/shard-protocol.js';
import type { Clock } from '../base/clock.js';
import type { Config } from '../config/schema.js';
import {
  LOOP_RELIEF_SHARE,
  UNADOPTED_CONNECTIONS_MAX,
  WAITING_CONNECTION_BYTES_MAX,
  WAITING_CONNECTION_TIMEOUT_MS,
  WAITING_CONNECTIONS_MAX,
} from '../limits.js';
import type { ConnectionNumber, ShardId } from '../protocol/ids.js';
import { closeDescriptor } from './descriptor.js';
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
  /** Monotonic: when its thread was started, when that ran, or when it has said last that its start goes on. */
  startedAtMs: number;
  lastHeardMs: number;
  /** Why main ended it, for the log; null when it ended by itself. */
  abortReason: string | null;
}

/** A connection on its way to this shard. */
export interface Passing {
  /** Its descriptor is ours until the shard begins to adopt it. `ageMs` is filled in when it is posted. */
  readonly handover: Omit<ConnectionHandover, 'ageMs'>;
  readonly listener: ListenerFigures;
  /** Monotonic. */
  readonly acceptedAtMs: number;
  /** Monotonic: when main had all it needed. */
  readonly readAtMs: number;
}

/** A connection that the shard has been told of. */
interface Posted {
  readonly passing: Passing;
  /** Monotonic. */
  readonly atMs: number;
}

/** When a shard gets no new connections, and what they do then; in milliseconds. */
export interface OverloadLimits {
  /** `overload.loop_delay`; 0: never. */
  readonly loopDelayMs: number;
  /** `overload.wait`. */
  readonly waitMs: number;
}

export function overloadLimits(config: Config): OverloadLimits {
  return { loopDelayMs: config['overload.loop_delay'], waitMs: config['overload.wait'] };
}

export class ShardHandle {
  readonly id: ShardId;
  readonly #clock: Clock;
  overload: OverloadLimits;
  state: ShardState = 'down';
  /** The last one, also after it has ended; null before the first start. */
  incarnation: Incarnation | null = null;
  /** The last known. */
  figures: ShardFigures | null = null;
  /** Milliseconds by which its loop is late, as it says itself while that is too much for it; otherwise 0. */
  lateMs = 0;
  /** It has said that it cannot start: it is not started again. */
  isRefusing = false;
  #isOverloaded = false;
  readonly #connections = new Map<ConnectionNumber, ListenerFigures>();
  /** Posted, and not yet known to be adopted; in order of number. */
  readonly #posted = new Map<ConnectionNumber, Posted>();
  /** To be posted when the shard is ready and not overloaded; in order of number. */
  readonly #waiting = new Map<ConnectionNumber, Passing>();
  /** The last of those posted: they leave together when this turn of the loop is over. */
  #lot: ConnectionHandover[] = [];
  readonly #sendLot = (): void => this.#send();
  /** Bytes of the CONNECTs in both. */
  #passingBytes = 0;
  #lastPosted = 0;

  constructor(id: ShardId, clock: Clock, overload: OverloadLimits) {
    this.id = id;
    this.#clock = clock;
    this.overload = overload;
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

  /** It is ready, and too busy for new connections: they wait here. */
  get isOverloaded(): boolean {
    return this.state === 'ready' && this.#isOverloaded;
  }

  /** Whether a connection given now is posted at once. */
  get takesConnections(): boolean {
    return this.state === 'ready' && !this.#isOverloaded;
  }

  /**
   * Gives a connection to this shard; while it is down or overloaded the connection waits. Its descriptor is no
   * longer the caller's. Numbers rise from call to call.
   */
  give(passing: Passing): void {
    const { number } = passing.handover;
    this.#connections.set(number, passing.listener);
    this.#passingBytes += passing.handover.head.length;
    if (this.state === 'ready') this.#forgetAdopted();
    if (!this.#hasRoom()) this.#drop(passing, this.#waitingReason);
    else if (this.takesConnections) this.#post(passing);
    else this.#waiting.set(number, passing);
  }

  /** From now on connections are posted at once. */
  open(): void {
    this.state = 'ready';
    this.lateMs = 0;
    this.#isOverloaded = false;
    this.#postWaiting();
  }

  /**
   * Decides whether the shard is overloaded: it says so, or it is too busy to say anything and a connection posted
   * long ago is not adopted. Posts what waited when it is relieved. @returns whether `isOverloaded` has changed
   */
  judgeOverload(nowMs: number): boolean {
    const { loopDelayMs } = this.overload;
    if (this.state !== 'ready' || (loopDelayMs === 0 && !this.#isOverloaded)) return false;
    this.#forgetAdopted();
    const boundMs = loopDelayMs * (this.#isOverloaded ? LOOP_RELIEF_SHARE : 1);
    const isOverloaded = loopDelayMs > 0 && (this.lateMs > 0 || this.unadoptedMs(nowMs) > boundMs);
    if (isOverloaded === this.#isOverloaded) return false;
    this.#isOverloaded = isOverloaded;
    if (!isOverloaded) this.#postWaiting();
    return true;
  }

  /** @returns for how long the oldest connection not adopted has been posted, in milliseconds */
  unadoptedMs(nowMs: number): number {
    const oldest = this.#posted.values().next();
    return oldest.done === true ? 0 : nowMs - oldest.value.atMs;
  }

  /** The shard reports a connection's end. */
  connectionClosed(number: ConnectionNumber, reason: string): void {
    const listener = this.#connections.get(number);
    if (listener === undefined) return;
    this.#connections.delete(number);
    listener.closed(reason);
  }

  /** Connections wait for the shard, or are not known to be adopted. */
  get isAwaited(): boolean {
    return this.#waiting.size > 0 || this.#posted.size > 0;
  }

  /** Closes connections that have waited too long. */
  sweep(nowMs: number): void {
    this.#forgetAdopted();
    const timeoutMs = this.isOverloaded ? this.overload.waitMs : WAITING_CONNECTION_TIMEOUT_MS;
    for (const passing of this.#waiting.values()) {
      if (passing.readAtMs + timeoutMs > nowMs) return;
      this.#drop(passing, this.#waitingReason);
    }
  }

  /**
   * The thread has exited, and the descriptors it had adopted are closed with it. Closes the others: only numbers
   * above the last adopted, for a number below may be somebody else's descriptor by now.
   */
  threadExited(reason: MainCloseReason): void {
    this.#forgetAdopted();
    this.#lot = [];
    for (const { passing } of this.#posted.values()) this.#drop(passing, reason);
    for (const number of this.#connections.keys()) {
      if (!this.#waiting.has(number)) this.connectionClosed(number, reason);
    }
  }

  /** Closes whatever waits; later connections are refused. */
  stop(): void {
    this.state = 'stopped';
    for (const passing of this.#waiting.values()) this.#drop(passing, 'broker_stopped');
  }

  /** Why connections that wait are closed. */
  get #waitingReason(): MainCloseReason {
    return this.isOverloaded ? 'overloaded' : 'shard_unavailable';
  }

  #hasRoom(): boolean {
    if (this.state === 'stopped' || this.#passingBytes > WAITING_CONNECTION_BYTES_MAX) return false;
    return this.takesConnections
      ? this.#posted.size < UNADOPTED_CONNECTIONS_MAX
      : this.#waiting.size < WAITING_CONNECTIONS_MAX;
  }

  #postWaiting(): void {
    for (const passing of this.#waiting.values()) this.#post(passing);
    this.#waiting.clear();
  }

  #post(passing: Passing): void {
    const { number } = passing.handover;
    const nowMs = this.#clock.monotonicMs();
    this.#posted.set(number, { passing, atMs: nowMs });
    this.#lastPosted = number;
    const ageMs = nowMs - passing.acceptedAtMs;
    if (this.#lot.length === 0) setImmediate(this.#sendLot);
    this.#lot.push({ ...passing.handover, ageMs });
  }

  #send(): void {
    const handovers = this.#lot;
    if (handovers.length === 0) return;
    this.#lot = [];
    this.incarnation!.client.tell({ kind: 'event', type: 'connections.accepted', handovers });
  }

  #forgetAdopted(): void {
    if (this.incarnation === null) return;
    const adopted = Atomics.load(this.incarnation.adopted, 0);
    for (const [number, { passing }] of this.#posted) {
      // The shared word holds 32 bits of the number; far fewer than 2^31 are under way, so the difference is exact.
      if (((number - adopted) | 0) > 0) return;
      this.#posted.delete(number);
      this.#passingBytes -= passing.handover.head.length;
    }
  }

  /** Closes a connection that no shard has begun to adopt. */
  #drop(passing: Passing, reason: MainCloseReason): void {
    const { number, fd, head } = passing.handover;
    this.#waiting.delete(number);
    this.#posted.delete(number);
    this.#passingBytes -= head.length;
    closeDescriptor(fd);
    this.connectionClosed(number, reason);
  }
}
