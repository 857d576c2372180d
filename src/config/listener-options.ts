/** What a listener may be told, option by option, and what a listener is once everything is read. */
import { isIP } from 'node:net';
import { bytesize, choice, duration, flag, INVALID, integer, text, type ValueType } from './value-types.js';

export const LISTENER_TYPES = ['tcp', 'ssl', 'ws', 'wss', 'api'] as const;
export type ListenerType = (typeof LISTENER_TYPES)[number];

/** Types that open a port today; the others are read, checked and reported. */
export const BUILT_LISTENER_TYPES: readonly ListenerType[] = ['tcp'];

/** Where a listener listens. */
export interface ListenAddress {
  /** An IP address without brackets, or a host name. */
  readonly host: string;
  /** 0 = one that the system chooses. */
  readonly port: number;
}

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
    return isIP(host.slice(1, -1)) === 6 && host.endsWith(']') ? { host: host.slice(1, -1), port } : INVALID;
  return isIP(host) !== 0 || isHostName(host) ? { host, port } : INVALID;
}

const isHostName = (host: string): boolean =>
  !/^[\d.]+$/.test(host) && /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(host);

/** @returns `host:port`, with brackets around an IPv6 address. */
export function formatAddress({ host, port }: ListenAddress): string {
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
