/** An API without a broker: endpoints of the test's own, users in memory. */
import { connect, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import type { BrokerPort, Users } from '../../src/api/broker-port.js';
import { type Endpoint, endpoint } from '../../src/api/endpoint.js';
import type { HttpDeadlines } from '../../src/api/http/api-listener.js';
import { ApiServer } from '../../src/api/http/server.js';
import { NOTHING } from '../../src/api/schema.js';
import { SystemClock } from '../../src/base/clock.js';
import { loadConfig } from '../../src/config/load.js';
import { type AskApi, asking } from './api.js';
import { RecordingLogger } from './with-broker.js';

export const NODE_NAME = 'shardmq@127.0.0.1';

/** Stands for `POST auth`: nobody has to say who they are, and nothing is done. */
export const OPEN_AUTH = endpoint({
  method: 'POST',
  path: 'auth',
  about: 'for a test',
  isOpen: true,
  isExact: true,
  answer: NOTHING,
  handle: () => undefined,
});

/** One user, admin; counts what is asked of it. */
export class FakeUsers {
  password = 'public';
  verified = 0;
  verdict: 'ok' | 'unknown' | 'wrong' | 'slow_down' | null = null;
  /** Holds answers back while it is there. */
  gate: Promise<void> = Promise.resolve();
  publicUsers: readonly string[] = [];
  #onChanged: (username: string) => void = () => undefined;

  onChanged(listener: (username: string) => void): void {
    this.#onChanged = listener;
  }

  withPublicPassword(): readonly string[] {
    return this.publicUsers;
  }

  change(password: string): void {
    this.password = password;
    this.#onChanged('admin');
  }

  async verify(username: string, password: string): Promise<'ok' | 'unknown' | 'wrong' | 'slow_down'> {
    this.verified++;
    const isRight = password === this.password;
    await this.gate;
    if (this.verdict !== null) return this.verdict;
    if (username !== 'admin') return 'unknown';
    return isRight ? 'ok' : 'wrong';
  }
}

export interface ApiBench {
  readonly ask: AskApi;
  readonly port: number;
  readonly server: ApiServer;
  readonly users: FakeUsers;
  readonly log: RecordingLogger;
  readonly clock: TurnedClock;
  isReady: boolean;
}

/** The system's, which can be set forward. */
export class TurnedClock extends SystemClock {
  #aheadMs = 0;

  override monotonicMs(): number {
    return super.monotonicMs() + this.#aheadMs;
  }

  turn(ms: number): void {
    this.#aheadMs += ms;
  }
}

/**
 * Stopped when the test ends.
 * @param options of `listener.api.test`, such as `max_clients=2`
 * @param broker in place of one that has no more than a name and a user
 */
export async function startApi(
  t: ExecutionContext,
  endpoints: readonly Endpoint[],
  options: readonly string[] = [],
  broker: BrokerPort | null = null,
  deadlines?: HttpDeadlines,
): Promise<ApiBench> {
  const set = options.map((option) => `listener.api.test.${option}`);
  const loaded = loadConfig({ set: ['listener.api.mgmt=off', 'listener.api.test=127.0.0.1:0', ...set] });
  if (!loaded.ok) throw new Error(loaded.issues[0]?.line);
  const state = { isReady: true };
  const users = new FakeUsers();
  const log = new RecordingLogger();
  const clock = new TurnedClock();
  const server = new ApiServer(loaded.config.apiListeners, 0, {
    broker: broker ?? fakeBroker(users, state),
    clock,
    logger: log,
    endpoints,
    ...(deadlines === undefined ? {} : { deadlines }),
  });
  await server.open([]);
  t.teardown(() => server.close());
  const { port } = server.listeners[0]!;
  return Object.assign(state, { ask: asking(port), port, server, users, log, clock });
}

function fakeBroker(users: FakeUsers, state: { readonly isReady: boolean }): BrokerPort {
  const node = {
    name: NODE_NAME,
    version: '1.2.3',
    uptimeMs: () => 0,
    nowMs: () => 0,
    isReady: () => state.isReady,
  };
  const traces = { start: () => Promise.resolve(null), stopAll: () => {} };
  const broker: Partial<BrokerPort> = { node, traces, users: users as unknown as Users };
  return broker as BrokerPort;
}

/** A connection as hostile programs have it: bytes in, text out. */
export class RawConnection {
  readonly #socket: Socket;
  text = '';
  isClosed = false;

  constructor(port: number, localAddress = '127.0.0.1') {
    this.#socket = connect({ port, host: '127.0.0.1', localAddress });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text: string) => {
      this.text += text;
    });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.isClosed = true;
    });
  }

  send(text: string): this {
    this.#socket.write(text, 'latin1');
    return this;
  }

  /** Stops reading. */
  stall(): this {
    this.#socket.pause();
    return this;
  }

  end(): this {
    this.#socket.end();
    return this;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Status lines of the answers so far. */
  get statuses(): number[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  }
}

export const ADMIN = `Authorization: Basic ${Buffer.from('admin:public').toString('base64')}\r\n`;
