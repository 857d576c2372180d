/** Makes connections of links that begin with a CONNECT packet. Runs on the shard's thread. */
import type { RelayOpened } from '../../src/actor/peer-protocol.js';
import { asConnectionNumber, type ConnectionNumber } from '../../src/protocol/ids.js';
import type { Core } from '../core.js';
import type { Link } from '../transport/link.js';
import { Connection } from './connection.js';
import type { ListenerOptions } from './listener-options.js';
import type { Origin } from './origin.js';
import type { PacketHandler } from './packet-handler.js';

const NO_BYTES = Buffer.alloc(0);
/** Only where its connection ends it has one. */
const NO_NUMBER = asConnectionNumber(0);

export class Intake {
  private readonly relayedListeners: readonly ListenerOptions[];
  private isStopped = false;

  constructor(
    private readonly core: Core,
    private readonly packets: PacketHandler,
  ) {
    // Whether the client takes what is sent is seen where its connection ends.
    this.relayedListeners = core.listeners.map((options) => ({ ...options, sendTimeoutMs: 0 }));
  }

  /**
   * Takes over a link of which the first `headBytes` of `head` have been read: a CONNECT packet, whole or not, and
   * perhaps more. `ageMs`: how much of the time to CONNECT has passed.
   */
  adopt(link: Link, origin: Origin, head: Buffer, headBytes: number, ageMs: number): void {
    const connection = new Connection(this.core, this.packets, link, origin);
    link.handler = connection;
    this.core.connections.add(connection);
    if (this.isStopped) {
      connection.abort('server_shutdown');
      return;
    }
    connection.startKeepAlive(Math.max(1, this.core.config['mqtt.client.idle_timeout'] - ageMs));
    connection.onBytes(head, 0, headBytes);
  }

  /** Whoever comes from now on, from main or another shard, is turned away. */
  stop(): void {
    this.isStopped = true;
  }

  /** Takes over a client whose connection ends at another shard; `link` brings what it sends, CONNECT first. */
  adoptRelayed(link: Link, opened: RelayOpened, closed: (reason: string) => void): void {
    const { listener, peerAddress, peerPort, assignedClientId, certificateUsername, ageMs } = opened;
    const options = this.relayedListeners[listener]!;
    const origin = {
      listener,
      options,
      peerAddress,
      peerPort,
      assignedClientId,
      certificateUsername,
      number: NO_NUMBER,
      ends: { closed: (_number: ConnectionNumber, reason: string) => closed(reason) },
    };
    this.adopt(link, origin, NO_BYTES, 0, ageMs);
  }
}
