/** Serves the API on its listeners. Main thread. */
import { createServer, type Server } from 'node:http';
import { BrokerError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import type { ListenerConfig } from '../config/listener-types.js';
import { createApp } from './app.js';
import type { BrokerPort } from './broker-port.js';

export class ApiServer {
  readonly #listeners: readonly ListenerConfig[];
  readonly #servers: readonly Server[];

  constructor(listeners: readonly ListenerConfig[], broker: BrokerPort, logger: Logger) {
    const handle = createApp(broker, logger).callback();
    this.#listeners = listeners;
    this.#servers = listeners.map(() => createServer((request, response) => void handle(request, response)));
  }

  /** By the order of the listeners. */
  get ports(): readonly number[] {
    return this.#servers.map((server) => {
      const address = server.address();
      return typeof address === 'object' && address !== null ? address.port : 0;
    });
  }

  /** @throws BrokerError LISTENER_FAILED */
  async open(): Promise<void> {
    await Promise.all(this.#servers.map((server, at) => listen(server, this.#listeners[at]!)));
  }

  /** Takes no more requests and ends those under way. */
  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map((server) => {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        return closed;
      }),
    );
  }
}

function listen(server: Server, { name, host, port, backlog }: ListenerConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new BrokerError('LISTENER_FAILED', `listener.api.${name}: ${error.message}`)),
    );
    server.listen({ host, port, backlog }, resolve);
  });
}
