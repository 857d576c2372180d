/** Who may connect to one listener of the API, and who is connected. Main thread. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { AccessRules, normalAddress } from '../../base/access.js';
import type { Clock } from '../../base/clock.js';
import { TokenBucket } from '../../base/token-bucket.js';
import type { ListenerFigures } from '../../supervisor/listener-figures.js';

export class Door {
  readonly #figures: ListenerFigures;
  readonly #clock: Clock;
  readonly #access: AccessRules;
  readonly #rate: TokenBucket | null;
  readonly #sockets = new Set<Socket>();

  constructor(figures: ListenerFigures, clock: Clock) {
    const { access, maxConnRate } = figures.config;
    this.#figures = figures;
    this.#clock = clock;
    this.#access = new AccessRules(access);
    this.#rate = maxConnRate === 0 ? null : new TokenBucket(maxConnRate, maxConnRate, clock.monotonicMs());
  }

  /** Counts a connection until it is closed, or closes it at once. */
  take(socket: Socket, server: Server): void {
    const figures = this.#figures;
    figures.accepted++;
    const refusal = this.#refusal(socket, server);
    if (refusal !== null) {
      this.refuse(socket, refusal);
      return;
    }
    figures.current++;
    this.#sockets.add(socket);
    socket.once('close', () => {
      figures.current--;
      this.#sockets.delete(socket);
    });
  }

  /** Ends a connection, and counts why. */
  refuse(socket: Socket, reason: string): void {
    if (socket.destroyed) return;
    // Without a listener, an error of the socket would end the process.
    if (socket.listenerCount('error') === 0) socket.on('error', ignore);
    socket.destroy();
    this.#figures.refused(reason);
  }

  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #refusal(socket: Socket, server: Server): string | null {
    const { maxClients } = this.#figures.config;
    const address = normalAddress(socket.remoteAddress ?? '');
    // A client that has gone already has no address, and could pass no rule.
    if (address === '') return 'closed';
    if (!this.#access.allows(address)) return 'access_denied';
    if (this.#rate !== null && !this.#rate.trySpend(1, this.#clock.monotonicMs())) return 'max_conn_rate';
    return maxClients > 0 && !this.#hasRoom(maxClients, server) ? 'max_clients' : null;
  }

  /** When all places are taken, those that only keep their connection for later have to go. */
  #hasRoom(places: number, server: Server): boolean {
    if (this.#sockets.size < places) return true;
    server.closeIdleConnections();
    let open = 0;
    for (const { destroyed } of this.#sockets) if (!destroyed) open++;
    return open < places;
  }
}

function ignore(): void {}
