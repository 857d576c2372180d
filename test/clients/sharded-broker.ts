/** A broker with two shards for one test file, ClientIds on the shard one wants, and the broker's word for it. */
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import type { RunningBroker } from '../../src/broker.js';
import { asClientId } from '../../src/protocol/ids.js';
import { clientIdOn } from '../helpers/client-ids.js';
import { addressOf, onEveryShard, startTestBroker, tempDirectory } from '../helpers/with-broker.js';

export class ShardedBroker {
  readonly port: number;

  private constructor(
    readonly broker: RunningBroker,
    readonly dataDir: string,
  ) {
    this.port = addressOf(broker).port;
  }

  static async open(): Promise<ShardedBroker> {
    const dataDir = tempDirectory();
    return new ShardedBroker(await startTestBroker({ config: { 'node.shards': 2 } }, dataDir), dataDir);
  }

  /** @returns a new ClientId that this shard owns. */
  clientIdOn(shard: number): string {
    return clientIdOn(this.broker, shard, randomUUID());
  }

  /** @returns the shards that say they have this client's session and connection; one, if all is well. */
  async shardsConnectedTo(clientId: string): Promise<number[]> {
    const input = { clientId: asClientId(clientId) };
    const owners = await onEveryShard(this.broker, (shard) =>
      this.broker.request(shard, 'session.owner', input),
    );
    return owners.flatMap((owner) => (owner?.connected === true ? [owner.shard] : []));
  }

  async stop(): Promise<void> {
    await this.broker.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
