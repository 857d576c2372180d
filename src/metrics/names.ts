/** The names under which EMQ 2.3 counts, in its order. Any thread. */

/** Counters since start, but for `messages/retained`, which is a gauge. */
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

/** Statistics: what there is now, and the most there has been since start (`/max`). */
export const STATS = [
  'clients',
  'retained',
  'routes',
  'sessions',
  'subscribers',
  'subscriptions',
  'topics',
] as const;

export type StatName = (typeof STATS)[number];
