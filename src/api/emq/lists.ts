/** Rows of lists in EMQ's words: keys, their order, units and texts. Main thread. */
import type { ClientRow, RouteRow, SessionRow, SubscriptionRow } from '../../actor/list-protocol.js';
import { dateTimeText } from '../../sys/time-text.js';
import { objectOf, type Schema, text, whole, yesNo } from '../schema.js';

export const CLIENT_SCHEMA: Schema = objectOf({
  client_id: text('its ClientId', 'meter-1'),
  username: text('`undefined` where it has none', 'undefined'),
  ipaddress: text('its own, also behind a proxy', '127.0.0.1'),
  port: whole('its own'),
  clean_sess: yesNo('Clean Session or Clean Start of its CONNECT'),
  proto_ver: whole('3: MQTT 3.1, 4: 3.1.1, 5: 5'),
  keepalive: whole('seconds'),
  connected_at: text('local time', '2026-11-23 07:37:26'),
});

export function emqClient(row: ClientRow): object {
  return {
    client_id: row.clientId,
    username: row.username ?? 'undefined',
    ipaddress: row.peerAddress,
    port: row.peerPort,
    clean_sess: row.cleanStart,
    proto_ver: row.protocolVersion,
    keepalive: row.keepAliveSeconds,
    connected_at: dateTimeText(row.connectedAtMs),
  };
}

export const SESSION_SCHEMA: Schema = objectOf({
  client_id: text('whose it is', 'meter-1'),
  clean_sess: yesNo('it ends with its connection'),
  subscriptions: whole('topic filters'),
  max_inflight: whole('messages that may be under way to the client; 0: no limit'),
  inflight_len: whole('messages that are, QoS 1 and 2'),
  mqueue_len: whole('messages that wait'),
  mqueue_dropped: whole('messages that its full queue has dropped'),
  awaiting_rel_len: whole('messages of QoS 2 from the client that wait for PUBREL'),
  deliver_msg: whole('deliveries since it was made, repeated ones included'),
  enqueue_msg: whole('messages that were to be put into its queue'),
  created_at: text('local time', '2026-11-23 07:37:26'),
});

export function emqSession(row: SessionRow): object {
  return {
    client_id: row.clientId,
    clean_sess: row.isClean,
    subscriptions: row.subscriptions,
    max_inflight: row.inflightMax,
    inflight_len: row.inflight,
    mqueue_len: row.queued,
    mqueue_dropped: row.dropped,
    awaiting_rel_len: row.awaitingRel,
    deliver_msg: row.delivered,
    enqueue_msg: row.enqueued,
    created_at: dateTimeText(row.createdAtMs),
  };
}

export const SUBSCRIPTION_SCHEMA: Schema = objectOf({
  client_id: text('whose it is', 'meter-1'),
  topic: text('topic filter, without `$share/group/`, `$queue/` or `$local/`', 'demo/#'),
  qos: whole('0, 1 or 2'),
});

export function emqSubscription({ clientId, filter, qos }: SubscriptionRow): object {
  return { client_id: clientId, topic: filter, qos };
}

export const ROUTE_SCHEMA: Schema = objectOf({
  topic: text('topic filter; `$local/` stands before those that only such subscriptions have', 'demo/#'),
  node: text('where there are subscriptions to it', 'shardmq@127.0.0.1'),
});

export function emqRoute({ filter, isLocal }: RouteRow, node: string): object {
  return { topic: isLocal ? `$local/${filter}` : filter, node };
}
