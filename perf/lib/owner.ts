/**
 * Where a client's session lies, as seen from where its bytes come in. The shard that decodes a connection of TLS or
 * WebSocket is the one with the fewest connections, so idle clients on all others make it EDGE_SHARD. The shard that
 * owns the session follows from the ClientId, so one is looked for that fits. Nothing of this needs the broker's help.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { SlotMap } from '../../src/actor/slots.js';
import { asClientId } from '../../src/protocol/ids.js';
import { connectPacket } from './packets.js';

/** `same`: on the shard that decodes its connection; `other`: on the next one; `any`: as the ClientId falls. */
export const OWNERS = ['same', 'other', 'any'] as const;
export type Owner = (typeof OWNERS)[number];

export const EDGE_SHARD = 0;

/** What ClientIds are chosen by. */
export interface OwnerRule {
  /** Of the broker's data directory. */
  readonly slotKey: string;
  readonly shards: number;
  readonly shard: number;
}

/** @returns null where the owner does not matter. @throws Error when there are too few shards */
export function ownerRule(owner: Owner, slotKey: string, shards: number): OwnerRule | null {
  if (owner === 'any') return null;
  const shard = owner === 'same' ? EDGE_SHARD : EDGE_SHARD + 1;
  if (shard >= shards) throw new Error(`--owner ${owner} needs ${shard + 1} shards`);
  return { slotKey, shards, shard };
}

/** Makes ClientIds that belong to one shard. */
export class ClientIds {
  readonly #slots: SlotMap | null;
  readonly #shard: number;

  constructor(rule: OwnerRule | null) {
    this.#slots = rule === null ? null : new SlotMap(rule.slotKey, rule.shards);
    this.#shard = rule?.shard ?? EDGE_SHARD;
  }

  /** @returns `name`, with an ending where it takes one. */
  id(name: string): string {
    if (this.#slots === null) return name;
    for (let n = 0; ; n++) {
      const id = `${name}.${n}`;
      if (this.#slots.shardOf(asClientId(id)) === this.#shard) return id;
    }
  }
}

const BALLAST_AT_ONCE = 50;

/** Idle clients over plain TCP that give every shard but EDGE_SHARD more connections than it will have. */
export class Ballast {
  readonly #sockets: Socket[] = [];

  /** @param clients that EDGE_SHARD will have at most */
  static async open(port: number, slotKey: string, shards: number, clients: number): Promise<Ballast> {
    const ballast = new Ballast();
    for (let shard = 0; shard < shards; shard++) {
      if (shard === EDGE_SHARD) continue;
      const ids = new ClientIds({ slotKey, shards, shard });
      for (let n = 0; n <= clients; n += BALLAST_AT_ONCE) {
        const names = Array.from({ length: BALLAST_AT_ONCE }, (_, i) => ids.id(`ballast-${shard}-${n + i}`));
        await Promise.all(names.map((name) => ballast.#connect(port, name)));
      }
    }
    return ballast;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #connect(port: number, clientId: string): Promise<void> {
    const socket = connect(port, '127.0.0.1');
    this.#sockets.push(socket);
    socket.write(connectPacket(clientId, 0));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    if (answer[0] !== 0x20 || answer[3] !== 0)
      throw new Error(`ballast was refused: ${answer.toString('hex')}`);
  }
}
