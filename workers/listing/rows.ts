/** What a shard says of one client and of one session. Runs on the shard's thread. */
import type { ClientRow, SessionRow } from '../../src/actor/list-protocol.js';
import type { Connection } from '../connection/connection.js';
import type { Core } from '../core.js';
import type { Session } from '../session/session.js';
import { WINDOW_UNLIMITED } from '../session/session-table.js';

export function clientRow(session: Session, connection: Connection): ClientRow {
  return {
    clientId: session.clientId,
    username: connection.username,
    peerAddress: connection.origin.peerAddress,
    peerPort: connection.origin.peerPort,
    cleanStart: connection.cleanStart,
    protocolVersion: connection.version,
    keepAliveSeconds: connection.keepAliveSeconds,
    connectedAtMs: connection.connectedAtMs,
    listener: connection.options.key,
  };
}

export function sessionRow(core: Core, session: Session): SessionRow {
  return {
    clientId: session.clientId,
    isClean: !session.durable,
    isOnline: session.online,
    subscriptions: core.router.countOf(session),
    inflightMax: session.windowMax === WINDOW_UNLIMITED ? 0 : session.windowMax,
    inflight: session.inflight?.size ?? 0,
    queued: session.queue?.size ?? 0,
    dropped: session.dropped,
    awaitingRel: session.awaitingRel?.size ?? 0,
    delivered: session.delivered,
    enqueued: session.enqueued,
    createdAtMs: session.createdAtMs,
  };
}
