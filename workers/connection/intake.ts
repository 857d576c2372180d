/**
 * Takes over connections from main: publishes the hand-over's number, adopts the descriptor, feeds the bytes that main
 * has read. Runs on the shard's thread.
 */
import type { ConnectionHandover } from '../../src/actor/shard-protocol.js';
import type { Core } from '../core.js';
import type { OpenLink } from '../seams.js';
import type { Link, LinkHandler } from '../transport/link.js';
import { Connection } from './connection.js';
import { type ListenerOptions, listenerOptions } from './listener-options.js';
import type { PacketHandler } from './packet-handler.js';

/** Stands between the link and a connection that can only be made with it. */
class LateHandler implements LinkHandler {
  target: LinkHandler | null = null;

  onBytes(bytes: Buffer, start: number, end: number): void {
    this.target?.onBytes(bytes, start, end);
  }

  onDrain(): void {
    this.target?.onDrain();
  }

  onLinkClosed(end: string): void {
    this.target?.onLinkClosed(end);
  }
}

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
    const options = this.listeners[handover.listener]!;
    const late = new LateHandler();
    const link = this.open(handover, options, late);
    if (link === null) {
      core.main.closed(handover.number, handover.listener, 'descriptor_failed');
      return;
    }
    const { number, listener, peerAddress, peerPort, assignedClientId, head } = handover;
    const connection = new Connection(
      core,
      this.packets,
      link,
      number,
      listener,
      options,
      peerAddress,
      peerPort,
      assignedClientId,
    );
    late.target = connection;
    core.connections.add(connection);
    connection.startKeepAlive(Math.max(1, this.idleTimeoutMs - handover.ageMs));
    connection.onBytes(Buffer.from(head.buffer, head.byteOffset, head.byteLength), 0, head.byteLength);
  }

  private open(handover: ConnectionHandover, options: ListenerOptions, handler: LinkHandler): Link | null {
    try {
      return this.openLink(handover.fd, options.nodelay, handler);
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
