/** Keys of sessions and their message queues. Main thread, at start only. */
import { fromEmq, ours } from '../option.js';
import { priorities } from '../priorities.js';
import { bytesize, choice, duration, flag, integer, percent, seconds } from '../value-types.js';

const DAY_MS = 86_400_000;
const YEAR_MS = 366 * DAY_MS;
/** Session Expiry Interval is 32 bits of seconds. */
const EXPIRY_SECONDS_MAX = 4_294_967_295;

export const sessionOptions = {
  'mqtt.session.max_subscriptions': fromEmq(
    integer(0),
    '0',
    '0',
    'live',
    'Most topic filters one session may hold; 0 = no limit.',
  ),
  'mqtt.session.upgrade_qos': fromEmq(
    flag(),
    'off',
    'off',
    'live',
    'Delivers with the greater QoS of publish and subscription; off = the lesser, as the specification says.',
  ),
  'mqtt.session.max_inflight': fromEmq(
    integer(0, 65_535),
    '32',
    '32',
    'new',
    'QoS 1 and 2 messages sent to one client and not yet acknowledged; 0 = no limit of ours.',
  ),
  'mqtt.session.retry_interval': fromEmq(
    duration(0, DAY_MS),
    '20s',
    '20s',
    'live',
    'MQTT 3.x only: after so long what is unacknowledged is sent again; 0 = only when the client reconnects.',
  ),
  'mqtt.session.max_awaiting_rel': fromEmq(
    integer(0, 65_535),
    '1000',
    '1000',
    'live',
    'QoS 2 messages received from one client whose PUBREL is missing; 0 = no limit.',
  ),
  'mqtt.session.await_rel_timeout': fromEmq(
    duration(0, YEAR_MS),
    '30s',
    '30s',
    'live',
    'MQTT 3.x clean sessions only: after so long without PUBREL a QoS 2 message is forgotten; 0 = never.',
  ),
  'mqtt.session.expiry_interval': fromEmq(
    seconds(0, EXPIRY_SECONDS_MAX),
    '2h',
    '2h',
    'new',
    'MQTT 3.x: how long a persistent session outlives its connection; 0 = not at all.',
  ),
  'mqtt.session.max_expiry_interval': ours(
    seconds(0, EXPIRY_SECONDS_MAX),
    '0',
    'new',
    'MQTT 5: longer Session Expiry Intervals are lowered to this; 0 = no limit.',
  ),
  'mqtt.session.ignore_loop_deliver': fromEmq(
    flag(),
    'false',
    'false',
    'live',
    'MQTT 3.x: whether a client’s own messages are kept from it, as No Local does in MQTT 5.',
  ),
  'mqtt.session.enable_stats': fromEmq(
    flag(),
    'on',
    'on',
    'live',
    'Kept and shown for tools made for EMQ; sessions always count.',
  ),
  'mqtt.mqueue.type': fromEmq(
    choice('simple', 'priority'),
    'simple',
    'simple',
    'new',
    'Order of a session’s queue: first come first served, or by `mqtt.mqueue.priority`.',
  ),
  'mqtt.mqueue.priority': fromEmq(
    priorities(),
    '',
    '',
    'new',
    'Topic names and their priorities, the larger first; other topics have 0.',
  ),
  'mqtt.mqueue.max_length': fromEmq(
    integer(0),
    '100000',
    '1000',
    'new',
    'Messages that wait for one session; then the oldest is dropped; 0 = no limit.',
  ),
  'mqtt.mqueue.max_bytes': ours(
    bytesize(0),
    '64MB',
    'new',
    'Bytes that wait for one session; then the oldest message is dropped; 0 = no limit.',
  ),
  'mqtt.mqueue.low_watermark': fromEmq(
    percent(),
    '20%',
    '20%',
    'new',
    'Share of `mqtt.mqueue.max_length` below which the queue’s alarm is cleared.',
  ),
  'mqtt.mqueue.high_watermark': fromEmq(
    percent(),
    '60%',
    '60%',
    'new',
    'Share of `mqtt.mqueue.max_length` above which an alarm is raised.',
  ),
  'mqtt.mqueue.store_qos0': fromEmq(
    flag(),
    'true',
    'true',
    'live',
    'Whether QoS 0 messages are queued for a persistent session whose client is away.',
  ),
} as const;
