/**
 * Tells who comes and goes on `$SYS/brokers/<node>/clients/<ClientId>/connected` and `disconnected`, in EMQ's words.
 * Runs on the shard's thread.
 */
import type { ClientId } from '../../src/protocol/ids.js';
import { createMessage } from '../../src/protocol/message.js';
import type { Connect } from '../../src/protocol/mqtt/connect.js';
import { connackReturnCode, type ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import type { Core } from '../core.js';
import type { Session } from '../session/session.js';
import type { Connection } from './connection.js';

/** EMQ's word for what is not set. */
const UNSET = 'undefined';

export class Presence {
  private readonly isOn: boolean;
  private readonly qos: number;
  private readonly prefix: string;

  constructor(private readonly core: Core) {
    this.isOn = core.config['module.presence'];
    this.qos = core.config['module.presence.qos'];
    this.prefix = `$SYS/brokers/${core.config['node.name']}/clients/`;
  }

  /** Also for clients that are refused: `connack` says so. */
  connected(connection: Connection, connect: Connect, clientId: ClientId, reason: ReasonCode): void {
    if (!this.isOn) return;
    this.publish(`${clientId}/connected`, {
      clientid: clientId,
      username: connect.username ?? UNSET,
      ipaddress: connection.origin.peerAddress,
      clean_sess: connect.cleanStart,
      protocol: connect.version,
      connack: connect.version === 5 ? reason : connackReturnCode(reason),
      ts: Math.floor(this.core.turn.wallMs / 1000),
    });
  }

  /** Not for a connection that another one of the same client has taken over. */
  disconnected(connection: Connection, session: Session): void {
    if (!this.isOn || connection.endReason === 'conflict') return;
    this.publish(`${session.clientId}/disconnected`, {
      clientid: session.clientId,
      username: connection.username ?? UNSET,
      reason: connection.endReason,
      ts: Math.floor(this.core.turn.wallMs / 1000),
    });
  }

  private publish(topic: string, body: Record<string, string | number | boolean>): void {
    // A ClientId may hold characters that no topic name may.
    if (/[+#\0]/.test(topic)) return;
    const payload = Buffer.from(JSON.stringify(body), 'utf8');
    this.core.publisher.publishOwn(
      createMessage({
        topic: this.prefix + topic,
        payload,
        qos: this.qos,
        retain: false,
        receivedAtMs: this.core.turn.wallMs,
      }),
    );
  }
}
