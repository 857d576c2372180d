/** Opens one listener, and turns away at the door whom its settings do not let in. Main thread. */
import { createServer, type Server, type Socket } from 'node:net';
import { AccessRules, normalAddress } from '../base/access.js';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import { LISTENER_INHERITS_AFTER_MS, LISTENER_LOG_INTERVAL_MS } from '../limits.js';
import type { ArrivalGate } from './arrival-gate.js';
import { type Descriptor, descriptorOf, setBufferSizes, setNoDelay } from './descriptor.js';
import type { ListenerFigures, MainCloseReason } from './listener-figures.js';
import { acceptProblem, listenerFailed } from './listener-problems.js';
import type { Arrived, IsBanned } from './opening-reader.js';
import { offerRaw, type PeerName, type RawConnection } from './raw-connection.js';
import { clearSocketPath, listenPrivately, setMode } from './unix-socket.js';

/** Stands for the address of a client that came through a Unix socket. */
const UNIX_PEER = 'unix';

export class Acceptor {
  readonly figures: ListenerFigures;
  readonly #gate: ArrivalGate;
  readonly #isBanned: IsBanned;
  /** By the client's own address. */
  readonly #access: AccessRules;
  /** By the address the socket has; null where it is the client's own. */
  readonly #proxies: AccessRules | null;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #server: Server;
  /** Connections that may still be accepted at once; refilled at `maxConnRate` per second, up to that number. */
  #rateTokens: number;
  #rateRefilledMs: number;
  #lastWarningMs = Number.NEGATIVE_INFINITY;
  #listensSinceMs = 0;
  /** Let in, while Node.js makes its socket. */
  #admitted: Arrived | null = null;

  constructor(figures: ListenerFigures, gate: ArrivalGate, isBanned: IsBanned, clock: Clock, logger: Logger) {
    this.figures = figures;
    this.#gate = gate;
    this.#isBanned = isBanned;
    const { access, proxy, trustedProxies } = figures.config;
    this.#access = new AccessRules(access);
    this.#proxies = proxy === null ? null : AccessRules.only(trustedProxies);
    this.#clock = clock;
    this.#logger = logger;
    this.#rateTokens = figures.config.maxConnRate;
    this.#rateRefilledMs = clock.monotonicMs();
    this.#server = createServer({ pauseOnConnect: true }, (socket) => this.#accept(socket));
  }

  /** The key in the configuration, such as `listener.tcp.external`. */
  get key(): string {
    return `listener.${this.figures.config.type}.${this.figures.config.name}`;
  }

  /** The port really listened on. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : this.figures.config.port;
  }

  /** Resolves when connections are accepted. @throws BrokerError LISTENER_FAILED */
  async open(): Promise<void> {
    const { path, mode } = this.figures.config;
    const obstacle = path === null ? null : await clearSocketPath(path);
    if (obstacle !== null) throw listenerFailed(this.key, this.figures.config, obstacle);
    try {
      await this.#listen();
      if (path !== null) await setMode(path, mode);
    } catch (error) {
      throw listenerFailed(this.key, this.figures.config, error);
    }
  }

  /**
   * Accepts no more, from this moment on; does not touch connections. Resolves when main holds no socket of this
   * listener any more. Also right when it never opened.
   */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #listen(): Promise<void> {
    const { config } = this.figures;
    const { host, port, path, backlog } = config;
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.once('listening', () => {
        server.off('error', reject);
        server.on('error', (error) => this.#warn(error));
        // What is accepted inherits all of this, and only so does TCP agree on a window that fits.
        setBufferSizes(descriptorOf(server), config);
        if (this.#hasNoDelay) setNoDelay(descriptorOf(server));
        this.#listensSinceMs = this.#clock.monotonicMs();
        offerRaw(server, (connection) => this.#acceptRaw(connection));
        resolve();
      });
      if (path === null) server.listen({ host, port, backlog });
      else listenPrivately(server, path, backlog);
    });
  }

  /** @returns whether it is handed over or turned away; if not, it is about to come to `#accept` as a socket */
  #acceptRaw(connection: RawConnection): boolean {
    const arrived = this.#admit(this.#nameOf(connection));
    if (arrived !== null) this.#inherit(arrived, connection.fd);
    if (arrived === null) connection.close();
    else if (!this.#gate.takeRaw(arrived, connection)) {
      this.#admitted = arrived;
      return false;
    }
    return true;
  }

  #accept(socket: Socket): void {
    const arrived = this.#admitted ?? this.#admit(this.#nameOfSocket(socket));
    this.#admitted = null;
    if (arrived === null) {
      // Without a listener, an error of the socket would end the process.
      socket.on('error', ignore);
      socket.destroy();
    } else {
      this.#inherit(arrived, descriptorOf(socket));
      this.#gate.take({ ...arrived, socket });
    }
  }

  /** Who connected when the port was open, and what is inherited was not set yet, is given it. */
  #inherit({ acceptedAtMs }: Arrived, fd: Descriptor): void {
    if (this.#hasNoDelay && acceptedAtMs < this.#listensSinceMs + LISTENER_INHERITS_AFTER_MS) setNoDelay(fd);
  }

  get #hasNoDelay(): boolean {
    const { path, nodelay } = this.figures.config;
    return path === null && nodelay;
  }

  #nameOf(connection: RawConnection): PeerName {
    const name: PeerName = {};
    connection.getpeername?.(name);
    return name;
  }

  #nameOfSocket({ remoteAddress, remotePort }: Socket): PeerName {
    return remoteAddress === undefined || remotePort === undefined
      ? {}
      : { address: remoteAddress, port: remotePort };
  }

  /** Counts a connection. @returns null when it is not let in */
  #admit({ address = '', port = 0 }: PeerName): Arrived | null {
    const { figures } = this;
    figures.accepted++;
    const nowMs = this.#clock.monotonicMs();
    const peerAddress = figures.config.path === null ? normalAddress(address) : UNIX_PEER;
    const refusal = this.#refusal(peerAddress, nowMs);
    if (refusal !== null) {
      figures.refused(refusal);
      return null;
    }
    figures.current++;
    return {
      listener: figures,
      access: this.#access,
      acceptedAtMs: nowMs,
      peerAddress,
      peerPort: port,
      certificateName: null,
      early: null,
    };
  }

  #refusal(peerAddress: string, nowMs: number): MainCloseReason | null {
    const { current, config } = this.figures;
    // A client that has gone already has no address, and could pass no rule.
    if (peerAddress === '') return 'closed';
    if (this.#proxies === null) {
      if (!this.#access.allows(peerAddress)) return 'access_denied';
      if (this.#isBanned(peerAddress)) return 'banned';
    } else if (!this.#proxies.allows(peerAddress)) return 'proxy_untrusted';
    if (config.maxClients > 0 && current >= config.maxClients) return 'max_clients';
    return config.maxConnRate === 0 || this.#takeRateToken(config.maxConnRate, nowMs)
      ? null
      : 'max_conn_rate';
  }

  #takeRateToken(perSecond: number, nowMs: number): boolean {
    const refill = ((nowMs - this.#rateRefilledMs) / 1000) * perSecond;
    this.#rateTokens = Math.min(perSecond, this.#rateTokens + refill);
    this.#rateRefilledMs = nowMs;
    if (this.#rateTokens < 1) return false;
    this.#rateTokens--;
    return true;
  }

  /** Trouble while accepting, such as no descriptor left. The listener stays open; one line tells of many. */
  #warn(error: Error): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#lastWarningMs + LISTENER_LOG_INTERVAL_MS) return;
    this.#lastWarningMs = nowMs;
    this.#logger.error(`${this.key}: a connection could not be accepted: ${acceptProblem(error)}`);
  }
}

function ignore(): void {}
