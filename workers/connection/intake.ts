/** Makes connections of links that begin with a CONNECT packet. Runs on the shard's thread. */
import type { Core } from '../core.js';
import type { Link } from '../transport/link.js';
import { Connection } from './connection.js';
import type { Origin } from './origin.js';
import type { PacketHandler } from './packet-handler.js';

export class Intake {
  private readonly idleTimeoutMs: number;

  constructor(
    private readonly core: Core,
    private readonly packets: PacketHandler,
  ) {
    this.idleTimeoutMs = core.config['mqtt.client.idle_timeout'];
  }

  /**
   * Takes over a link of which `head` has been read: a CONNECT packet, whole or not, and perhaps more. `ageMs`: how much
   * of the time to CONNECT has passed.
   */
  adopt(link: Link, origin: Origin, head: Buffer, ageMs: number): void {
    const connection = new Connection(this.core, this.packets, link, origin);
    link.handler = connection;
    this.core.connections.add(connection);
    connection.startKeepAlive(Math.max(1, this.idleTimeoutMs - ageMs));
    connection.onBytes(head, 0, head.length);
  }
}
