/** Subscribers that do what a receiver must: they acknowledge everything and hand out each QoS 2 message once. */
import { PINGREQ } from '../helpers/packets.js';
import type { RawClient } from '../helpers/raw-client.js';
import type { Received } from '../helpers/received.js';

export class Receiver {
  /** Packet identifiers of QoS 2 exchanges that are not finished; they outlive a connection. */
  readonly open = new Set<number>();
  private client: RawClient;

  constructor(client: RawClient) {
    this.client = client;
  }

  /** The same client on a new connection. */
  attach(client: RawClient): void {
    this.client = client;
  }

  /** The next new message, acknowledged as far as that can be without its sender. */
  async next(): Promise<Received> {
    const found = await this.nextUntilPing();
    if (found === null) throw new Error('expected messages, got pingresp');
    return found;
  }

  /** As `next`; null: the answer to a PINGREQ has come before. */
  async nextUntilPing(): Promise<Received | null> {
    for (;;) {
      const found = await this.client.next();
      if (found === null) throw new Error('the connection was closed');
      if (found.type === 'pingresp') return null;
      if (this.take(found)) return found;
    }
  }

  /** This many messages. */
  async nextOf(count: number): Promise<Received[]> {
    const found: Received[] = [];
    while (found.length < count) found.push(await this.next());
    return found;
  }

  /** Waits until every exchange is finished; a message in between is an error. */
  async settle(): Promise<void> {
    while (this.open.size > 0) {
      const found = await this.client.expect('pubrel');
      this.take(found);
    }
  }

  private take(found: Received): boolean {
    if (found.type === 'pubrel') {
      this.open.delete(found.id);
      this.client.sendAck('pubcomp', found.id);
      return false;
    }
    if (found.type !== 'publish') throw new Error(`expected messages, got ${found.type}`);
    if (found.qos === 1) this.client.sendAck('puback', found.id);
    if (found.qos !== 2) return true;
    this.client.sendAck('pubrec', found.id);
    const isNew = !this.open.has(found.id);
    this.open.add(found.id);
    return isNew;
  }
}

/** What these clients get until it is `total` messages together, and what has come to them beyond that by then. */
export async function receiveTogether(clients: readonly RawClient[], total: number): Promise<Received[][]> {
  let count = 0;
  const collect = async (client: RawClient): Promise<Received[]> => {
    const receiver = new Receiver(client);
    const found: Received[] = [];
    for (;;) {
      const message = await receiver.nextUntilPing();
      if (message === null) return found;
      found.push(message);
      count += 1;
      if (count === total) for (const each of clients) each.send(PINGREQ);
    }
  };
  return Promise.all(clients.map(collect));
}
