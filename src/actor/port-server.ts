/**
 * A shard's end of the conversation with main: dispatches requests to typed handlers, answers each of them,
 * errors as data. Shard thread.
 */
import type { MessagePort } from 'node:worker_threads';
import { unreachable } from '../base/assert.js';
import { toErrorData } from '../base/errors.js';
import type { ConnectionNumber } from '../protocol/ids.js';
import type {
  CorrelationId,
  MainEvent,
  MainToShard,
  ShardEvent,
  ShardReply,
  ShardRequest,
  ShardRequests,
  ShardRequestType,
} from './shard-protocol.js';

type Output<T extends ShardRequestType> = ShardRequests[T]['output'];

/** One handler per request. What it returns or resolves to is the reply; what it throws is the error. */
export type ShardRequestHandlers = {
  readonly [T in ShardRequestType]: (input: ShardRequests[T]['input']) => Output<T> | Promise<Output<T>>;
};

export class PortServer {
  readonly #port: MessagePort;
  readonly #handlers: ShardRequestHandlers;
  readonly #onEvent: (event: MainEvent) => void;
  /** Connections whose end main has not been told yet, side by side. */
  #closedNumbers: ConnectionNumber[] = [];
  #closedReasons: string[] = [];

  /** Starts to receive at once. */
  constructor(port: MessagePort, handlers: ShardRequestHandlers, onEvent: (event: MainEvent) => void) {
    this.#port = port;
    this.#handlers = handlers;
    this.#onEvent = onEvent;
    port.on('message', (message: MainToShard) => this.#receive(message));
  }

  /** Tells main; never answered. */
  tell(event: ShardEvent): void {
    this.flush();
    this.#port.postMessage(event);
  }

  /** Tells main of a connection's end: before anything else, or with the next `flush`. */
  closed(number: ConnectionNumber, reason: string): void {
    this.#closedNumbers.push(number);
    this.#closedReasons.push(reason);
  }

  /** To be called at the end of every turn. */
  flush(): void {
    if (this.#closedNumbers.length === 0) return;
    const numbers = this.#closedNumbers;
    const reasons = this.#closedReasons;
    this.#closedNumbers = [];
    this.#closedReasons = [];
    this.#port.postMessage({
      kind: 'event',
      type: 'connections.closed',
      numbers,
      reasons,
    } satisfies ShardEvent);
  }

  close(): void {
    this.flush();
    this.#port.close();
  }

  #receive(message: MainToShard): void {
    switch (message.kind) {
      case 'request':
        this.#answer(message);
        break;
      case 'event':
        this.#onEvent(message);
        break;
      default:
        unreachable(message);
    }
  }

  #answer<T extends ShardRequestType>(request: ShardRequest<T>): void {
    const { id } = request;
    try {
      const handler: ShardRequestHandlers[T] = this.#handlers[request.type];
      const output = handler(request.input);
      if (output instanceof Promise) {
        output.then(
          (value) => this.#reply({ kind: 'reply', id, ok: true, output: value }),
          (error: unknown) => this.#fail(id, error),
        );
      } else this.#reply({ kind: 'reply', id, ok: true, output });
    } catch (error) {
      this.#fail(id, error);
    }
  }

  #fail(id: CorrelationId, error: unknown): void {
    this.#reply({ kind: 'reply', id, ok: false, error: toErrorData(error) });
  }

  #reply(reply: ShardReply): void {
    this.flush();
    this.#port.postMessage(reply);
  }
}
