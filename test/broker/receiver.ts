/** A subscriber that does what a receiver must: it acknowledges everything and hands out each QoS 2 message once. */
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
    for (;;) {
      const found = await this.client.next();
      if (found === null) throw new Error('the connection was closed');
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
