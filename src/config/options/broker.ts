/** Keys of the node, its shards, its log and its parts beside the protocol. Main thread, at start only. */
import { SHARDS_MAX } from '../../limits.js';
import { fromEmq, ours } from '../option.js';
import { bytesize, choice, duration, integer, text } from '../value-types.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export const nodeOptions = {
  'node.name': fromEmq(
    text(255, /^[A-Za-z0-9_.-]+@[A-Za-z0-9_.:[\]-]+$/, 'name@host'),
    'shardmq@127.0.0.1',
    'emq@127.0.0.1',
    'start',
    'Name of this node in `$SYS` topics and in every report.',
  ),
  'node.shards': ours(
    integer(0, SHARDS_MAX),
    '0',
    'start',
    'Worker threads that share the clients; 0 = one less than the cores this process may use, at least 1.',
  ),
  'node.data_dir': ours(
    text(1024, /^[^\p{Cc}]+$/u, 'a path'),
    './data',
    'start',
    'Directory of what survives a restart; created when missing.',
  ),
  'mqtt.persistence.level': ours(
    choice('disk', 'process', 'memory'),
    'process',
    'start',
    'What an acknowledged message survives: `disk` a power cut, `process` the end of the broker, `memory` nothing; see durability.md.',
  ),
  'mqtt.persistence.flush_interval': ours(
    duration(10, MINUTE_MS),
    '1s',
    'start',
    'Level `process`: a power cut loses what was acknowledged in so long; on a slower disk acknowledgements wait.',
  ),
  'mqtt.persistence.max_bytes': ours(
    bytesize(0),
    '0',
    'start',
    'Bytes that all shards together may keep, each its share; then publishers of more wait; 0 = no limit.',
  ),
  'node.process_limit': fromEmq(
    integer(1024, 134_217_727),
    '256000',
    '256000',
    'start',
    'Reported as the number of processes available; limits nothing here.',
  ),
  'log.level': ours(
    choice('debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    'info',
    'live',
    'The least severe log line that is written; EMQ’s `log.console.level` sets it too.',
  ),
} as const;

export const partOptions = {
  'mqtt.plugins.etc_dir': fromEmq(
    text(1024),
    '',
    'etc/plugins/',
    'start',
    'Directory with a file NAME.conf for each plugin; its settings give way to those set elsewhere. Empty = none.',
  ),
  'mqtt.plugins.loaded_file': fromEmq(
    text(1024),
    '',
    'data/loaded_plugins',
    'start',
    'File with the plugins that start with the broker; empty = `loaded_plugins` in the data directory.',
  ),
  'dashboard.default_user.login': fromEmq(
    text(64, /^[^\p{Cc}:]+$/u, 'a name'),
    'admin',
    'admin',
    'start',
    'The user of the API who is there from the first start on.',
  ),
  'dashboard.default_user.password': fromEmq(
    text(256, /^[^\p{Cc}]+$/u, 'a password'),
    'public',
    'public',
    'start',
    'The password that this user has then; what it is changed to later is kept.',
  ),
  'shard.memory_budget': ours(
    bytesize(0),
    '0',
    'start',
    'Bytes that may wait in one shard (output, queues, half-read packets); 0 = a share of the memory really there.',
  ),
  'shard.silence_timeout': ours(
    duration(1_000, HOUR_MS),
    '10s',
    'live',
    'A shard that has not been heard of for so long is ended and started anew.',
  ),
  'shard.subscribe_timeout': ours(
    duration(100, 10 * MINUTE_MS),
    '5s',
    'live',
    'How long a SUBACK waits for the other shards before the subscription is refused.',
  ),
  'overload.loop_delay': ours(
    duration(0, MINUTE_MS),
    '500ms',
    'live',
    'Delay of an event loop above which new connections wait, so that those that are there are served; 0 = off.',
  ),
  'overload.wait': ours(
    duration(0, MINUTE_MS),
    '5s',
    'live',
    'How long a new connection waits for the overload to end before it is refused.',
  ),
  'shutdown.timeout': ours(
    duration(0, HOUR_MS),
    '10s',
    'live',
    'How long the shards may take to close their connections when the broker stops.',
  ),
} as const;
