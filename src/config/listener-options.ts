/** The table of what listeners may be told, and of those that are there from the start. Main thread, at start only. */
import {
  ALL,
  EVERY,
  type ListenerOption,
  NETWORK,
  option,
  UNIX,
  WEB,
  WITH_ADDRESS,
} from './listener-option.js';
import {
  certificateUsername,
  fileMode,
  headerName,
  networks,
  origins,
  rateLimit,
} from './listener-values.js';
import { TLS_OPTIONS } from './tls-options.js';
import { bytesize, duration, flag, integer, text, type ValueType } from './value-types.js';

export { formatAddress } from './listener-address.js';

/** Of one socket buffer: what the kernel takes as a size, doubled, without overflow. */
const SOCKET_BUFFER_BYTES_MAX = 1 << 29;

/** Every option with a fixed name that does something, in the order of the documentation. */
export const LISTENER_OPTIONS = {
  acceptors: option(ALL, integer(1, 1024), '8', 'Shown in reports only.'),
  max_clients: option(
    ALL,
    integer(0),
    '1024',
    'Connections at a time; more are closed right after accept; 0 = no limit.',
  ),
  max_conn_rate: option(
    ALL,
    integer(0, 1_000_000),
    '0',
    'Connections accepted per second; more are closed; 0 = no limit.',
  ),
  backlog: option(ALL, integer(1, 65_535), '1024', 'Connections the kernel keeps until they are accepted.'),
  send_timeout: option(
    ALL,
    duration(100, 3_600_000),
    '15s',
    'A client that has taken nothing for so long while output waits for it is closed.',
  ),
  recbuf: option(
    ALL,
    bytesize(0, SOCKET_BUFFER_BYTES_MAX),
    '0',
    'Bytes the kernel keeps of a client until they are read; 0 = the system’s choice.',
  ),
  sndbuf: option(
    ALL,
    bytesize(0, SOCKET_BUFFER_BYTES_MAX),
    '0',
    'Bytes the kernel keeps for a client until it takes them; 0 = the system’s choice.',
  ),
  mountpoint: option(
    EVERY,
    text(1024, /^[^\p{Cc}+#]*$/u, 'a topic prefix without wildcards'),
    '',
    'Prefix put before the topics of its clients, and taken off on delivery.',
  ),
  rate_limit: option(
    EVERY,
    rateLimit(),
    '',
    'Bytes received per connection: burst,rate in KB and KB per second; empty = no limit.',
  ),
  proxy_protocol: option(
    EVERY,
    flag(),
    'off',
    'Clients come through a proxy: each connection must begin with a header of the PROXY protocol, version 1 or 2, and the address it names counts.',
  ),
  proxy_protocol_timeout: option(
    EVERY,
    duration(100, 60_000),
    '5s',
    'Time from accept to the end of that header; then the connection is closed.',
  ),
  peer_cert_as_username: option(
    EVERY,
    certificateUsername(),
    '',
    'Username that counts instead of that in CONNECT, from the client’s certificate (with `verify_peer`): its common name, its whole subject, or the certificate; where TLS ends in a proxy, `cn` from the PROXY header. Clients without a certificate keep the username of their CONNECT. Empty = off.',
  ),
  nodelay: option(WITH_ADDRESS, flag(), 'on', 'Sends small packets at once (TCP_NODELAY).'),
  trusted_proxies: option(
    NETWORK,
    networks(),
    '',
    'Proxies that are believed about the client’s address; others that connect are closed, with `proxy_protocol`, or count as clients themselves; empty = everybody is believed.',
  ),
  ...TLS_OPTIONS,
  mqtt_path: option(
    WEB,
    text(1024, /^\/[!"$->@-~]*$/, 'a path that begins with /'),
    '/mqtt',
    'The only path where clients may upgrade to WebSocket.',
  ),
  allowed_origins: option(
    WEB,
    origins(),
    '',
    'Web sites whose pages may connect; programs that are no browsers may always; empty or `*` = all.',
  ),
  compress: option(
    WEB,
    flag(),
    'off',
    'Compresses messages for clients that offer to (permessage-deflate); costs much memory and time.',
  ),
  proxy_address_header: option(
    WEB,
    headerName(),
    '',
    'Header in which a trusted proxy tells the client’s address, such as X-Forwarded-For.',
  ),
  proxy_port_header: option(
    WEB,
    headerName(),
    '',
    'Header in which it tells the client’s port, such as X-Forwarded-Port.',
  ),
  mode: option(
    UNIX,
    fileMode(),
    '0660',
    'Permissions of the socket’s file: who may write to it may connect.',
  ),
} as const satisfies Readonly<Record<string, ListenerOption<unknown>>>;

export type ListenerOptionName = keyof typeof LISTENER_OPTIONS;

/** Options whose items may also be numbered: `trusted_proxies.1`, or a list in YAML. */
export const LIST_OPTIONS: readonly string[] = [
  'trusted_proxies',
  'tls_versions',
  'ciphers',
  'allowed_origins',
] satisfies ListenerOptionName[];

/** An option that is read, checked and changes nothing. */
export interface IdleOption {
  readonly type: ValueType<unknown>;
  readonly why: string;
  /** The value that says what happens anyway, so it gives no warning. */
  readonly always: string | null;
}

const idle = (type: ValueType<unknown>, why: string, always: string | null = null): IdleOption => ({
  type,
  why,
  always,
});

/** Options of EMQ without effect, on every type. */
export const IDLE_OPTIONS: Readonly<Record<string, IdleOption>> = {
  zone: idle(text(255), 'EMQ 2.3 does not look at it either'),
  buffer: idle(bytesize(), 'all connections of a shard are read into one buffer'),
  tune_buffer: idle(flag(), 'all connections of a shard are read into one buffer', 'off'),
  reuseaddr: idle(flag(), 'addresses are always reused', 'on'),
  send_timeout_close: idle(flag(), 'a client that takes nothing for `send_timeout` is always closed', 'on'),
  secure_renegotiate: idle(flag(), 'renegotiation that a client asks for is always refused'),
};

/** What may also be written `tcp_options.X`. */
export const SOCKET_OPTIONS: readonly string[] = [
  'backlog',
  'nodelay',
  'send_timeout',
  'send_timeout_close',
  'recbuf',
  'sndbuf',
  'buffer',
  'tune_buffer',
  'reuseaddr',
];

/** The listeners that are there from the start, with their address and where they differ from the defaults. */
export const SHIPPED_LISTENERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'listener.tcp.external': { bind: '0.0.0.0:1883', acceptors: '16', max_clients: '102400' },
  'listener.tcp.internal': {
    bind: '127.0.0.1:11883',
    acceptors: '4',
    max_clients: '102400',
    backlog: '512',
    send_timeout: '5s',
  },
  'listener.ssl.external': { bind: '0.0.0.0:8883', acceptors: '16', max_clients: '102400' },
  'listener.ws.external': { bind: '0.0.0.0:8083', acceptors: '4', max_clients: '102400' },
  'listener.wss.external': { bind: '0.0.0.0:8084', acceptors: '4', max_clients: '102400' },
  'listener.api.mgmt': { bind: '127.0.0.1:8080', acceptors: '4', max_clients: '64', backlog: '512' },
};
