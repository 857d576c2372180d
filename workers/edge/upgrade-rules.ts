/** What a WebSocket handshake must be like beyond what RFC 6455 says, for one listener. Pure; on the shard's thread. */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import { isIP } from 'node:net';
import { type AccessRules, usualAddress } from '../../src/base/access.js';
import type { WebSocketSettings } from '../../src/config/listener-types.js';
import { HTTP_HEADERS_MAX } from '../../src/limits.js';

/** A plain HTTP answer, after which the connection is closed. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
  /** What the end is counted as. */
  readonly reason: string;
  readonly header?: string;
}

export const BAD_REQUEST: Refusal = { status: 400, text: 'Bad Request', reason: 'bad_http' };
export const HEAD_TOO_LARGE: Refusal = {
  status: 431,
  text: 'Request Header Fields Too Large',
  reason: 'http_head_too_large',
};
const NOT_FOUND: Refusal = { status: 404, text: 'Not found.', reason: 'bad_http' };
const BAD_VERSION: Refusal = {
  status: 426,
  text: 'Upgrade Required',
  reason: 'bad_http',
  header: 'Sec-WebSocket-Version: 13',
};
const BAD_PROTOCOL: Refusal = {
  status: 400,
  text: 'Bad WebSocket Protocol',
  reason: 'bad_websocket_protocol',
};
const BAD_ORIGIN: Refusal = { status: 403, text: 'Forbidden', reason: 'origin_refused' };

/** @returns the answer as it is sent. */
export function refusalText({ status, text, header }: Refusal): string {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: text/plain',
    `Content-Length: ${text.length}`,
    ...(header === undefined ? [] : [header]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${text}`;
}

export class UpgradeRules {
  private readonly origins: ReadonlySet<string>;

  /** @param trusted proxies whose word is taken about whom they speak for. */
  constructor(
    private readonly settings: WebSocketSettings,
    private readonly trusted: AccessRules,
    private readonly requiresProtocol: boolean,
  ) {
    this.origins = new Set(settings.origins.map(comparable));
  }

  /**
   * `isUpgrade`: as the parser says. The rest of the handshake is looked at by `ws`.
   * @returns what is wrong with the request, or null
   */
  refusalOf(request: IncomingMessage, isUpgrade: boolean): Refusal | null {
    const { headers, method, rawHeaders } = request;
    if (rawHeaders.length > 2 * HTTP_HEADERS_MAX) return HEAD_TOO_LARGE;
    if (pathOf(request) !== this.settings.path) return NOT_FOUND;
    const isWebSocket = isUpgrade && headers.upgrade?.toLowerCase() === 'websocket';
    if (method !== 'GET' || !isWebSocket || request.httpVersion === '1.0' || hasBody(request))
      return BAD_REQUEST;
    if (headers['sec-websocket-version'] !== '13') return BAD_VERSION;
    if (!this.admitsOrigin(headers.origin)) return BAD_ORIGIN;
    return this.requiresProtocol && chooseProtocol(offersOf(request)) === null ? BAD_PROTOCOL : null;
  }

  /**
   * Every proxy on the way puts the address that it was spoken to from behind those that are there: the first from the
   * end that is no trusted proxy is the client, and what stands before that anybody may have written.
   * @returns what the proxy in front tells, if anything; whether it may is for others to say.
   */
  peerOf({ headers }: IncomingMessage): {
    readonly peerAddress: string | null;
    readonly peerPort: number | null;
  } {
    const { addressHeader, portHeader } = this.settings;
    const addresses = addressHeader === null ? [] : valuesOf(headers[addressHeader]);
    let at = addresses.length - 1;
    while (at > 0 && this.isTrusted(addresses[at]!)) at--;
    const address = addresses[at] ?? '';
    if (!isAddress(address)) return { peerAddress: null, peerPort: null };
    const ports = portHeader === null ? [] : valuesOf(headers[portHeader]);
    const port = ports[ports.length === addresses.length ? at : 0] ?? '';
    const isPort = /^\d{1,5}$/.test(port) && Number(port) <= 65_535;
    return { peerAddress: usualAddress(address), peerPort: isPort ? Number(port) : null };
  }

  private isTrusted(address: string): boolean {
    return isAddress(address) && this.trusted.allows(address);
  }

  // A client that sends none is no browser, and could as well send whatever is liked.
  private admitsOrigin(origin: string | undefined): boolean {
    return origin === undefined || this.origins.size === 0 || this.origins.has(comparable(origin));
  }
}

/** @returns `mqtt` if it is offered [MQTT-6.0.0-4], otherwise the first name of older clients; null: none of them. */
export function chooseProtocol(offers: Iterable<string>): string | null {
  let chosen: string | null = null;
  for (const offer of offers) {
    if (offer === 'mqtt') return offer;
    if (chosen === null && offer.startsWith('mqtt')) chosen = offer;
  }
  return chosen;
}

// EMQ's own header goes before the standard one, for clients that cannot set that.
function offersOf({ headers }: IncomingMessage): string[] {
  const offers = headers['emq-websocket-protocol'] ?? headers['sec-websocket-protocol'] ?? '';
  return String(offers)
    .split(',')
    .map((offer) => offer.trim());
}

/** @returns the path without its query; an absolute address is a path as well (RFC 6455, section 4.2.1). */
function pathOf({ url = '' }: IncomingMessage): string {
  return url.replace(/^https?:\/\/[^/?]*/i, '').replace(/\?.*$/s, '');
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** @returns an origin in the one form in which browsers send it; what has none stays itself. */
function comparable(origin: string): string {
  const serialized = URL.canParse(origin) ? new URL(origin).origin : 'null';
  return serialized === 'null' ? origin.toLowerCase() : serialized;
}

/** @returns the values of a header that may hold several, or come several times. */
function valuesOf(header: string | readonly string[] | undefined): string[] {
  const text = typeof header === 'string' ? header : (header ?? []).join(',');
  return text.split(',').map((value) => value.trim());
}

/** A zone means nothing on another machine. */
const isAddress = (text: string): boolean => isIP(text) !== 0 && !text.includes('%');
