/** Keys of the protocol, of connections and of access. Main thread, at start only. */
import { fromEmq, ours } from '../option.js';
import { bytesize, choice, duration, flag, float, integer, seconds, text } from '../value-types.js';

const DAY_MS = 86_400_000;
/** Largest packet the protocol can express: fixed header of 5 bytes and 2^28 - 1 more, rounded down. */
const PACKET_BYTES_MAX = 1 << 28;

export const mqttOptions = {
  'mqtt.max_packet_size': fromEmq(
    bytesize(64, PACKET_BYTES_MAX),
    '1MB',
    '64KB',
    'new',
    'Largest packet a client may send, header included; a larger one ends its connection.',
  ),
  'mqtt.max_clientid_len': fromEmq(
    integer(1, 65_535),
    '1024',
    '1024',
    'new',
    'Longest ClientId in bytes; a longer one is refused.',
  ),
  'mqtt.max_topic_length': ours(
    integer(1, 65_535),
    '65535',
    'live',
    'Longest topic name or filter in bytes that clients may use.',
  ),
  'mqtt.max_topic_levels': ours(
    integer(1, 65_536),
    '128',
    'live',
    'Most levels, which `/` separates, that a topic name or filter may have.',
  ),
  'mqtt.allow_anonymous': fromEmq(
    flag(),
    'true',
    'true',
    'new',
    'Whether clients that nothing has authenticated may connect.',
  ),
  'mqtt.clientid_binding': ours(
    choice('none', 'username'),
    'none',
    'new',
    'Which ClientId a user may have: `username` refuses every other than the user name itself.',
  ),
  'mqtt.acl_nomatch': fromEmq(
    choice('allow', 'deny'),
    'allow',
    'allow',
    'live',
    'What happens to a publish or subscribe about which neither plugins nor access rules say anything.',
  ),
  'mqtt.websocket_protocol_header': fromEmq(
    flag(),
    'on',
    'on',
    'new',
    'Whether WebSocket clients that offer no subprotocol beginning with `mqtt` are refused.',
  ),
  'mqtt.keepalive_backoff': fromEmq(
    float(0.5, 10),
    '0.75',
    '0.75',
    'new',
    'A silent client is closed after its keep alive × 2 × this.',
  ),
  'mqtt.server_keepalive': ours(
    seconds(0, 65_535),
    '0',
    'new',
    'Keep alive that MQTT 5 clients are told to use; a bare number means seconds; 0 = the one they ask for.',
  ),
  'mqtt.max_topic_alias': ours(
    integer(0, 65_535),
    '64',
    'new',
    'Topic Alias Maximum offered to MQTT 5 clients; 0 = none.',
  ),
  'mqtt.receive_maximum': ours(
    integer(1, 65_535),
    '1024',
    'new',
    'Receive Maximum offered to MQTT 5 clients: QoS 1 and 2 messages they may have under way to the broker.',
  ),
  'mqtt.response_information': ours(
    text(1024, /^[^\p{Cc}+#]*$/u, 'a topic prefix without wildcards'),
    '',
    'new',
    'Response Information given to MQTT 5 clients that ask: the prefix of response topics; empty = none.',
  ),
  'mqtt.shared_subscription_strategy': ours(
    choice('random', 'round_robin', 'sticky', 'hash_clientid', 'hash_topic'),
    'random',
    'live',
    'How the member of a share group that gets a message is chosen.',
  ),
  'mqtt.client.idle_timeout': fromEmq(
    duration(100, DAY_MS),
    '30s',
    '30s',
    'new',
    'Time from accept to a whole CONNECT; then the connection is closed.',
  ),
  'mqtt.client.max_connect_size': ours(
    bytesize(64, 1 << 20),
    '128KB',
    'new',
    'Largest CONNECT packet, and most bytes read before it is whole.',
  ),
  'mqtt.client.max_write_buffer': ours(
    bytesize(1 << 10, 1 << 30),
    '1MB',
    'live',
    'Bytes that may wait for one slow reader before QoS 0 messages to it are dropped.',
  ),
  'mqtt.client.max_publish_rate': fromEmq(
    integer(0, 1_000_000_000),
    '0',
    '0',
    'new',
    'Messages per second one client may publish; it is read more slowly above that; 0 = no limit.',
  ),
  'mqtt.client.enable_stats': fromEmq(
    flag(),
    'off',
    'off',
    'live',
    'Kept and shown for tools made for EMQ; clients always count.',
  ),
  'mqtt.conn.force_gc_count': fromEmq(
    integer(0),
    '100',
    '100',
    'live',
    'Kept and shown for tools made for EMQ; it tunes the Erlang machine, which is not used here.',
  ),
  'mqtt.broker.sys_interval': fromEmq(
    seconds(0, 86_400),
    '60s',
    '1m',
    'live',
    'Interval of the `$SYS` statistics and metrics; a bare number means seconds; 0 = uptime and date only.',
  ),
} as const;
