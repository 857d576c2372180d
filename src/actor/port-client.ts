/**
 * Main's end of the conversation with one shard: requests with deadlines, events both ways. Main thread.
 */
import type { MessagePort } from 'node:worker_threads';
import { unreachable } from '../base/assert.js';
import type { Clock } from '../base/clock.js';
import { BrokerError } from '../base/errors.js';
import { SHARD_REQUEST_TIMEOUT_MS } from '../limits.js';
import type {
  CorrelationId,
  MainEvent,
  ShardEvent,
  ShardReply,
  ShardRequest,
  ShardRequests,
  ShardRequestType,
  ShardToMain,
} from './shard-protocol.js';

interface PendingRequest {
  readonly type: ShardRequestType;
  readonly deadlineMs: number;
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: BrokerError) => void;
}

export class PortClient {
  /** Replies that came after their request had failed; dropped. */
  lateReplies = 0;

  readonly #pending = new Map<CorrelationId, PendingRequest>();
  readonly #port: MessagePort;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #onEvent: (event: ShardEvent) => void;
  #lastId: CorrelationId = 0;
  #failure: BrokerError | null = null;

  /** @param name says in errors who did not answer, such as `shard 2` */
  constructor(port: MessagePort, name: string, clock: Clock, onEvent: (event: ShardEvent) => void) {
    this.#port = port;
    this.#name = name;
    this.#clock = clock;
    this.#onEvent = onEvent;
    port.on('message', (message: ShardToMain) => this.#receive(message));
  }

  /**
   * Asks the shard and waits for its answer. The promise rejects with a BrokerError: what the shard said, or
   * SHARD_UNAVAILABLE when it does not answer in time or has ended. `transfer` lists the ports inside `input`.
   */
  request<T extends ShardRequestType>(
    type: T,
    input: ShardRequests[T]['input'],
    timeoutMs = SHARD_REQUEST_TIMEOUT_MS,
    transfer: readonly MessagePort[] = [],
  ): Promise<ShardRequests[T]['output']> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const id = ++this.#lastId;
    const deadlineMs = this.#clock.monotonicMs() + timeoutMs;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, {
        type,
        deadlineMs,
        reject,
        resolve: (output) => resolve(output as ShardRequests[T]['output']),
      });
      const message = { kind: 'request', id, type, input } as ShardRequest<T>;
      this.#port.postMessage(message, transfer);
    });
  }

  /** Posts an event; to a shard that has ended it is lost. */
  tell(event: MainEvent): void {
    this.#port.postMessage(event);
  }

  /** Some request has not been answered. */
  get isAwaiting(): boolean {
    return this.#pending.size > 0;
  }

  /** Fails the requests whose deadline has passed. */
  sweep(nowMs: number): void {
    for (const [id, pending] of this.#pending) {
      if (pending.deadlineMs > nowMs) continue;
      this.#pending.delete(id);
      pending.reject(
        new BrokerError('SHARD_UNAVAILABLE', `${this.#name} did not answer ${pending.type} in time`),
      );
    }
  }

  /** The shard has ended: every pending and every later request fails with `reason`. Events no longer arrive. */
  close(reason: string): void {
    if (this.#failure !== null) return;
    this.#failure = new BrokerError('SHARD_UNAVAILABLE', `${this.#name}: ${reason}`);
    this.#port.close();
    for (const pending of this.#pending.values()) pending.reject(this.#failure);
    this.#pending.clear();
  }

  #receive(message: ShardToMain): void {
    if (this.#failure !== null) return;
    switch (message.kind) {
      case 'reply':
        this.#settle(message);
        break;
      case 'event':
        this.#onEvent(message);
        break;
      default:
        unreachable(message);
    }
  }

  #settle(reply: ShardReply): void {
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) {
      this.lateReplies++;
      return;
    }
    this.#pending.delete(reply.id);
    if (reply.ok) pending.resolve(reply.output);
    else pending.reject(new BrokerError(reply.error.code, `${this.#name}: ${reply.error.message}`));
  }
}
