/** One listener of the API: HTTP or HTTPS, and who may come in. Main thread. */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket, TlsOptions } from 'node:tls';
import type { ListenerId, TlsMaterial } from '../../actor/shard-protocol.js';
import { TlsContexts } from '../../actor/tls-contexts.js';
import type { Clock } from '../../base/clock.js';
import type { Logger } from '../../base/log.js';
import { formatAddress } from '../../config/listener-address.js';
import type { ListenerConfig } from '../../config/listener-types.js';
import {
  API_HEADER_BYTES_MAX,
  API_HEADERS_TIMEOUT_MS,
  API_KEEP_ALIVE_MS,
  API_REQUEST_TIMEOUT_MS,
  API_TIMEOUTS_CHECK_MS,
  LISTENER_LOG_INTERVAL_MS,
} from '../../limits.js';
import { descriptorOf, setBufferSizes } from '../../supervisor/descriptor.js';
import { ListenerFigures } from '../../supervisor/listener-figures.js';
import { acceptProblem, listenerFailed } from '../../supervisor/listener-problems.js';
import { Door } from './door.js';
import { waitsInVain } from './leftover-body.js';
import { originForm } from './target.js';
import { Unanswered } from './unanswered.js';

/** Stands for a target that names nothing. */
const NOWHERE = '/*';

export type HandleRequest = (request: IncomingMessage, response: ServerResponse) => unknown;

/** How long one request may take, and how often that is looked at. */
export interface HttpDeadlines {
  readonly headersMs: number;
  readonly requestMs: number;
  readonly checkMs: number;
}

const DEADLINES: HttpDeadlines = {
  headersMs: API_HEADERS_TIMEOUT_MS,
  requestMs: API_REQUEST_TIMEOUT_MS,
  checkMs: API_TIMEOUTS_CHECK_MS,
};

export class ApiListener {
  readonly figures: ListenerFigures;
  readonly #handle: HandleRequest;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #deadlines: HttpDeadlines;
  readonly #door: Door;
  #server: Server | null = null;
  #contexts: TlsContexts | null = null;
  #isClosing = false;
  #lastWarningMs = Number.NEGATIVE_INFINITY;
  readonly #unanswered = new Unanswered();

  constructor(
    id: ListenerId,
    config: ListenerConfig,
    handle: HandleRequest,
    clock: Clock,
    logger: Logger,
    deadlines = DEADLINES,
  ) {
    this.figures = new ListenerFigures(id, config);
    this.#handle = handle;
    this.#clock = clock;
    this.#logger = logger;
    this.#deadlines = deadlines;
    this.#door = new Door(this.figures, clock);
  }

  /** The key in the configuration, such as `listener.api.mgmt`. */
  get key(): string {
    return `listener.${this.figures.config.type}.${this.figures.config.name}`;
  }

  /** The port really listened on. */
  get port(): number {
    const address = (this.#server?.address() ?? null) as AddressInfo | null;
    return address?.port ?? this.figures.config.port;
  }

  /** Such as `http://127.0.0.1:8080/api/v2/`. */
  get url(): string {
    const { host, tls } = this.figures.config;
    return `${tls === null ? 'http' : 'https'}://${formatAddress({ host, port: this.port, path: null })}/api/v2/`;
  }

  /** @param material for a listener with TLS. @throws BrokerError LISTENER_FAILED */
  async open(material: TlsMaterial | null): Promise<void> {
    const { config } = this.figures;
    const server = this.#createServer(material);
    this.#server = server;
    server.on('connection', (socket: Socket) => this.#door.take(socket, server));
    // With `Expect: 100-continue` the client waits until it is told to send its body; or hears why not.
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      if (!waitsInVain(request)) response.writeContinue();
      this.#take(request, response);
    });
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: config.host, port: config.port, backlog: config.backlog }, () => {
          server.off('error', reject);
          resolve();
        });
      });
    } catch (error) {
      throw listenerFailed(this.key, config, error);
    }
    server.on('error', (error) => this.#warn(error));
    setBufferSizes(descriptorOf(server), config);
  }

  updateTls(material: TlsMaterial): void {
    if (this.#contexts === null || this.#server === null) return;
    this.#contexts.update(material);
    (this.#server as Server & { setSecureContext(options: TlsOptions): void }).setSecureContext(
      this.#contexts.defaults,
    );
  }

  /** Resolves when the last request has its answer, and its connection is closed. */
  close(): Promise<void> {
    this.#isClosing = true;
    this.#unanswered.letEnd();
    const server = this.#server;
    if (server === null) return Promise.resolve();
    return new Promise((resolve) => {
      server.close(() => resolve());
      server.closeIdleConnections();
    });
  }

  /** Breaks off what is under way. */
  destroyAll(): void {
    this.#door.destroyAll();
  }

  #createServer(material: TlsMaterial | null): Server {
    const { config } = this.figures;
    const options: ServerOptions = {
      maxHeaderSize: API_HEADER_BYTES_MAX,
      headersTimeout: this.#deadlines.headersMs,
      requestTimeout: this.#deadlines.requestMs,
      keepAliveTimeout: API_KEEP_ALIVE_MS,
      connectionsCheckingInterval: this.#deadlines.checkMs,
      noDelay: config.nodelay,
      insecureHTTPParser: false,
    };
    const take = (request: IncomingMessage, response: ServerResponse): void => this.#take(request, response);
    if (config.tls === null || material === null) return createServer(options, take);
    const { verifyPeer, failIfNoPeerCert, handshakeTimeoutMs } = config.tls;
    const contexts = new TlsContexts(material);
    this.#contexts = contexts;
    const server = createSecureServer(
      {
        ...options,
        ...contexts.defaults,
        ...(material.sni.length > 0 ? { SNICallback: contexts.onServerName } : {}),
        handshakeTimeout: handshakeTimeoutMs,
        requestCert: verifyPeer,
        // Where a certificate may be missing, whether one that is there is good is asked after the handshake.
        rejectUnauthorized: verifyPeer && failIfNoPeerCert,
      },
      take,
    );
    // Node ends it.
    server.on('tlsClientError', () => this.figures.refused('tls_error'));
    server.on('secureConnection', (tls: TLSSocket) => {
      if (verifyPeer && !tls.authorized && tls.getPeerX509Certificate() !== undefined)
        this.#door.refuse(tls, 'bad_certificate');
    });
    return server;
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    if (!this.#unanswered.add(response, socket)) {
      this.#door.refuse(socket, 'pipelined');
      return;
    }
    // An answer that nobody takes is given up; Node takes the limit back after it.
    response.once('prefinish', () => socket.setTimeout(this.figures.config.sendTimeoutMs));
    const target = originForm(request.url ?? '');
    if (this.#isClosing) response.shouldKeepAlive = false;
    request.url = target ?? NOWHERE;
    void this.#handle(request, response);
  }

  /** Trouble while accepting, such as no descriptor left. The listener stays open; one line tells of many. */
  #warn(error: Error): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#lastWarningMs + LISTENER_LOG_INTERVAL_MS) return;
    this.#lastWarningMs = nowMs;
    this.#logger.error(`${this.key}: a connection could not be accepted: ${acceptProblem(error)}`);
  }
}
