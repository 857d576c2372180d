/** Serves the API on its listeners. Main thread. */
import type { TlsMaterial } from '../../actor/shard-protocol.js';
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/log.js';
import type { ListenerConfig } from '../../config/listener-types.js';
import { API_STOP_MS } from '../../limits.js';
import type { BrokerPort } from '../broker-port.js';
import type { Endpoint } from '../endpoint.js';
import { ENDPOINTS } from '../endpoints.js';
import { ApiListener, type HttpDeadlines } from './api-listener.js';
import { createApp } from './app.js';

export interface ApiServerParts {
  readonly broker: BrokerPort;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What there is to ask; tests put in others. */
  readonly endpoints?: readonly Endpoint[];
  /** Other than those of limits.ts, for tests. */
  readonly deadlines?: HttpDeadlines;
}

export class ApiServer {
  /** In the order of the configuration. */
  readonly listeners: readonly ApiListener[];
  readonly #broker: BrokerPort;

  /** @param firstId number of the first listener, among all of the broker */
  constructor(configs: readonly ListenerConfig[], firstId: number, parts: ApiServerParts) {
    const { endpoints = ENDPOINTS, deadlines, ...rest } = parts;
    this.#broker = parts.broker;
    const handle = createApp({ ...rest, endpoints }).callback();
    this.listeners = configs.map(
      (config, at) => new ApiListener(firstId + at, config, handle, parts.clock, parts.logger, deadlines),
    );
  }

  /** @param material of the listeners that have TLS, by their numbers. @throws BrokerError LISTENER_FAILED */
  async open(material: readonly TlsMaterial[]): Promise<void> {
    for (const listener of this.listeners) await listener.open(ofListener(listener, material));
  }

  /** Certificates for connections that come from now on. */
  updateTls(material: readonly TlsMaterial[]): void {
    for (const listener of this.listeners) {
      const own = ofListener(listener, material);
      if (own !== null) listener.updateTls(own);
    }
  }

  /** Takes no more connections, and ends requests that are under way, in good time. Also right when it never opened. */
  async close(): Promise<void> {
    const closed = Promise.all(this.listeners.map((listener) => listener.close()));
    const timer = setTimeout(() => {
      for (const listener of this.listeners) listener.destroyAll();
    }, API_STOP_MS);
    // They would go on for minutes.
    this.#broker.traces.stopAll();
    await closed;
    clearTimeout(timer);
  }
}

const ofListener = ({ figures }: ApiListener, material: readonly TlsMaterial[]): TlsMaterial | null =>
  material.find(({ listener }) => listener === figures.id) ?? null;
