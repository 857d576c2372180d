/**
 * Reads the head of an HTTP request and answers a WebSocket handshake, with Node's parser and `ws`: neither HTTP nor
 * the handshake is ours. Runs on the shard's thread.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { ServerOptions, WebSocket, WebSocketServer } from 'ws';
import type { AccessRules } from '../../src/base/access.js';
import type { WebSocketSettings } from '../../src/config/listener-types.js';
import {
  HTTP_HEAD_BYTES_MAX,
  LINK_CLOSE_TIMEOUT_MS,
  WEBSOCKET_COMPRESS_BYTES_MIN,
} from '../../src/limits.js';
import type { LinkStream } from '../transport/link-stream.js';
import { BAD_REQUEST, chooseProtocol, type Refusal, UpgradeRules } from './upgrade-rules.js';

/** The client has its 101; `socket` has not read anything yet. */
export interface Accepted {
  readonly request: IncomingMessage;
  readonly socket: WebSocket;
}

/** What the configuration demands of all listeners alike. */
export interface HandshakeDemands {
  /** Largest message of a client that compresses, inflated. */
  readonly messageBytesMax: number;
  /** A client has to offer a subprotocol that is MQTT. */
  readonly requiresProtocol: boolean;
}

/** A shard without such a listener starts without `ws`: some 45 ms of CPU. */
const load = createRequire(import.meta.url);
const NOTHING = Buffer.alloc(0);

export class HttpHandshake {
  readonly rules: UpgradeRules;
  /** Never listens, and so has no timers: connections are given to it. */
  private readonly http: Server;
  private readonly webSockets: WebSocketServer;
  /** What has come of the request being looked at: all happens within one call. */
  private outcome: Accepted | Refusal = BAD_REQUEST;

  constructor(settings: WebSocketSettings, trusted: AccessRules, demands: HandshakeDemands) {
    this.rules = new UpgradeRules(settings, trusted, demands.requiresProtocol);
    this.http = createServer({ maxHeaderSize: HTTP_HEAD_BYTES_MAX, requireHostHeader: false });
    // How many there may be is for the rules to say: Node would just leave out the rest.
    this.http.maxHeadersCount = 0;
    this.http.on('upgrade', (request, stream: LinkStream, rest) => this.onUpgrade(request, stream, rest));
    for (const event of ['request', 'checkContinue', 'checkExpectation', 'connect']) {
      this.http.on(event, (request: IncomingMessage) => this.onRequest(request));
    }
    // Without a listener Node would answer by itself.
    this.http.on('clientError', () => {});
    const ws = load('ws') as typeof import('ws');
    this.webSockets = new ws.WebSocketServer(serverOptions(settings.compress, demands.messageBytesMax));
    this.webSockets.on('wsClientError', () => {});
  }

  /** @param head the request up to its empty line. @returns what is to be done; only a 101 has been sent by then. */
  perform(stream: LinkStream, head: Buffer): Accepted | Refusal {
    this.outcome = BAD_REQUEST;
    this.http.emit('connection', stream);
    // To the parser at once, and not through the stream: what happens must have happened when this returns.
    stream.emit('data', head);
    const { outcome } = this;
    this.outcome = BAD_REQUEST;
    return outcome;
  }

  close(): void {
    this.webSockets.close();
  }

  private onRequest(request: IncomingMessage): void {
    this.outcome = this.rules.refusalOf(request, false) ?? BAD_REQUEST;
  }

  private onUpgrade(request: IncomingMessage, stream: LinkStream, rest: Buffer): void {
    const refusal = this.rules.refusalOf(request, true);
    if (refusal !== null) this.outcome = refusal;
    // `rest` holds what the parser found behind the request and before the empty line: two in one.
    else if (rest.length === 0) {
      this.webSockets.handleUpgrade(request, stream, NOTHING, (socket) => {
        this.outcome = { request, socket };
      });
    }
  }
}

function serverOptions(compress: boolean, messageBytesMax: number): ServerOptions {
  // Unknown to the types of `ws`, and in its documentation.
  const timeouts = { closeTimeout: LINK_CLOSE_TIMEOUT_MS };
  return {
    ...timeouts,
    noServer: true,
    clientTracking: false,
    maxPayload: messageBytesMax,
    handleProtocols: (offers) => chooseProtocol(offers) ?? false,
    // Without context takeover no memory stays with a client between its messages.
    perMessageDeflate: compress && {
      threshold: WEBSOCKET_COMPRESS_BYTES_MIN,
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
    },
  };
}
