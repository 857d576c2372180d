/**
 * Well-behaved clients beside the hostile ones: messages between them must go on arriving, and no connection
 * ends.
 */
import { connectAsync, type MqttClient } from 'mqtt';
import type { BrokerUnderTest } from '../../perf/lib/broker-process.js';
import type { Transport } from '../../perf/lib/transport.js';

/** Enough that every shard holds some: 1 in 32,000 that one of two stays without. */
const WATCHERS = 16;
const ARRIVAL_DEADLINE_MS = 10_000;

function urlOf(transport: Transport, port: number): string {
  const scheme = { tcp: 'mqtt', ssl: 'mqtts', ws: 'ws', wss: 'wss' }[transport];
  return `${scheme}://127.0.0.1:${port}/mqtt`;
}

export class Watchers {
  /** What went wrong, the first time. */
  problem: string | null = null;
  readonly #clients: MqttClient[] = [];
  readonly #expected = new Map<string, () => void>();
  #round = 0;

  /** Every second over this transport, the others over TCP. */
  static async connect({ port, tcpPort }: BrokerUnderTest, transport: Transport): Promise<Watchers> {
    const watchers = new Watchers();
    for (let i = 0; i < WATCHERS; i++) {
      await watchers.#add(i % 2 === 0 ? urlOf('tcp', tcpPort) : urlOf(transport, port), i);
    }
    return watchers;
  }

  /** Each sends one message to its neighbour. Fails when one does not arrive, or something went wrong before. */
  async exchange(): Promise<void> {
    const round = String(++this.#round);
    const arrivals = this.#clients.map((_, i) => this.#arrival(`watch/${i}:${round}`));
    for (const [i, client] of this.#clients.entries()) {
      client.publish(`watch/${(i + 1) % WATCHERS}`, round, { qos: 1 });
    }
    await Promise.all(arrivals);
    if (this.problem !== null) throw new Error(this.problem);
  }

  async end(): Promise<void> {
    for (const client of this.#clients) client.removeAllListeners('close');
    await Promise.all(this.#clients.map((client) => client.endAsync()));
  }

  async #add(url: string, index: number): Promise<void> {
    const client = await connectAsync(url, {
      clientId: `watcher-${index}`,
      protocolVersion: 5,
      reconnectPeriod: 0,
      rejectUnauthorized: false,
    });
    client.on('close', () => {
      this.problem ??= `watcher ${index} was disconnected`;
    });
    client.on('message', (topic, payload) => this.#onMessage(`${topic}:${payload}`));
    await client.subscribeAsync(`watch/${index}`, { qos: 1 });
    this.#clients.push(client);
  }

  #onMessage(key: string): void {
    const resolve = this.#expected.get(key);
    if (resolve === undefined) this.problem ??= `${key} came twice or from elsewhere`;
    this.#expected.delete(key);
    resolve?.();
  }

  #arrival(key: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (): void =>
        reject(new Error(`${key} did not arrive; ${this.problem ?? 'nobody was disconnected'}`));
      const timer = setTimeout(fail, ARRIVAL_DEADLINE_MS);
      this.#expected.set(key, () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
