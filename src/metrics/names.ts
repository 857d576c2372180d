/** Names and order of the broker's counters and statistics: EMQ's, so that its tools go on working. Any thread. */

/** Counters since start, but for `messages/retained`. */
export const METRICS = [
  'bytes/received',
  'bytes/sent',
  'packets/received',
  'packets/sent',
  'packets/connect',
  'packets/connack',
  'packets/publish/received',
  'packets/publish/sent',
  'packets/puback/received',
  'packets/puback/sent',
  'packets/puback/missed',
  'packets/pubrec/received',
  'packets/pubrec/sent',
  'packets/pubrec/missed',
  'packets/pubrel/received',
  'packets/pubrel/sent',
  'packets/pubrel/missed',
  'packets/pubcomp/received',
  'packets/pubcomp/sent',
  'packets/pubcomp/missed',
  'packets/subscribe',
  'packets/suback',
  'packets/unsubscribe',
  'packets/unsuback',
  'packets/pingreq',
  'packets/pingresp',
  'packets/disconnect',
  'messages/received',
  'messages/sent',
  'messages/qos0/received',
  'messages/qos0/sent',
  'messages/qos1/received',
  'messages/qos1/sent',
  'messages/qos2/received',
  'messages/qos2/sent',
  'messages/qos2/dropped',
  'messages/dropped',
  'messages/retained',
] as const;

export type MetricName = (typeof METRICS)[number];

/** Things that are counted as they are now; each has a `/count` and a `/max`, the highest count since start. */
export const STAT_SUBJECTS = [
  'clients',
  'retained',
  'routes',
  'sessions',
  'subscribers',
  'subscriptions',
  'topics',
] as const;

export type StatSubject = (typeof STAT_SUBJECTS)[number];
export type StatName = `${StatSubject}/${'count' | 'max'}`;

/** All 14, sorted by name. */
export const STATS: readonly StatName[] = STAT_SUBJECTS.flatMap((subject): StatName[] => [
  `${subject}/count`,
  `${subject}/max`,
]);
