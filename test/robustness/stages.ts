/** Clients at every stage between accept and session, over every transport, whose ends are watched. */
import type { Carrier } from '../helpers/carrier.js';
import { connect } from '../helpers/packets.js';
import { addressOn, EDGE_TRANSPORTS, openCarrier } from '../helpers/transports.js';
import { BINARY, frame } from '../helpers/websocket-frames.js';
import type { TransportBench } from '../transports/bench.js';
import { Attacker, clientHello, UPGRADE } from './attacker.js';

export class Stages {
  private readonly attackers: Attacker[] = [];
  /** Behind TLS or WebSocket. */
  private readonly carriers: Carrier[] = [];
  private readonly ends: Promise<void>[] = [];

  constructor(
    private readonly bench: TransportBench,
    private readonly hello: Buffer,
  ) {}

  static async of(bench: TransportBench): Promise<Stages> {
    return new Stages(bench, await clientHello());
  }

  /** Handshakes that have begun, upgrades and CONNECTs that are not whole, so many of each kind. */
  async halfway(count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      await this.raw('ssl', this.hello);
      await this.raw('wss', this.hello.subarray(0, 60));
      await this.raw('ws', UPGRADE.subarray(0, 60));
      await this.raw('ws', UPGRADE, frame(BINARY, 'x').subarray(0, 3));
      await this.raw('tcp', Buffer.of(0x10, 0x20, 0));
      for (const transport of EDGE_TRANSPORTS) await this.opened(transport, n % this.bench.broker.shards, 20);
    }
  }

  /** Clients of all shards with a session, so many over each transport and of each shard. */
  async connected(count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      for (const transport of ['tcp', 'unix', ...EDGE_TRANSPORTS] as const) {
        for (let shard = 0; shard < this.bench.broker.shards; shard++) {
          await this.bench.connect({ transport, shard, version: 4 });
        }
      }
    }
  }

  /** What is on its way when something happens: handshakes that wait for their turn, and CONNECTs. */
  async sudden(count: number): Promise<void> {
    const ready: Attacker[] = [];
    for (let n = 0; n < count; n++) ready.push(await this.raw('ssl'), await this.raw('wss'));
    for (let n = 0; n < count; n++) ready.push(await this.raw('ws'));
    for (let n = 0; n < 6; n++) await this.opened('wss', n % this.bench.broker.shards, 1_000);
    for (const [n, attacker] of ready.entries()) attacker.send(n < 2 * count ? this.hello : UPGRADE);
  }

  /** Resolves when all that are not connected know that they are out. */
  async over(): Promise<void> {
    for (const attacker of this.attackers) await attacker.closed();
    await Promise.all(this.ends);
  }

  drop(): void {
    for (const client of [...this.attackers, ...this.carriers]) client.drop();
  }

  private async raw(transport: 'tcp' | 'ssl' | 'ws' | 'wss', ...bytes: Uint8Array[]): Promise<Attacker> {
    const attacker = await Attacker.open(addressOn(this.bench.broker, transport));
    attacker.send(...bytes);
    this.attackers.push(attacker);
    return attacker;
  }

  /** TLS and WebSocket are open, and so much of a CONNECT has been sent. */
  private async opened(transport: 'ssl' | 'ws' | 'wss', shard: number, bytes: number): Promise<void> {
    const carrier = await openCarrier(this.bench.broker, transport);
    this.carriers.push(carrier);
    this.ends.push(
      new Promise((resolve) => {
        carrier.onClosed = resolve;
      }),
    );
    carrier.write(connect({ version: 5, clientId: this.bench.clientId(shard) }).subarray(0, bytes));
  }
}
