/**
 * The HTTP upgrade of one listener: from a link that begins with a request to one of WebSocket payloads, or to a plain
 * answer and the end. Runs on the shard's thread.
 */
import { AccessRules } from '../../src/base/access.js';
import type { ListenerConfig, WebSocketSettings } from '../../src/config/listener-types.js';
import type { Config } from '../../src/config/schema.js';
import {
  HTTP_HEAD_BYTES_MAX,
  WEBSOCKET_FRAME_BYTES_MAX,
  WEBSOCKET_MESSAGE_BYTES_MAX,
} from '../../src/limits.js';
import { PendingInput } from '../connection/pending-input.js';
import type { ConfigFollower, Core } from '../core.js';
import { DeflateLink } from '../transport/deflate-link.js';
import type { Link, LinkEnd, LinkHandler } from '../transport/link.js';
import { LinkCloser } from '../transport/link-closer.js';
import { LinkStream } from '../transport/link-stream.js';
import { WebSocketLink } from '../transport/websocket-link.js';
import { type Accepted, HttpHandshake } from './http-handshake.js';
import { HEAD_TOO_LARGE, type Refusal, refusalText } from './upgrade-rules.js';

export interface Upgraded {
  readonly ok: true;
  readonly link: Link;
  /** The client's address and port as a proxy's headers tell them; null: they do not. */
  readonly peerAddress: string | null;
  readonly peerPort: number | null;
}

/** The link is closed by the time this is told. */
export interface UpgradeFailed {
  readonly ok: false;
  readonly reason: string;
}

type Done = (outcome: Upgraded | UpgradeFailed) => void;

const END_OF_HEAD = '\r\n\r\n';

export class HttpUpgrades implements ConfigFollower {
  handshake: HttpHandshake;
  /** Proxies whose word about the client's address is taken. */
  readonly trusted: AccessRules;
  frameBytesMax: number;
  private readonly settings: WebSocketSettings;

  constructor(
    readonly core: Pick<Core, 'config' | 'turn' | 'wheel' | 'memory'>,
    listener: ListenerConfig,
  ) {
    this.trusted = AccessRules.only(listener.trustedProxies);
    this.settings = listener.webSocket!;
    this.frameBytesMax = frameBytesMaxOf(core.config);
    this.handshake = this.handshakeOf(core.config);
  }

  /** For handshakes to come. The parser before is not closed: connections that came through it are not its matter. */
  onConfig(config: Config): void {
    this.frameBytesMax = frameBytesMaxOf(config);
    this.handshake = this.handshakeOf(config);
  }

  /**
   * Upgrades `inner`, of which `head` has been read. `done` is called once, perhaps before this returns, and must set
   * the link's handler. `abort` ends the link instead, and then it is not called.
   */
  open(inner: Link, head: Buffer, done: Done): { abort(): void } {
    const upgrade = new Upgrade(this, inner, done);
    upgrade.onBytes(head, 0, head.length);
    return upgrade;
  }

  close(): void {
    this.handshake.close();
  }

  private handshakeOf(config: Config): HttpHandshake {
    const messageBytesMax = Math.max(config['mqtt.max_packet_size'], WEBSOCKET_MESSAGE_BYTES_MAX);
    const requiresProtocol = config['mqtt.websocket_protocol_header'];
    return new HttpHandshake(this.settings, this.trusted, { messageBytesMax, requiresProtocol });
  }
}

const frameBytesMaxOf = (config: Config): number =>
  Math.max(config['mqtt.max_packet_size'], WEBSOCKET_FRAME_BYTES_MAX);

class Upgrade implements LinkHandler {
  /** What has come of the request, where it comes in pieces. */
  private pending: PendingInput | null = null;
  /** Once the client has been refused. */
  private closer: LinkCloser | null = null;
  private reason: LinkEnd | null = null;
  private isAborted = false;

  constructor(
    private readonly upgrades: HttpUpgrades,
    private readonly inner: Link,
    private readonly done: Done,
  ) {
    inner.handler = this;
  }

  abort(): void {
    this.isAborted = true;
    this.dropPending();
    this.inner.destroy();
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    if (start === end || this.isAborted || this.reason !== null) return;
    this.upgrades.core.turn.enter();
    const { pending } = this;
    if (pending !== null) {
      const seenBytes = pending.size;
      pending.keep(bytes, start, end);
      this.look(pending.bytes.subarray(pending.start, pending.end), seenBytes);
    } else if (!this.look(bytes.subarray(start, end), 0)) {
      this.pending = new PendingInput(this.upgrades.core.memory, HTTP_HEAD_BYTES_MAX);
      this.pending.keep(bytes, start, end);
    }
  }

  onDrain(): void {}

  onLinkClosed(end: LinkEnd): void {
    this.closer?.cancel();
    this.dropPending();
    if (this.isAborted) return;
    this.upgrades.core.turn.enter();
    this.done({ ok: false, reason: this.reason ?? end });
  }

  /** `seenBytes` of them hold no end of the head. @returns whether it is known what comes of the request. */
  private look(bytes: Buffer, seenBytes: number): boolean {
    const at = bytes.indexOf(END_OF_HEAD, Math.max(0, seenBytes - END_OF_HEAD.length + 1), 'latin1');
    const headBytes = at < 0 ? bytes.length : at + END_OF_HEAD.length;
    if (headBytes > HTTP_HEAD_BYTES_MAX) this.refuse(HEAD_TOO_LARGE);
    else if (at >= 0) this.shake(bytes.subarray(0, headBytes), bytes.subarray(headBytes));
    else return false;
    this.dropPending();
    return true;
  }

  private shake(head: Buffer, rest: Buffer): void {
    const stream = new LinkStream(this.inner);
    const outcome = this.upgrades.handshake.perform(stream, head);
    if ('socket' in outcome) {
      this.succeed(outcome, stream, rest);
      return;
    }
    stream.detach();
    stream.destroy();
    this.inner.handler = this;
    this.refuse(outcome);
  }

  private succeed({ socket, request }: Accepted, stream: LinkStream, rest: Buffer): void {
    const { core, frameBytesMax, handshake } = this.upgrades;
    const peer = handshake.rules.peerOf(request);
    const isCompressed = socket.extensions !== '';
    if (!isCompressed) stream.detach();
    const link = isCompressed
      ? new DeflateLink(socket, stream)
      : new WebSocketLink(this.inner, core, frameBytesMax, stream.isBusy);
    this.done({ ok: true, link, ...peer });
    // To whoever reads the frames: the stream, or the link itself.
    if (rest.length > 0) this.inner.handler.onBytes(rest, 0, rest.length);
  }

  // What the client still sends is thrown away.
  private refuse(refusal: Refusal): void {
    const { core } = this.upgrades;
    this.reason = refusal.reason;
    this.closer = new LinkCloser(core, this.inner);
    this.inner.writeAll([Buffer.from(refusalText(refusal), 'latin1')]);
    this.inner.end();
  }

  private dropPending(): void {
    this.pending?.drop();
    this.pending = null;
  }
}
