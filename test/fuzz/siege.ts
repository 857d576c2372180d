/** A broker in a process of its own, with hostile clients and with watchers that must not notice them. */
import { type BrokerUnderTest, startBrokerProcess } from '../../perf/lib/broker-process.js';
import { processUsage } from '../../perf/lib/cpu.js';
import { CARRIAGES, type Twist, UNTWISTED } from './carriage.js';
import type { Stream } from './streams.js';
import { Watchers } from './watchers.js';

const CLOSE_DEADLINE_MS = 10_000;

export interface Attack {
  readonly chunks: Stream;
  readonly twist: Twist;
}

export class FuzzSiege {
  private constructor(
    private readonly broker: BrokerUnderTest,
    private readonly transport: keyof typeof CARRIAGES,
    private readonly watchers: Watchers,
  ) {}

  /** Two shards, so that every second client of an edge is relayed. */
  static async start(transport: keyof typeof CARRIAGES): Promise<FuzzSiege> {
    const broker = await startBrokerProcess(2, { transport });
    return new FuzzSiege(broker, transport, await Watchers.connect(broker, transport));
  }

  get rssBytes(): number {
    return processUsage(this.broker.pid).rssBytes;
  }

  /** Sends every stream on a connection of its own, all at once, while the watchers exchange messages. */
  async attack(attacks: readonly Attack[]): Promise<void> {
    await Promise.all([...attacks.map((each) => this.send(each)), this.watchers.exchange()]);
    await this.watchers.exchange();
  }

  attackWith(chunks: Stream): Promise<void> {
    return this.attack([{ chunks, twist: UNTWISTED }]);
  }

  async stop(): Promise<void> {
    await this.watchers.end();
    await this.broker.stop();
  }

  /** Waits until the broker has closed too. */
  private async send({ chunks, twist }: Attack): Promise<void> {
    const socket = CARRIAGES[this.transport](this.broker.port, chunks, twist);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const timer = setTimeout(() => socket.destroy(new Error('stuck')), CLOSE_DEADLINE_MS);
    try {
      await closed;
    } finally {
      clearTimeout(timer);
    }
    if (socket.errored?.message === 'stuck')
      throw new Error('the broker leaves open what its client has ended');
  }
}
