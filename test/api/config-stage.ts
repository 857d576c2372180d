/** What the effect of a changed key is looked at with: a broker with an API, and clients on any of its shards. */
import type { ExecutionContext } from 'ava';
import type { RunningBroker } from '../../src/broker.js';
import type { AskApi } from '../helpers/api.js';
import { clientIdOn } from '../helpers/client-ids.js';
import type { ConnectOptions } from '../helpers/packets.js';
import { RawClient } from '../helpers/raw-client.js';
import { addressOf } from '../helpers/with-broker.js';

export const DONE = '{"code":0,"result":[]}';

let lastName = 0;

export class ConfigStage {
  private readonly clients: RawClient[] = [];

  constructor(
    readonly t: ExecutionContext,
    readonly ask: AskApi,
    readonly broker: RunningBroker,
    /** Where its clients belong. */
    readonly shard: number,
  ) {}

  /** A connection that has not said anything. */
  async open(version: 4 | 5 = 4): Promise<RawClient> {
    const client = await RawClient.open(addressOf(this.broker), version);
    this.clients.push(client);
    return client;
  }

  /** A ClientId that nobody has had. */
  id(): string {
    lastName += 1;
    return clientIdOn(this.broker, this.shard, `c${lastName}`);
  }

  async join(options: Partial<ConnectOptions> = {}): Promise<RawClient> {
    const { version = 4, ...rest } = options;
    const client = await this.open(version === 5 ? 5 : 4);
    await client.connect({ clientId: this.id(), ...rest });
    return client;
  }

  async put(key: string, value: string, app = 'emqttd'): Promise<void> {
    const { text } = await this.ask(`PUT configs/${app}`, { body: { key, value } });
    this.t.is(text, DONE, `${key} = ${value}`);
  }

  async reset(key: string, app = 'emqttd'): Promise<void> {
    const { text } = await this.ask(`DELETE configs/${app}`, { body: { key } });
    this.t.is(text, DONE, `${key} is reset`);
  }

  leave(): void {
    for (const client of this.clients) client.drop();
  }
}
