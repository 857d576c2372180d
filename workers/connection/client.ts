/**
 * Who a client is, for those who decide about it. Made when somebody asks; outlives the connection where a will does.
 * Runs on the shard's thread.
 */
import type { ClientInfo } from '../../src/plugins/api.js';
import { type Author, authorOf } from '../../src/protocol/author.js';
import type { ClientId } from '../../src/protocol/ids.js';
import type { Connect } from '../../src/protocol/mqtt/connect.js';
import { type ParsedSubscription, QUEUE_GROUP } from '../../src/protocol/topic.js';
import type { ClientRecord } from '../../src/storage/session-record.js';
import type { ClientAccess } from '../access/client-access.js';
import type { Session } from '../session/session.js';
import type { Connection } from './connection.js';

export class Client {
  /** Made when it is first asked about. */
  access: ClientAccess | null = null;
  private names: Author | null = null;

  constructor(
    readonly info: ClientInfo,
    /** May do everything. */
    readonly isSuperuser: boolean,
    /** Stands before all its topics; empty: none. */
    readonly mountpoint: Buffer,
  ) {}

  /** What messages that it publishes say of it. */
  get author(): Author {
    this.names ??= authorOf(this.info.clientId, this.info.username);
    return this.names;
  }

  /** @returns a topic name as the client knows it; one outside of its mountpoint as it is. */
  unmounted(topic: string): string {
    if (this.mountpoint.length === 0) return topic;
    const prefix = this.mountpoint.toString('utf8');
    return topic.startsWith(prefix) && topic.length > prefix.length ? topic.slice(prefix.length) : topic;
  }

  /** @returns a subscription as the client would write it. */
  filterText({ filter, group, local }: ParsedSubscription): string {
    const share = group === null ? '' : group === QUEUE_GROUP ? '$queue/' : `$share/${group}/`;
    return `${local ? '$local/' : ''}${share}${this.unmounted(filter)}`;
  }
}

/** @returns a client as it was kept */
export function keptClient({ info, isSuperuser, mountpoint }: ClientRecord): Client {
  return new Client(info, isSuperuser, mountpoint);
}

/** @returns whose session it is, or was while its client is away; null: nobody has kept it. */
export function clientOfSession(session: Session): Client | null {
  return session.connection === null ? session.client : clientOf(session.connection);
}

/** @returns the client of a connection that has a session. */
export function clientOf(connection: Connection): Client {
  if (connection.client === null) {
    const { clientId } = connection.session!;
    const { username, cleanStart, keepAliveSeconds } = connection;
    const info = infoOf(connection, { clientId, username, cleanStart, keepAliveSeconds });
    connection.client = new Client(info, connection.isSuperuser, connection.options.mountpoint);
  }
  return connection.client;
}

/** @returns a client whose CONNECT is refused; `clientId` is null where it is none. */
export function refusedInfo(connection: Connection, connect: Connect, clientId: ClientId | null): ClientInfo {
  const { cleanStart, keepAliveSeconds } = connect;
  const username = usernameOf(connection, connect);
  return infoOf(connection, { clientId: clientId ?? '', username, cleanStart, keepAliveSeconds });
}

/** @returns the name that counts: of its certificate where the listener takes it from there. */
export function usernameOf(connection: Connection, connect: Connect): string | null {
  return connection.origin.certificateUsername ?? connect.username;
}

function infoOf(
  connection: Connection,
  known: Pick<ClientInfo, 'clientId' | 'username' | 'cleanStart' | 'keepAliveSeconds'>,
): ClientInfo {
  return Object.freeze({
    clientId: known.clientId,
    username: known.username,
    peerAddress: connection.origin.peerAddress,
    peerPort: connection.origin.peerPort,
    listener: connection.options.key,
    protocolVersion: connection.version,
    cleanStart: known.cleanStart,
    keepAliveSeconds: known.keepAliveSeconds,
    connectedAtMs: connection.connectedAtMs,
  });
}
