/** Keys of access rules, and of who is kept out for connecting too often. Main thread, at start only. */
import { fromEmq, ours } from '../option.js';
import { duration, flag, integer, text } from '../value-types.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const accessOptions = {
  'mqtt.acl_file': fromEmq(
    text(1024, /^[^\p{Cc}]*$/u, 'a path'),
    '',
    'etc/acl.conf',
    'live',
    'File of access rules, as EMQ’s acl.conf; empty = no rules. Counts from the directory the broker is started in.',
  ),
  'mqtt.cache_acl': fromEmq(
    flag(),
    'true',
    'true',
    'live',
    'Whether a client’s decided publishes are remembered, so that plugins are not asked for each message.',
  ),
  'mqtt.acl_cache_size': ours(
    integer(1, 1_024),
    '32',
    'live',
    'Topics remembered per client; then the one that was not used for longest is forgotten.',
  ),
  'mqtt.acl_cache_ttl': ours(
    duration(0, DAY_MS),
    '1m',
    'live',
    'How long such a decision is remembered; 0 = until the client disconnects.',
  ),
  'mqtt.flapping.max_connects': ours(
    integer(0, 1_000_000),
    '0',
    'live',
    'Most connects of one ClientId within `mqtt.flapping.window`; more, and it is banned for a while; 0 = no limit.',
  ),
  'mqtt.flapping.window': ours(
    duration(1_000, HOUR_MS),
    '1m',
    'live',
    'Time in which the connects of a ClientId are counted.',
  ),
  'mqtt.flapping.ban_time': ours(
    duration(1_000, 7 * DAY_MS),
    '5m',
    'live',
    'How long a ClientId that connects too often is banned.',
  ),
} as const;
