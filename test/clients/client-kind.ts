/** What the tests with real clients ask of each of them: to subscribe, to publish, and to die with a will. */
import type { Requirement } from '../helpers/needs.js';
import type { Transport } from '../helpers/transports.js';

export type Qos = 0 | 1 | 2;

export interface Received {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  readonly retain: boolean;
}

/** Where and as whom a client connects. */
export interface Identity {
  readonly port: number;
  /** Of a Unix domain socket; null for all other transports. */
  readonly path: string | null;
  readonly clientId: string;
}

export interface Outgoing {
  readonly topic: string;
  readonly payload: string;
  readonly qos: Qos;
  readonly retain: boolean;
}

/** A client that is subscribed. */
export interface Subscriber {
  /** @returns the first `count` messages, once they are there. */
  received(count: number): Promise<Received[]>;
  /** What has arrived so far. */
  soFar(): readonly Received[];
  stop(): Promise<void>;
}

/** One client program or library, speaking one version of MQTT over one transport. */
export interface ClientKind {
  readonly name: string;
  readonly transport: Transport;
  readonly requirements: readonly Requirement[];
  /** Resolves after SUBACK. */
  subscribe(identity: Identity, filter: string, qos: Qos): Promise<Subscriber>;
  /** Resolves when the message is acknowledged as its QoS asks; the client has disconnected by then. */
  publish(identity: Identity, message: Outgoing): Promise<void>;
  /** Connects with a will; the returned function breaks the connection without a DISCONNECT. */
  connectWithWill(identity: Identity, will: Outgoing): Promise<() => void>;
  /** Called when all tests are over. */
  end?(): Promise<void>;
}

/** Collects messages for those who wait for a number of them. */
export class Inbox {
  readonly messages: Received[] = [];
  #waiters: { count: number; resolve: (messages: Received[]) => void }[] = [];

  push(message: Received): void {
    this.messages.push(message);
    const isDone = (waiter: { count: number }): boolean => waiter.count <= this.messages.length;
    const done = this.#waiters.filter(isDone);
    this.#waiters = this.#waiters.filter((waiter) => !isDone(waiter));
    for (const { count, resolve } of done) resolve(this.messages.slice(0, count));
  }

  received(count: number): Promise<Received[]> {
    if (this.messages.length >= count) return Promise.resolve(this.messages.slice(0, count));
    return new Promise((resolve) => this.#waiters.push({ count, resolve }));
  }
}
