/**
 * One client's connection: takes bytes from its link, walks the packets in them, and answers. It knows its session once
 * CONNECT is accepted. A chunk that cannot be finished in this turn waits here, with the link paused. Runs on the
 * shard's thread.
 */
import { WheelItem } from '../../src/base/timer-wheel.js';
import { LINK_CLOSE_TIMEOUT_MS, PACKET_BYTES_MAX, SUBACKS_PENDING_MAX } from '../../src/limits.js';
import { writeAck } from '../../src/protocol/mqtt/encode-ack.js';
import { encodeDisconnect } from '../../src/protocol/mqtt/encode-control.js';
import {
  FRAME_NEED_MORE,
  FRAME_OK,
  FRAME_TOO_LARGE,
  FrameHeader,
  readFrame,
} from '../../src/protocol/mqtt/frame.js';
import { type AckType, PacketType, type ProtocolVersion } from '../../src/protocol/mqtt/packet-type.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import type { Core } from '../core.js';
import type { Judgement } from '../publish/review.js';
import type { Session } from '../session/session.js';
import type { Link, LinkEnd, LinkHandler } from '../transport/link.js';
import { Output } from '../transport/output.js';
import type { Runnable } from '../turn.js';
import type { Client } from './client.js';
import type { ConnectionRate } from './connection-rate.js';
import { endReasonOf } from './end-reason.js';
import type { ListenerOptions } from './listener-options.js';
import type { Origin } from './origin.js';
import { HANDLED_STALL, type PacketHandler, STALLED } from './packet-handler.js';
import { PendingInput } from './pending-input.js';
import type { AliasesIn, AliasesOut } from './topic-aliases.js';

/**
 * What keeps a connection from being read, as bits: a packet that is not done with, too many packets or bytes per
 * second, too many SUBSCRIBEs that wait for other shards, a client that does not read what it has caused, too many
 * acknowledgements that wait for the store.
 */
const STALL_PACKET = 1;
export const STALL_RATE = 2;
const STALL_SUBACKS = 4;
const STALL_OUTPUT = 8;
export const STALL_ACKS = 16;

// Shared by all connections: a packet is handled to its end before the next is looked at.
const frame = new FrameHeader();

export class Connection extends WheelItem implements LinkHandler, Runnable {
  // First what each delivery looks at, as in Session.
  readonly output: Output;
  /** No mountpoint, no aliases, no packet limit: frames can be shared with others. */
  isPlain = true;
  version: ProtocolVersion = 4;
  session: Session | null = null;
  // The turn's.
  queued = false;
  readonly options: ListenerOptions;
  username: string | null = null;
  cleanStart = true;
  /** A broker's bridge: gets RETAIN as published. */
  isBridge = false;
  /** Its CONNACK said so (v5). */
  isRetainUnavailable = false;
  keepAliveSeconds = 0;
  /** Milliseconds of silence after which the client counts as gone; 0: never. */
  silenceMs = 0;
  /** Monotonic milliseconds of the last byte from the client. */
  lastReadMs: number;
  /** Wall clock, milliseconds since 1970. */
  readonly connectedAtMs: number;
  maximumPacketBytes = PACKET_BYTES_MAX;
  hasPacketLimit = false;
  /** Request Problem Information 0: reason strings and user properties stay here (v5 [MQTT-3.1.2-29]). */
  wantsProblemInformation = true;
  aliasesIn: AliasesIn | null = null;
  aliasesOut: AliasesOut | null = null;
  /** QoS 1 and 2 messages from the client that are not acknowledged in full. */
  inboundOpen = 0;
  /** Most of them in MQTT 5: the Receive Maximum that the client was told. */
  receiveMaximum = 0;
  /** Acknowledgements that wait for the store; later ones keep their place behind them. */
  gatedAcks = 0;
  /** Hash of the ClientId, for share groups that choose by it. */
  clientHash = 0;
  /** May do everything. */
  isSuperuser = false;
  /** Made by `clientOf`. */
  client: Client | null = null;
  /** What has been decided about the PUBLISH that waits, or that it is being decided; null: nothing waits. */
  judged: Judgement | null = null;
  /** Largest packet the client may send now, in bytes: at first a CONNECT. */
  packetBytesMax: number;
  /** Null: no limit. */
  rate: ConnectionRate | null = null;
  /** CONNACK 0 was sent. */
  isAccepted = false;
  isOpen = true;
  /** Why the connection ended, for the listener's counts and the log. */
  endReason = '';

  private subacksPending = 0;
  private pending: PendingInput | null = null;
  /** Bytes of the packet that was found not to be whole; 0 while its header is not. */
  private wantedBytes = 0;
  /** Nothing is read or handled until `run` says so. */
  private isStopped = false;
  /** Of the STALL_ bits. */
  private stalls = 0;
  private isEnding = false;

  constructor(
    readonly core: Core,
    private readonly handler: PacketHandler,
    readonly link: Link,
    readonly origin: Origin,
  ) {
    super();
    this.options = origin.options;
    this.output = new Output(core.outputs, link);
    this.lastReadMs = core.turn.nowMs;
    this.connectedAtMs = core.turn.wallMs;
    this.isPlain = this.options.mountpoint.length === 0;
    this.packetBytesMax = core.sessions.connectBytesMax;
  }

  /** The reader is behind by more than its share: QoS 0 for it is dropped, the rest waits in its session. */
  get isSlow(): boolean {
    return this.output.waitingBytes > this.core.outputs.slowBytes;
  }

  /** Bytes that wait because of this client: it does not read, or its packet is not whole. */
  get waitingBytes(): number {
    return this.output.waitingBytes + (this.pending === null ? 0 : this.pending.size);
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    const { turn, counters } = this.core;
    turn.enter();
    this.lastReadMs = turn.nowMs;
    counters.bytesReceived += end - start;
    if (!this.isOpen || this.isEnding) return;
    if (this.pending !== null && !this.isStopped) start = this.complete(bytes, start, end);
    if (start < end && this.pending === null && !this.isStopped && !this.isEnding) {
      start = this.walk(bytes, start, end);
    }
    if (start === end || !this.isOpen || this.isEnding) return;
    this.keep(bytes, start, end);
    if (this.isStopped) this.link.pause();
  }

  /** Goes on with what an earlier turn left. */
  run(): boolean {
    if (this.stalls !== 0 || !this.isOpen || this.isEnding) return false;
    this.isStopped = false;
    this.walkPending();
    if (this.pending === null && !this.isStopped) this.link.resume();
    return false;
  }

  onDrain(): void {
    if (!this.isOpen || !this.output.blocked) return;
    this.core.turn.enter();
    this.output.onDrain();
    if (this.isSlow) return;
    this.unstall(STALL_OUTPUT);
    if (this.session !== null) this.core.turn.queue(this.session);
  }

  onLinkClosed(end: LinkEnd): void {
    this.core.turn.enter();
    this.finish(end);
  }

  override onDeadline(nowMs: number): void {
    this.core.turn.enter();
    // The time to CONNECT includes that of its authentication, and nothing prolongs it.
    if (this.isEnding || !this.isAccepted) {
      this.abort('idle_timeout');
      return;
    }
    // While it is the broker that has stopped reading, silence says nothing about the client.
    if (this.isStopped) this.lastReadMs = nowMs;
    if (nowMs - this.lastReadMs < this.silenceMs) {
      this.core.wheel.schedule(this.lastReadMs + this.silenceMs, this);
      return;
    }
    this.disconnect(ReasonCode.KeepAliveTimeout, 'keepalive_timeout');
  }

  /** What stopped the connection (an answer, credit, a commit) is there; it goes on unless something else stops it. */
  unstall(why = STALL_PACKET): void {
    if ((this.stalls & why) === 0) return;
    this.stalls &= ~why;
    if (this.stalls === 0) this.core.turn.queue(this);
  }

  /** A SUBSCRIBE waits for other shards; too many of them stop the reading. */
  subackPending(): void {
    if (++this.subacksPending >= SUBACKS_PENDING_MAX) this.stall(STALL_SUBACKS);
  }

  subackDone(): void {
    if (this.subacksPending-- >= SUBACKS_PENDING_MAX) this.unstall(STALL_SUBACKS);
  }

  get isClosing(): boolean {
    return this.isEnding;
  }

  /** CONNACK has been sent: from now on silence counts. */
  startKeepAlive(silenceMs: number): void {
    this.silenceMs = silenceMs;
    if (silenceMs > 0) this.core.wheel.schedule(this.lastReadMs + silenceMs, this);
    else this.core.wheel.cancel(this);
  }

  /** Ends the connection: DISCONNECT with `reason` in MQTT 5, then close. */
  disconnect(reason: ReasonCode, endReason: string, reasonString: string | null = null): void {
    if (!this.isOpen || this.isEnding) return;
    if (this.version === 5 && this.isAccepted) {
      const text = this.wantsProblemInformation || reason >= 0x80 ? reasonString : null;
      const packet = encodeDisconnect({ reason, reasonString: text }, this.maximumPacketBytes);
      this.sendControl(PacketType.Disconnect, packet);
    }
    this.close(endReason);
  }

  /** Closes after what is written has been sent. `hasLeft`: the client says nothing more. */
  close(endReason: string, hasLeft = false): void {
    if (!this.isOpen || this.isEnding) return;
    this.isEnding = true;
    this.endReason = endReason;
    this.output.flush();
    if (this.output.blocked) this.output.abandon();
    else if (hasLeft && this.link.leave !== undefined) this.link.leave();
    else this.link.end();
    this.letGo();
    // The client may leave its side open, and even go on talking.
    this.core.wheel.schedule(this.core.turn.nowMs + LINK_CLOSE_TIMEOUT_MS, this);
    this.handler.handleEnd(this);
  }

  /** Appends a whole control packet; null is one that this client cannot take. */
  sendControl(type: PacketType, packet: Uint8Array | null): void {
    if (packet === null) return;
    this.core.counters.sent[type]!++;
    this.output.append(packet, 0, packet.length);
  }

  sendAck(type: AckType, packetId: number, reason: number): void {
    this.core.counters.sent[type]!++;
    const size = this.version === 5 && reason !== 0 ? 5 : 4;
    const at = this.output.reserve(size);
    writeAck(this.output.chunk!, at, type, packetId, reason, this.version);
  }

  sendPubrel(packetId: number): void {
    this.sendAck(PacketType.Pubrel, packetId, 0);
  }

  /** The client has taken nothing for longer than its listener allows. */
  isStuck(nowMs: number): boolean {
    const { sendTimeoutMs } = this.options;
    return this.output.blocked && sendTimeoutMs > 0 && nowMs - this.output.blockedAtMs > sendTimeoutMs;
  }

  /** Ends the connection without sending anything more, also one that is closing. */
  abort(endReason: string): void {
    if (!this.isOpen) return;
    this.output.abandon();
    this.letGo();
    if (this.isEnding) return;
    this.isEnding = true;
    this.endReason = endReason;
    this.handler.handleEnd(this);
  }

  private walkPending(): void {
    const { pending } = this;
    if (pending === null) return;
    const at = this.walk(pending.bytes, pending.start, pending.end);
    pending.packetBytes = this.wantedBytes;
    // The walk may have ended the connection, and what was pending with it.
    if (this.pending !== null && pending.consume(at)) this.pending = null;
  }

  /**
   * Adds to the packet that is not whole just the bytes it lacks, so that the rest of the chunk is used where it lies.
   * @returns the offset of the first byte that was not taken.
   */
  private complete(bytes: Buffer, start: number, end: number): number {
    while (start < end && this.pending !== null && !this.isStopped && !this.isEnding) {
      const { missing } = this.pending;
      const taken = Math.min(missing, end - start);
      this.pending.keep(bytes, start, start + taken);
      start += taken;
      if (taken === missing) this.walkPending();
    }
    return start;
  }

  /**
   * Handles packets until one is not whole, the turn's budget is spent, or the connection has to wait.
   * @returns the offset of the first byte that was not used.
   */
  private walk(bytes: Buffer, at: number, end: number): number {
    const { turn, counters } = this.core;
    while (at < end) {
      if (turn.spent || this.isSlow) {
        this.stop();
        break;
      }
      const found = readFrame(bytes, at, end, this.packetBytesMax, frame);
      if (found !== FRAME_OK) {
        if (found === FRAME_NEED_MORE)
          this.wantMore(bytes[at]! >> 4, frame.bodyEnd === 0 ? 0 : frame.bodyEnd - at);
        else this.refuse(found === FRAME_TOO_LARGE ? ReasonCode.PacketTooLarge : ReasonCode.MalformedPacket);
        break;
      }
      const next = frame.bodyEnd;
      const result = this.handler.handlePacket(this, frame, bytes);
      if (result === STALLED) {
        this.stall(STALL_PACKET);
        break;
      }
      counters.received[bytes[at]! >> 4]!++;
      turn.spendPacket(next - at);
      const isPublish = bytes[at]! >> 4 === PacketType.Publish;
      const size = next - at;
      at = next;
      if (result > 0) this.refuse(result as ReasonCode);
      else if (result === HANDLED_STALL) this.stall(STALL_PACKET);
      if (!this.isOpen || this.isEnding) return end;
      if (this.rate?.spend(size, isPublish)) this.stall(STALL_RATE);
      if (this.stalls !== 0) break;
    }
    return this.isOpen && !this.isEnding ? at : end;
  }

  /** Keeps a copy of what was not used. */
  private keep(bytes: Buffer, start: number, end: number): void {
    this.pending ??= new PendingInput(this.core.memory, this.wantedBytes);
    this.pending.keep(bytes, start, end);
  }

  private wantMore(type: number, packetBytes: number): void {
    this.wantedBytes = packetBytes;
    // Nothing is kept of what will be refused anyway [MQTT-3.1.0-1].
    if (this.session === null && type !== PacketType.Connect) this.close('protocol_not_connected');
    else this.link.resume();
  }

  /** The turn's budget is spent, or the client does not read what it has caused. */
  private stop(): void {
    if (this.isSlow) {
      this.stall(STALL_OUTPUT);
      return;
    }
    this.isStopped = true;
    this.link.pause();
    this.core.turn.queue(this);
  }

  /** Stops the reading until `unstall`, behind the packet in hand. */
  stall(why: number): void {
    // Before CONNACK the link is paused only when something comes: else nobody would notice a client that leaves.
    this.isStopped = true;
    this.stalls |= why;
    if (this.isAccepted) this.link.pause();
  }

  private refuse(reason: ReasonCode): void {
    const endReason = endReasonOf(reason);
    this.core.main.log('info', 'client broke the protocol', {
      clientId: this.session?.clientId ?? null,
      peer: `${this.origin.peerAddress}:${this.origin.peerPort}`,
      reason: endReason,
      code: reason,
    });
    this.disconnect(reason, endReason);
  }

  // What is not on its way by now will not be read or sent any more.
  private letGo(): void {
    this.pending?.drop();
    this.pending = null;
    this.output.close();
  }

  private finish(end: LinkEnd): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    if (!this.isEnding) this.endReason = end;
    this.letGo();
    this.core.wheel.cancel(this);
    if (!this.isEnding) this.handler.handleEnd(this);
    this.core.connections.delete(this);
    this.origin.ends.closed(this.origin.number, this.endReason);
  }
}
