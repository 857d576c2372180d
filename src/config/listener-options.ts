/** What a listener may be told, option by option, and what a listener is once everything is read. */
import { isIP } from 'node:net';
import { bytesize, choice, duration, flag, INVALID, integer, text, type ValueType } from './value-types.js';

export const LISTENER_TYPES = ['tcp', 'ssl', 'ws', 'wss', 'unix', 'api'] as const;
export type ListenerType = (typeof LISTENER_TYPES)[number];

/** Types that open a port today; the others are read, checked and reported. */
export const BUILT_LISTENER_TYPES: readonly ListenerType[] = ['tcp'];

/** Where a listener listens. */
export interface ListenAddress {
  /** An IP address without brackets, or a host name. */
  readonly host: string;
  /** 0 = one that the system chooses. */
  readonly port: number;
  /** Of a Unix domain socket, in place of host and port, which are empty and 0 then; otherwise null. */
  readonly path: string | null;
}

/** A certificate with its private key, both PEM files. */
export interface CertificateFiles {
  readonly certfile: string;
  readonly keyfile: string;
}

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

/** How an `ssl` or `wss` listener encrypts. File names as they were written. */
export interface TlsSettings extends CertificateFiles {
  /** More certificates, chosen by the server name the client asks for (SNI); each serves the names it contains. */
  readonly sni: readonly CertificateFiles[];
  /** Authorities that clients' certificates are checked against; null: the system's. */
  readonly cacertfile: string | null;
  /** Revoked certificates of those authorities. */
  readonly crlfile: string | null;
  /** Asks clients for a certificate, and refuses a wrong one. */
  readonly verifyPeer: boolean;
  /** Refuses clients without a certificate as well. */
  readonly failIfNoPeerCert: boolean;
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** OpenSSL's names, separated by colons; null: Node's own choice. */
  readonly ciphers: string | null;
  readonly dhfile: string | null;
  /** The order of `ciphers` counts, not the client's. */
  readonly honorCipherOrder: boolean;
  /** Session tickets are given out and taken. */
  readonly reuseSessions: boolean;
  /** From accept to the end of the handshake. */
  readonly handshakeTimeoutMs: number;
}

/** How a `ws` or `wss` listener upgrades. */
export interface WebSocketSettings {
  /** The only path that is served. */
  readonly path: string;
  /** Values of the Origin header that are let in; empty: all, and clients that send none. */
  readonly origins: readonly string[];
  /** Refuses clients that do not offer a subprotocol beginning with `mqtt`. */
  readonly requireProtocol: boolean;
  /** Takes up permessage-deflate where a client offers it. */
  readonly compress: boolean;
  /** Headers in which a trusted proxy tells the client's address and port; lower case; null: not looked at. */
  readonly addressHeader: string | null;
  readonly portHeader: string | null;
}

/** A listener whose clients come through a proxy that says who they are. */
export interface ProxySettings {
  /** From accept to the end of the PROXY header. */
  readonly timeoutMs: number;
}

/** Which part of a client's certificate is its username. */
export type CertificateUsername = 'cn' | 'dn' | 'crt';

/** One rule about who may connect; the first that fits decides, and none that fits allows. */
export interface AccessRule {
  readonly allow: boolean;
  /** `all`, an IP address, or address/prefix length. */
  readonly range: string;
}

/** Token bucket over the bytes received on one connection. */
export interface RateLimit {
  readonly burstBytes: number;
  readonly bytesPerSecond: number;
}

/** The options of a listener, as the code uses them. */
export interface ListenerSettings {
  /** Shown in reports; main accepts with one server per listener. */
  readonly acceptors: number;
  /** Connections at a time; more are closed right after accept; 0 = no limit. */
  readonly maxClients: number;
  /** Connections accepted per second; 0 = no limit. */
  readonly maxConnRate: number;
  readonly backlog: number;
  readonly nodelay: boolean;
  /** Put before every topic of the clients that came in here, and taken off on delivery. */
  readonly mountpoint: string;
  readonly rateLimit: RateLimit | null;
  readonly access: readonly AccessRule[];
  /** A connection that has taken no byte for so long while output waits is closed. */
  readonly sendTimeoutMs: number;
  /** Sizes of the kernel's buffers per connection; 0: the system's. */
  readonly recbufBytes: number;
  readonly sndbufBytes: number;
  /** Permissions of the socket's file, for `unix` listeners; 0 otherwise. */
  readonly mode: number;
  /** Null where a connection begins with its own bytes. */
  readonly proxy: ProxySettings | null;
  /** Networks whose PROXY headers and address headers are believed; empty: everybody who may connect. */
  readonly trustedProxies: readonly string[];
  /** Null for listeners without encryption. */
  readonly tls: TlsSettings | null;
  /** Null for listeners without WebSocket. */
  readonly webSocket: WebSocketSettings | null;
  /** Null: the username is what CONNECT says. */
  readonly certificateUsername: CertificateUsername | null;
}

/** A listener that is to be opened. */
export interface ListenerConfig extends ListenerSettings, ListenAddress {
  readonly type: ListenerType;
  readonly name: string;
}

/** `PORT`, `HOST:PORT`, `[IPv6]:PORT` as EMQ writes it also without brackets, or `off` (null). */
export function listenAddress(): ValueType<ListenAddress | null> {
  return {
    name: 'address',
    range: '',
    expected: 'PORT, HOST:PORT, [IPv6]:PORT or off, with a port of 0 to 65535',
    parse: parseAddress,
    format: (address) => (address === null ? 'off' : formatAddress(address)),
  };
}

function parseAddress(value: string): ListenAddress | null | typeof INVALID {
  if (value === 'off' || value === 'false') return null;
  const match = /^(?:(.{1,255}):)?(\d{1,5})$/.exec(value);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) return INVALID;
  const host = match[1] ?? '0.0.0.0';
  if (host.startsWith('['))
    return isIP(host.slice(1, -1)) === 6 && host.endsWith(']')
      ? { host: host.slice(1, -1), port, path: null }
      : INVALID;
  return isIP(host) !== 0 || isHostName(host) ? { host, port, path: null } : INVALID;
}

const isHostName = (host: string): boolean =>
  !/^[\d.]+$/.test(host) && /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(host);

/** @returns `host:port`, with brackets around an IPv6 address. */
export function formatAddress({ host, port, path }: ListenAddress): string {
  if (path !== null) return path;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function rateLimit(): ValueType<RateLimit> {
  return {
    name: 'rate',
    range: 'burst,rate',
    expected:
      'burst,rate in KB and KB per second such as 100,10, both above 0 and the burst not below the rate',
    parse(value) {
      const match = /^(\d{1,9})\s*,\s*(\d{1,9})$/.exec(value);
      const burst = Number(match?.[1]);
      const rate = Number(match?.[2]);
      if (match === null || rate < 1 || burst < rate) return INVALID;
      return { burstBytes: burst * 1024, bytesPerSecond: rate * 1024 };
    },
    format: (limit) => `${limit.burstBytes / 1024},${limit.bytesPerSecond / 1024}`,
  };
}

/** The value of `access.N`. */
export function accessRule(): ValueType<AccessRule> {
  return {
    name: 'rule',
    range: '',
    expected: 'allow or deny, then all, an IP address or address/prefix',
    parse(value) {
      const match = /^(allow|deny)\s+(\S{1,64})$/.exec(value);
      if (match === null || !isRange(match[2]!)) return INVALID;
      return { allow: match[1] === 'allow', range: match[2]! };
    },
    format: (rule) => `${rule.allow ? 'allow' : 'deny'} ${rule.range}`,
  };
}

function isRange(range: string): boolean {
  if (range === 'all') return true;
  const [address = '', prefix, ...rest] = range.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}

/** One option of listeners: `listener.TYPE.NAME.option`. */
export interface ListenerOption {
  readonly type: ValueType<unknown>;
  readonly default: string;
  readonly about: string;
}

const option = (type: ValueType<unknown>, defaultText: string, about: string): ListenerOption => ({
  type,
  default: defaultText,
  about,
});

/** Options that do something on the listeners that are built. */
export const LISTENER_OPTIONS = {
  acceptors: option(integer(1, 1024), '8', 'Shown in reports only.'),
  max_clients: option(
    integer(0),
    '1024',
    'Connections at a time; more are closed right after accept; 0 = no limit.',
  ),
  max_conn_rate: option(
    integer(0, 1_000_000),
    '0',
    'Connections accepted per second; more are closed; 0 = no limit.',
  ),
  backlog: option(integer(1, 65_535), '1024', 'Connections the kernel keeps until they are accepted.'),
  nodelay: option(flag(), 'on', 'Sends small packets at once (TCP_NODELAY).'),
  send_timeout: option(
    duration(100, 3_600_000),
    '15s',
    'A client that has taken nothing for so long while output waits for it is closed.',
  ),
  mountpoint: option(
    text(1024, /^[^\p{Cc}+#]*$/u, 'a topic prefix without wildcards'),
    '',
    'Prefix put before the topics of its clients, and taken off on delivery.',
  ),
  rate_limit: option(
    rateLimit(),
    '',
    'Bytes received per connection: burst,rate in KB and KB per second; empty = no limit.',
  ),
} as const satisfies Record<string, ListenerOption>;

/** Where the shipped listeners differ from the defaults of `LISTENER_OPTIONS`. */
export const SHIPPED_LISTENERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'listener.tcp.external': { bind: '0.0.0.0:1883', acceptors: '16', max_clients: '102400' },
  'listener.tcp.internal': {
    bind: '127.0.0.1:11883',
    acceptors: '4',
    max_clients: '102400',
    backlog: '512',
    send_timeout: '5s',
  },
};

/** EMQ's options that are read and checked where their form is known, and do nothing yet. */
export const UNBUILT_LISTENER_OPTIONS: Readonly<Record<string, ValueType<unknown>>> = {
  zone: text(255),
  proxy_protocol: flag(),
  proxy_protocol_timeout: duration(),
  peer_cert_as_username: choice('cn', 'dn', 'crt'),
  proxy_address_header: text(255),
  proxy_port_header: text(255),
  send_timeout_close: flag(),
  recbuf: bytesize(),
  sndbuf: bytesize(),
  buffer: bytesize(),
  tune_buffer: flag(),
  reuseaddr: flag(),
  tcp_options: text(4096),
  tls_versions: text(1024),
  ciphers: text(8192),
  handshake_timeout: duration(),
  keyfile: text(4096),
  certfile: text(4096),
  cacertfile: text(4096),
  verify: choice('verify_peer', 'verify_none'),
  fail_if_no_peer_cert: flag(),
  dhfile: text(4096),
  secure_renegotiate: flag(),
  reuse_sessions: flag(),
  honor_cipher_order: flag(),
};
