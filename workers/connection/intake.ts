/**
 * Takes over connections from main: publishes the hand-over's number, adopts the descriptor, feeds the bytes that main
 * has read. Runs on the shard's thread.
 */
import type { ConnectionHandover } from '../../src/actor/shard-protocol.js';
import type { Core } from '../core.js';
import type { OpenLink } from '../seams.js';
import type { Link } from '../transport/link.js';
import { Connection } from './connection.js';
import { type ListenerOptions, listenerOptions } from './listener-options.js';
import type { Origin } from './origin.js';
import type { PacketHandler } from './packet-handler.js';

export class Intake {
  private readonly adopted: Uint32Array;
  private readonly listeners: readonly ListenerOptions[];
  private readonly idleTimeoutMs: number;

  constructor(
    private readonly core: Core,
    private readonly packets: PacketHandler,
    private readonly openLink: OpenLink,
    handover: SharedArrayBuffer,
  ) {
    this.adopted = new Uint32Array(handover);
    this.listeners = core.config.listeners.map(listenerOptions);
    this.idleTimeoutMs = core.config['mqtt.client.idle_timeout'];
  }

  /** A descriptor that cannot be opened ends this client and nothing else. */
  take(handover: ConnectionHandover): void {
    const { core } = this;
    core.turn.enter();
    // From here on the descriptor is this shard's: main must not close it any more, even if this thread dies now.
    Atomics.store(this.adopted, 0, handover.number >>> 0);
    const { head } = handover;
    const origin = this.originOf(handover);
    const link = this.open(handover, origin.options);
    if (link === null) origin.closed('descriptor_failed');
    else this.adopt(link, origin, Buffer.from(head.buffer, head.byteOffset, head.byteLength), handover.ageMs);
  }

  /**
   * Makes a connection of a link of which `head` has been read: it begins with a CONNECT packet, whole or not.
   * `ageMs`: how much of the time to CONNECT has passed.
   */
  adopt(link: Link, origin: Origin, head: Buffer, ageMs: number): void {
    const connection = new Connection(this.core, this.packets, link, origin);
    link.handler = connection;
    this.core.connections.add(connection);
    connection.startKeepAlive(Math.max(1, this.idleTimeoutMs - ageMs));
    connection.onBytes(head, 0, head.length);
  }

  private originOf(handover: ConnectionHandover): Origin {
    const { number, listener, peerAddress, peerPort, assignedClientId, certificateUsername } = handover;
    const { main } = this.core;
    const options = this.listeners[listener]!;
    const closed = (reason: string): void => main.closed(number, listener, reason);
    return { listener, options, peerAddress, peerPort, assignedClientId, certificateUsername, closed };
  }

  private open(handover: ConnectionHandover, options: ListenerOptions): Link | null {
    try {
      return this.openLink(handover.fd, options.nodelay);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.core.main.log('warn', 'a connection could not be taken over', {
        peer: handover.peerAddress,
        reason,
      });
      return null;
    }
  }
}
