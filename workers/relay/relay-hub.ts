/**
 * All relays of one shard, to and from all others: clients whose connection ends here and whose ClientId belongs to
 * another shard, and clients of this shard whose connection ends elsewhere. Runs on the shard's thread.
 */
import type { PeerBytes, RelayMessage, RelayOpened } from '../../src/actor/peer-protocol.js';
import { assert } from '../../src/base/assert.js';
import { RELAYS_UNDER_WAY_BYTES_MAX } from '../../src/limits.js';
import type { ShardId } from '../../src/protocol/ids.js';
import type { Origin } from '../connection/origin.js';
import type { Core } from '../core.js';
import type { Link } from '../transport/link.js';
import { RelayChannel, type RelayContext } from './relay-channel.js';
import type { RelayedClient } from './relayed-client.js';

/** A client of which this shard is the owner; what it sends comes through `link`, CONNECT first. */
export type AcceptRelayed = (link: Link, opened: RelayOpened, closed: (reason: string) => void) => void;

export type RelayCore = Pick<Core, 'turn' | 'wheel' | 'outputs' | 'memory'>;

export class RelayHub {
  /** Told when another shard begins to take clients; whoever opens relays sets it. */
  onReady: (shard: ShardId) => void = () => {};
  /** Those that are relayed from here. */
  readonly clients = new Set<RelayedClient>();

  private readonly channels: (RelayChannel | null)[];
  private readonly context: RelayContext;

  constructor(
    private readonly core: RelayCore,
    shards: number,
    accept: AcceptRelayed,
    private readonly post: (shard: ShardId, message: RelayMessage | PeerBytes) => void,
    underWayBytesMax = RELAYS_UNDER_WAY_BYTES_MAX,
  ) {
    const { turn, wheel, outputs, memory } = core;
    this.channels = new Array<RelayChannel | null>(shards).fill(null);
    const { clients } = this;
    const forget = (client: RelayedClient): void => memory.remove(client);
    this.context = { turn, wheel, outputs, clients, underWayBytesMax, accept, forget };
  }

  /** Clients that are relayed from here. */
  get count(): number {
    return this.clients.size;
  }

  /** Bytes on their way to other shards. */
  get waitingBytes(): number {
    let bytes = 0;
    for (const channel of this.channels) if (channel !== null) bytes += channel.underWayBytes;
    return bytes;
  }

  /** Relays to this shard may be opened now. */
  isReady(shard: ShardId): boolean {
    return this.channels[shard]?.isReady === true;
  }

  /**
   * Relays a client to the shard that owns its ClientId, which must be ready. Takes over `link`, of which `head` has
   * been read: CONNECT, whole, and perhaps more. `origin` hears of the end when link and connection are both closed.
   */
  open(owner: ShardId, link: Link, origin: Origin, head: Buffer, ageMs: number): void {
    assert(this.isReady(owner), 'a relay is opened to a shard that takes clients');
    this.core.turn.enter();
    this.channel(owner).open(link, origin, head, ageMs);
  }

  onMessage(message: RelayMessage | PeerBytes, from: ShardId): void {
    this.core.turn.enter();
    const channel = this.channel(from);
    if (typeof message === 'string') channel.receiveText(message);
    else if (message instanceof ArrayBuffer) channel.receiveBuffer(message);
    else channel.receive(message);
  }

  onPeerReady(shard: ShardId): void {
    this.channel(shard).isReady = true;
    this.onReady(shard);
  }

  onPeerLost(shard: ShardId): void {
    this.channels[shard]?.lose();
    this.channels[shard] = null;
  }

  /** At the end of every turn, when the outputs are flushed. */
  flush(): void {
    for (let i = 0; i < this.channels.length; i++) this.channels[i]?.flush();
  }

  /** Several times a second. */
  sweep(): void {
    for (const channel of this.channels) channel?.sweep();
  }

  /** At the end of the shard: whoever is left is cut off. */
  close(): void {
    for (const client of this.clients) client.abort('server_shutdown');
    this.flush();
  }

  private channel(shard: ShardId): RelayChannel {
    let channel = this.channels[shard] ?? null;
    if (channel === null) {
      channel = new RelayChannel(this.context, (message) => this.post(shard, message));
      this.channels[shard] = channel;
    }
    return channel;
  }
}
