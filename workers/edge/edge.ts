/**
 * Connections that begin with TLS or HTTP: takes them over from main, opens the layers of their listener one after the
 * other, and passes them on when their first MQTT packet is there. Runs on the shard's thread.
 */
import type { ListenerId, TlsMaterial } from '../../src/actor/shard-protocol.js';
import type { SlotMap } from '../../src/actor/slots.js';
import { AccessRules } from '../../src/base/access.js';
import type { Config } from '../../src/config/schema.js';
import { HALF_READ_BYTES_MAX } from '../../src/limits.js';
import type { ShardId } from '../../src/protocol/ids.js';
import type { Intake } from '../connection/intake.js';
import type { Origin } from '../connection/origin.js';
import type { ConfigFollower, Core } from '../core.js';
import type { RelayHub } from '../relay/relay-hub.js';
import type { OpenLink } from '../seams.js';
import { Handshakes } from './handshakes.js';
import { Newcomer } from './newcomer.js';
import { TlsEndpoint } from './tls-endpoint.js';
import { HttpUpgrades } from './upgrade.js';

/** What one listener needs of this shard; null where it has no such layer. */
export interface EdgeListener {
  readonly tls: TlsEndpoint | null;
  readonly http: HttpUpgrades | null;
  /** Asked again when a header of a trusted proxy tells another address than main saw. */
  readonly access: AccessRules;
  readonly handshakeTimeoutMs: number;
}

/** Where connections go from here. */
export interface EdgeExits {
  readonly intake: Intake;
  readonly relays: RelayHub;
  readonly slots: SlotMap;
  readonly openLink: OpenLink;
}

export class Edge implements ConfigFollower {
  readonly #newcomers = new Set<Newcomer>();
  /** Of them, those with a part of their CONNECT here; who has had one for longest comes first. */
  readonly #halfRead = new Set<Newcomer>();
  #halfReadBytes = 0;
  readonly #overloaded = new Set<ShardId>();
  readonly #listeners: readonly EdgeListener[];
  readonly #handshakes: Handshakes;

  constructor(
    readonly core: Core,
    readonly exits: EdgeExits,
    material: readonly TlsMaterial[],
  ) {
    this.#handshakes = new Handshakes(core.turn);
    this.#listeners = core.config.listeners.map((listener, id) => {
      const own = material.find((each) => each.listener === id);
      return {
        tls: own === undefined ? null : new TlsEndpoint(core, listener, own, this.#handshakes),
        http: listener.webSocket === null ? null : new HttpUpgrades(core, listener),
        access: new AccessRules(listener.access),
        handshakeTimeoutMs: listener.tls?.handshakeTimeoutMs ?? 0,
      };
    });
  }

  /** Connections that have not sent their CONNECT, or wait for the shard it belongs to. */
  get count(): number {
    return this.#newcomers.size;
  }

  /** Whether connections of this listener begin with something else than MQTT. */
  serves(listener: ListenerId): boolean {
    const { tls, http } = this.#listeners[listener]!;
    return tls !== null || http !== null;
  }

  /** Takes over a descriptor of a listener it serves; `head` is what main has read. */
  take(fd: number, head: Buffer, origin: Origin, ageMs: number): void {
    const newcomer = new Newcomer(this, this.#listeners[origin.listener]!, origin, ageMs);
    this.#newcomers.add(newcomer);
    newcomer.open(fd, head);
  }

  /** The newcomer keeps so many bytes more. Too many altogether end one connection, perhaps this one. */
  kept(newcomer: Newcomer, bytes: number): void {
    this.#halfRead.add(newcomer);
    this.#halfReadBytes += bytes;
    if (this.#halfReadBytes <= HALF_READ_BYTES_MAX / this.core.shards) return;
    for (const oldest of this.#halfRead) {
      oldest.fail('connect_overflow');
      return;
    }
  }

  /** A connection is on its way to its owner, or over; what it keeps is dropped now. */
  settled(newcomer: Newcomer): void {
    this.#newcomers.delete(newcomer);
    if (this.#halfRead.delete(newcomer)) this.#halfReadBytes -= newcomer.keptBytes;
  }

  /** That shard takes connections from now on. */
  onOwnerReady(owner: ShardId): void {
    if (this.#overloaded.has(owner)) return;
    for (const newcomer of this.#newcomers) newcomer.onOwnerReady(owner);
  }

  /** That shard is too busy for new connections, or is no longer. */
  onPeerOverload(shard: ShardId, isOverloaded: boolean): void {
    if (isOverloaded) this.#overloaded.add(shard);
    else if (this.#overloaded.delete(shard) && this.exits.relays.isReady(shard)) this.onOwnerReady(shard);
  }

  isOverloaded(shard: ShardId): boolean {
    return this.#overloaded.has(shard);
  }

  /** New certificates and keys; connections that are there are not touched. */
  updateTls(material: readonly TlsMaterial[]): null {
    for (const each of material) this.#listeners[each.listener]?.tls?.update(each);
    return null;
  }

  onConfig(config: Config): void {
    for (const { http } of this.#listeners) http?.onConfig(config);
  }

  /** Ends everybody who has not come in yet. */
  stop(): void {
    for (const newcomer of this.#newcomers) newcomer.fail('server_shutdown');
    for (const { tls, http } of this.#listeners) {
      tls?.close();
      http?.close();
    }
  }
}
