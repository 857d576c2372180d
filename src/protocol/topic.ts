/** Topic names and topic filters: what is valid, what a SUBSCRIBE asks for, what matches what. Any thread. */
import { isValidUtf8Mqtt } from './mqtt/utf8.js';

/** Bytes a topic name or filter may have on the wire [MQTT-4.7.3-3]. */
export const TOPIC_BYTES_MAX = 65_535;

/** Group name that `$queue/{filter}` stands for: every such subscription of one filter shares one group. */
export const QUEUE_GROUP = '$queue';

/** Bounds from the configuration; `Infinity` where there is none. */
export interface TopicLimits {
  readonly topicBytesMax: number;
  readonly topicLevelsMax: number;
}

/** The settings that bound topics and messages, as the configuration names them. */
export interface TopicSettings {
  readonly 'mqtt.max_topic_length': number;
  readonly 'mqtt.max_topic_levels': number;
}

/** What every topic name and topic filter of a client is held to. */
export function topicLimits(settings: TopicSettings): TopicLimits {
  return {
    topicBytesMax: settings['mqtt.max_topic_length'],
    topicLevelsMax: settings['mqtt.max_topic_levels'],
  };
}

/** What the specification has, and no more than that. */
export const NO_TOPIC_LIMITS: TopicLimits = {
  topicBytesMax: Number.POSITIVE_INFINITY,
  topicLevelsMax: Number.POSITIVE_INFINITY,
};

const SLASH = 0x2f;
const PLUS = 0x2b;
const HASH = 0x23;

/**
 * Whether `bytes[start, end)` may be published to: not empty [MQTT-4.7.3-1], no wildcard [MQTT-3.3.2-2], UTF-8
 * without U+0000 [MQTT-4.7.3-2], within the limits.
 */
export function checkTopicName(bytes: Uint8Array, start: number, end: number, limits: TopicLimits): boolean {
  if (start >= end || end - start > Math.min(TOPIC_BYTES_MAX, limits.topicBytesMax)) return false;
  let levels = 1;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]!;
    if (byte === PLUS || byte === HASH) return false;
    if (byte === SLASH) levels += 1;
  }
  return levels <= limits.topicLevelsMax && isValidUtf8Mqtt(bytes, start, end);
}

/**
 * Whether `filter` is a topic filter: not empty, `+` and `#` only as whole levels, `#` only as the last one
 * [MQTT-4.7.1-1] [MQTT-4.7.1-2] (v3: -2 and -3), no U+0000, no lone surrogate, within the limits.
 */
export function checkTopicFilter(filter: string, limits: TopicLimits): boolean {
  if (filter.length === 0) return false;
  let utf8Bytes = 0;
  let levels = 1;
  for (let at = 0; at < filter.length; at += 1) {
    const unit = filter.charCodeAt(at);
    if (unit === 0) return false;
    if (unit === SLASH) levels += 1;
    else if ((unit === PLUS || unit === HASH) && !isWholeLevel(filter, at, unit)) return false;
    const size = utf8Size(filter, at, unit);
    if (size === 0) return false;
    if (size === 4) at += 1;
    utf8Bytes += size;
  }
  return utf8Bytes <= Math.min(TOPIC_BYTES_MAX, limits.topicBytesMax) && levels <= limits.topicLevelsMax;
}

function isWholeLevel(filter: string, at: number, wildcard: number): boolean {
  if (at > 0 && filter.charCodeAt(at - 1) !== SLASH) return false;
  if (at + 1 === filter.length) return true;
  return wildcard === PLUS && filter.charCodeAt(at + 1) === SLASH;
}

/** UTF-8 bytes of the character whose first UTF-16 unit is `unit`: 4 for a surrogate pair, 0 for half of one. */
function utf8Size(text: string, at: number, unit: number): 0 | 1 | 2 | 3 | 4 {
  if (unit < 0x80) return 1;
  if (unit < 0x800) return 2;
  if (unit < 0xd800 || unit > 0xdfff) return 3;
  if (unit > 0xdbff || at + 1 === text.length) return 0;
  const next = text.charCodeAt(at + 1);
  return next >= 0xdc00 && next <= 0xdfff ? 4 : 0;
}

/** What the topic filter of a SUBSCRIBE asks for, its prefixes taken off. */
export interface ParsedSubscription {
  readonly filter: string;
  /** Name of the share group, null for a subscription of one's own. */
  readonly group: string | null;
  /** Only messages published on this node. */
  readonly local: boolean;
}

/**
 * Takes `$share/{group}/`, `$queue/` and `$local/` off, in any order, each kind at most once.
 * @returns null when a prefix is doubled, a group name is empty or holds `+` or `#` [MQTT-4.8.2-2], or nothing is
 * left to subscribe to. Whether what is left is a valid filter is `checkTopicFilter`'s to say.
 */
export function parseSubscription(text: string): ParsedSubscription | null {
  let group: string | null = null;
  let local = false;
  let rest = text;
  for (;;) {
    if (rest.startsWith('$local/')) {
      if (local) return null;
      local = true;
      rest = rest.slice(7);
    } else if (rest.startsWith('$queue/')) {
      if (group !== null) return null;
      group = QUEUE_GROUP;
      rest = rest.slice(7);
    } else if (rest.startsWith('$share/')) {
      const nameEnd = rest.indexOf('/', 7);
      if (group !== null || nameEnd <= 7) return null;
      group = rest.slice(7, nameEnd);
      if (group.includes('+') || group.includes('#')) return null;
      rest = rest.slice(nameEnd + 1);
    } else {
      return rest === '' ? null : { filter: rest, group, local };
    }
  }
}

/**
 * The definition of matching, for what is not worth a tree and as the oracle of the tree's tests. Both must be valid.
 * A leading wildcard does not match a topic that begins with `$` [MQTT-4.7.2-1]; `a/#` matches `a`.
 */
export function filterMatches(filter: string, topic: string): boolean {
  const wanted = filter.split('/');
  const levels = topic.split('/');
  if (topic.startsWith('$') && (wanted[0] === '+' || wanted[0] === '#')) return false;
  for (let at = 0; at < wanted.length; at += 1) {
    if (wanted[at] === '#') return true;
    if (at >= levels.length) return false;
    if (wanted[at] !== '+' && wanted[at] !== levels[at]) return false;
  }
  return wanted.length === levels.length;
}
