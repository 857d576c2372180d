/**
 * One connection at its edge, from its descriptor to its CONNECT packet: TLS, then HTTP, then the packet, then the
 * shard that owns the ClientId. Nothing of it is known to any session. Runs on the shard's thread.
 */

import { normalAddress } from '../../src/base/access.js';
import { WheelItem } from '../../src/base/timer-wheel.js';
import { WAITING_CONNECTION_TIMEOUT_MS } from '../../src/limits.js';
import { newClientId } from '../../src/protocol/assigned-client-id.js';
import { asClientId, type ClientId, type ShardId } from '../../src/protocol/ids.js';
import { connectPacketBytes, LENGTH_UNKNOWN, NOT_CONNECT } from '../../src/protocol/mqtt/connect-frame.js';
import { peekClientId } from '../../src/protocol/mqtt/decode-connect.js';
import type { Origin } from '../connection/origin.js';
import { PendingInput } from '../connection/pending-input.js';
import { type Link, type LinkEnd, type LinkHandler, NO_HANDLER } from '../transport/link.js';
import { tryOpen } from './descriptors.js';
import type { Edge, EdgeListener } from './edge.js';
import type { TlsFailed, TlsReady } from './tls-endpoint.js';
import type { Upgraded, UpgradeFailed } from './upgrade.js';

const NOTHING = Buffer.alloc(0);

/** A layer that is being opened. */
interface Attempt {
  abort(): void;
}

export class Newcomer extends WheelItem implements LinkHandler {
  /** Passed on, or over. */
  isSettled = false;
  /** Monotonic milliseconds at which main accepted it. */
  private readonly acceptedMs: number;
  private timeoutReason = '';
  private attempt: Attempt | null = null;
  private link: Link | null = null;
  private pending: PendingInput | null = null;
  /** The shard that is waited for; null while it is not known, or there. */
  private owner: ShardId | null = null;

  constructor(
    private readonly edge: Edge,
    private readonly listener: EdgeListener,
    private origin: Origin,
    ageMs: number,
  ) {
    super();
    this.acceptedMs = edge.core.turn.nowMs - ageMs;
  }

  open(fd: number, head: Buffer): void {
    const { tls, handshakeTimeoutMs } = this.listener;
    const { core, exits } = this.edge;
    if (tls === null) {
      const link = tryOpen(core, this.origin, () => exits.openLink(fd));
      if (link === null) this.settle();
      else this.upgrade(link, head);
      return;
    }
    this.expectWithin(handshakeTimeoutMs, 'handshake_timeout');
    const attempt = tryOpen(core, this.origin, () => tls.open(fd, head, (outcome) => this.onTls(outcome)));
    if (attempt === null) this.settle();
    else this.begin(attempt);
  }

  /** Ends it, whatever it is doing. */
  fail(reason: string): void {
    if (this.isSettled) return;
    this.attempt?.abort();
    if (this.link !== null) {
      this.link.handler = NO_HANDLER;
      this.link.destroy();
    }
    this.settle();
    this.tellEnd(reason);
  }

  override onDeadline(): void {
    this.edge.core.turn.enter();
    this.fail(this.timeoutReason);
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    this.edge.core.turn.enter();
    if (this.isSettled) return;
    if (this.pending === null && this.look(bytes, start, end)) return;
    const { memory, sessions } = this.edge.core;
    const isFirst = this.pending === null;
    this.pending ??= new PendingInput(memory, sessions.connectBytesMax);
    const { pending } = this;
    pending.keep(bytes, start, end);
    if (!isFirst && this.owner === null && this.look(pending.bytes, pending.start, pending.end)) return;
    this.edge.kept(this, end - start);
  }

  /** Bytes of a CONNECT that is not whole, or waits for its owner. */
  get keptBytes(): number {
    return this.pending?.size ?? 0;
  }

  onDrain(): void {}

  onLinkClosed(end: LinkEnd): void {
    this.edge.core.turn.enter();
    if (this.isSettled) return;
    this.settle();
    this.tellEnd(end);
  }

  /** Goes on if it has waited for that shard. */
  onOwnerReady(owner: ShardId): void {
    if (this.owner !== owner || this.isSettled) return;
    const { bytes, start, end } = this.pending!;
    this.relay(owner, bytes.subarray(start, end));
    this.link!.resume();
  }

  private begin(attempt: Attempt): void {
    // The layer may have been opened, or have failed, within the call that began it.
    if (!this.isSettled && this.link === null) this.attempt = attempt;
  }

  private onTls(outcome: TlsReady | TlsFailed): void {
    if (this.isSettled) return;
    this.attempt = null;
    if (!outcome.ok) {
      this.fail(outcome.reason);
      return;
    }
    this.origin = {
      ...this.origin,
      certificateUsername: outcome.username ?? this.origin.certificateUsername,
    };
    this.upgrade(outcome.link, NOTHING);
  }

  private upgrade(link: Link, head: Buffer): void {
    const { http } = this.listener;
    this.expectWithin(this.edge.core.config['mqtt.client.idle_timeout'], 'idle_timeout');
    if (http === null) {
      this.listen(link);
      return;
    }
    this.begin(http.open(link, head, (outcome) => this.onUpgrade(outcome)));
  }

  private onUpgrade(outcome: Upgraded | UpgradeFailed): void {
    if (this.isSettled) return;
    this.attempt = null;
    if (!outcome.ok) {
      this.settle();
      this.tellEnd(outcome.reason);
      return;
    }
    this.listen(outcome.link);
    if (outcome.peerAddress !== null) this.believe(outcome.peerAddress, outcome.peerPort);
  }

  /** A proxy says whose connection this is. */
  private believe(peerAddress: string, peerPort: number | null): void {
    const { http, access } = this.listener;
    if (!http!.trusted.allows(this.origin.peerAddress)) return;
    const address = normalAddress(peerAddress);
    this.origin = { ...this.origin, peerAddress: address, peerPort: peerPort ?? 0 };
    if (!access.allows(address)) this.fail('access_denied');
  }

  private listen(link: Link): void {
    this.link = link;
    link.handler = this;
  }

  /** @returns whether the connection has been passed on. */
  private look(bytes: Buffer, start: number, end: number): boolean {
    const head = bytes.subarray(start, end);
    const packetBytes = connectPacketBytes(head, head.length);
    if (packetBytes === LENGTH_UNKNOWN) return false;
    if (packetBytes === NOT_CONNECT || packetBytes > this.edge.core.sessions.connectBytesMax) {
      // What is wrong is said by whoever would have had to understand it.
      this.keepHere(head);
      return true;
    }
    if (packetBytes > head.length) return false;
    return this.passOn(head, packetBytes);
  }

  private passOn(head: Buffer, packetBytes: number): boolean {
    const { core, exits } = this.edge;
    const { clientId, mayAssign } = peekClientId(head, 0, packetBytes);
    if (mayAssign) this.origin = { ...this.origin, assignedClientId: this.ownClientId() };
    const owner = mayAssign || clientId === null ? core.shard : exits.slots.shardOf(asClientId(clientId));
    if (owner === core.shard) {
      this.keepHere(head);
      return true;
    }
    const isOverloaded = this.edge.isOverloaded(owner);
    if (exits.relays.isReady(owner) && !isOverloaded) {
      this.relay(owner, head);
      return true;
    }
    this.owner = owner;
    this.link!.pause();
    this.timeoutReason = isOverloaded ? 'overloaded' : 'shard_unavailable';
    const waitMs = isOverloaded ? core.config['overload.wait'] : WAITING_CONNECTION_TIMEOUT_MS;
    core.wheel.schedule(core.turn.nowMs + waitMs, this);
    return false;
  }

  private keepHere(head: Buffer): void {
    this.settle();
    this.edge.exits.intake.adopt(this.link!, this.origin, head, head.length, this.ageMs);
  }

  private relay(owner: ShardId, head: Buffer): void {
    this.settle();
    this.edge.exits.relays.open(owner, this.link!, this.origin, head, this.ageMs);
  }

  /** One that belongs to this shard, so that nothing is relayed; found in about as many tries as there are shards. */
  private ownClientId(): ClientId {
    const { core, exits } = this.edge;
    let clientId = newClientId();
    while (exits.slots.shardOf(clientId) !== core.shard) clientId = newClientId();
    return clientId;
  }

  private get ageMs(): number {
    return this.edge.core.turn.nowMs - this.acceptedMs;
  }

  private expectWithin(timeoutMs: number, reason: string): void {
    this.timeoutReason = reason;
    this.edge.core.wheel.schedule(this.acceptedMs + timeoutMs, this);
  }

  private tellEnd(reason: string): void {
    this.origin.ends.closed(this.origin.number, reason);
  }

  private settle(): void {
    this.isSettled = true;
    this.edge.core.wheel.cancel(this);
    this.edge.settled(this);
    this.pending?.drop();
    this.pending = null;
  }
}
