/**
 * Writes the PUBLISH of one message to connections, encoded once for all that can share it. Part of the hottest code of
 * the broker: no allocation for QoS 0. Runs on the shard's thread.
 */
import { OUTPUT_COPY_BYTES_MAX } from '../../src/limits.js';
import { expirySecondsLeft } from '../../src/protocol/message.js';
import { encodePublish, publishFrameBytes } from '../../src/protocol/mqtt/encode-publish.js';
import { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import type { Connection } from '../connection/connection.js';
import { mountedStart } from '../connection/listener-options.js';
import type { Core } from '../core.js';
import { DeliveryNotice } from '../hooks/delivery-notice.js';
import type { Hooks } from '../hooks/hooks.js';
import type { Identifiers } from '../session/exchange.js';
import { FrameCache, variantOf } from './frame-cache.js';

export class PublishWriter {
  /** The message in hand. */
  view = new PublishView();
  private readonly frames = new FrameCache();
  private readonly notice = new DeliveryNotice();
  private readonly hooks: Hooks;
  private shared = false;

  constructor(private readonly core: Core) {
    this.hooks = core.hooks;
  }

  /** Takes a message in hand. `isShared`: it may go to several connections. */
  begin(view: PublishView, isShared: boolean): void {
    this.view = view;
    this.shared = isShared;
    if (this.hooks.delivered !== null) this.notice.begin();
    if (isShared) this.frames.begin(view, this.core.turn.wallMs);
  }

  /** @returns false, and counts it, when it is too large for this client (v5 [MQTT-3.1.2-24]) */
  fits(connection: Connection, qos: number, identifiers: Identifiers): boolean {
    if (this.isWithinLimit(connection, qos, identifiers, 0)) return true;
    this.core.counters.oversizeDropped++;
    return false;
  }

  private isWithinLimit(connection: Connection, qos: number, ids: Identifiers, alias: number): boolean {
    if (!connection.hasPacketLimit) return true;
    const { version, maximumPacketBytes } = connection;
    const expiry = this.expiry(connection);
    return publishFrameBytes(this.view, version, qos, ids, alias, true, expiry) <= maximumPacketBytes;
  }

  private expiry(connection: Connection): number {
    return connection.version === 5 ? expirySecondsLeft(this.view.expiresAtMs, this.core.turn.wallMs) : -1;
  }

  /** Appends the frame to the connection's output. Its size has been checked for QoS 1 and 2. */
  write(
    connection: Connection,
    qos: number,
    retain: boolean,
    dup: boolean,
    packetId: number,
    identifiers: Identifiers,
  ): void {
    if (connection.isPlain && identifiers === null && this.shared) {
      this.writeShared(connection, qos, retain, packetId);
    } else if (connection.isPlain) {
      this.writeOwn(connection, qos, retain, dup, packetId, identifiers, 0, true);
    } else if (!this.writeSpecial(connection, qos, retain, dup, packetId, identifiers)) {
      return;
    }
    if (!this.view.isSys) this.core.counters.sentQos[qos]!++;
    const { delivered } = this.hooks;
    if (delivered !== null) this.notice.tell(delivered, connection.session!.clientId, this.view, qos, retain);
  }

  private writeShared(connection: Connection, qos: number, retain: boolean, packetId: number): void {
    const { frames } = this;
    const { output } = connection;
    frames.select(variantOf(connection.version === 5, qos, retain));
    if (qos === 0 && frames.isOwned) {
      output.appendOwned(frames.bytes);
      return;
    }
    if (frames.isOwned) {
      this.writeOwn(connection, qos, retain, false, packetId, null, 0, true);
      return;
    }
    output.append(frames.bytes, frames.start, frames.end);
    if (qos === 0) return;
    // The copy is the last thing in the chunk.
    const at = output.length - frames.idFromEnd;
    output.chunk![at] = packetId >> 8;
    output.chunk![at + 1] = packetId & 0xff;
  }

  private writeOwn(
    connection: Connection,
    qos: number,
    retain: boolean,
    dup: boolean,
    packetId: number,
    identifiers: Identifiers,
    alias: number,
    writeTopic: boolean,
  ): void {
    const { view } = this;
    const { version, output } = connection;
    const expiry = this.expiry(connection);
    const size = publishFrameBytes(view, version, qos, identifiers, alias, writeTopic, expiry);
    const isCopied = size <= OUTPUT_COPY_BYTES_MAX;
    const at = isCopied ? output.reserve(size) : 0;
    const frame = isCopied ? output.chunk! : Buffer.allocUnsafeSlow(size);
    encodePublish(
      frame,
      at,
      view,
      version,
      qos,
      retain,
      dup,
      packetId,
      identifiers,
      alias,
      writeTopic,
      expiry,
    );
    if (!isCopied) output.appendOwned(frame);
  }

  /** Connections with a mountpoint, topic aliases or a packet limit: nothing is shared with others. */
  private writeSpecial(
    connection: Connection,
    qos: number,
    retain: boolean,
    dup: boolean,
    packetId: number,
    identifiers: Identifiers,
  ): boolean {
    const { view } = this;
    if (qos === 0 && !this.fits(connection, 0, identifiers)) return false;
    const topicStart = view.topicStart;
    view.topicStart = mountedStart(connection.options.mountpoint, view);
    const aliases = connection.aliasesOut;
    // A new alias travels beside the topic and must not take the packet over the limit (v5 [MQTT-3.1.2-24]).
    if (aliases === null || !this.isWithinLimit(connection, qos, identifiers, 1)) {
      this.writeOwn(connection, qos, retain, dup, packetId, identifiers, 0, true);
    } else {
      const isNew = aliases.assign(view.topicBytes, view.topicStart, view.topicEnd);
      const alias = aliases.alias;
      // A packet identifier that is sent again must mean the same without the aliases of a lost connection.
      this.writeOwn(connection, qos, retain, dup, packetId, identifiers, alias, isNew || alias === 0);
    }
    view.topicStart = topicStart;
    return true;
  }
}
