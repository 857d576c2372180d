/**
 * A bare MQTT client for tests: it sends any bytes, answers nothing by itself and hands out the packets that came,
 * one by one and in their order.
 */
import { type Address, type Carrier, overSocket } from './carrier.js';
import { describe, Inbox } from './inbox.js';
import {
  ack,
  type ConnectOptions,
  connect,
  disconnect,
  PINGREQ,
  type PublishOptions,
  publish,
  type Subscription,
  subscribe,
  unsubscribe,
} from './packets.js';
import type { Received } from './received.js';
import type { AckType, PacketType, Properties, Version } from './wire.js';

export class RawClient {
  readonly version: Version;
  /** As given or assigned at CONNECT. */
  clientId = '';
  /** The answer to the CONNECT, once it has come. */
  connack: Received | null = null;
  readonly carrier: Carrier;
  private readonly inbox: Inbox;
  private lastId = 0;

  constructor(carrier: Carrier, version: Version) {
    this.carrier = carrier;
    this.version = version;
    this.inbox = new Inbox(carrier, version);
  }

  /** A connection without CONNECT, over a bare socket. */
  static async open(address: Address, version: Version): Promise<RawClient> {
    return new RawClient(await overSocket(address), version);
  }

  send(...chunks: readonly (Uint8Array | readonly number[])[]): void {
    this.carrier.write(Buffer.concat(chunks.map((chunk) => Uint8Array.from(chunk))));
  }

  /** Breaks the connection off, as a network failure does. */
  drop(): void {
    this.carrier.drop();
  }

  /** Stops reading, so that the broker's bytes pile up on its side. */
  pauseReading(): void {
    this.carrier.pause();
  }

  resumeReading(): void {
    this.carrier.resume();
  }

  /** Sends CONNECT and gives the CONNACK, whatever it says. */
  async connect(options: Omit<ConnectOptions, 'version'> = {}): Promise<Received> {
    this.send(connect({ version: this.version, ...options }));
    const connack = await this.expect('connack');
    this.connack = connack;
    this.clientId = connack.properties.assignedClientId ?? String(options.clientId ?? '');
    return connack;
  }

  /** Ends the connection normally and waits for the broker's close. */
  async disconnect(code?: number, given?: Properties): Promise<void> {
    this.send(disconnect(code, given));
    await this.expectClosed();
  }

  /** Sends SUBSCRIBE and gives the SUBACK. A filter alone means QoS 0. */
  async subscribe(filters: string | readonly Subscription[], given?: Properties): Promise<Received> {
    const id = this.nextId();
    const subscriptions = typeof filters === 'string' ? [[filters, 0] as const] : filters;
    this.send(subscribe(this.version, id, subscriptions, given));
    return this.expectAnswer('suback', id);
  }

  async unsubscribe(...filters: string[]): Promise<Received> {
    const id = this.nextId();
    this.send(unsubscribe(this.version, id, filters));
    return this.expectAnswer('unsuback', id);
  }

  /** Sends PUBLISH as given and waits for nothing. */
  sendPublish(options: PublishOptions): void {
    this.send(publish(this.version, options));
  }

  /** Publishes and goes through the whole handshake of the QoS; gives the first answer, if the QoS has one. */
  async publish(options: PublishOptions): Promise<Received | null> {
    const id = options.id ?? (options.qos ? this.nextId() : 0);
    this.sendPublish({ ...options, id });
    if (options.qos === 1) return this.expectAnswer('puback', id);
    if (options.qos !== 2) return null;
    const pubrec = await this.expectAnswer('pubrec', id);
    this.sendAck('pubrel', id);
    await this.expectAnswer('pubcomp', id);
    return pubrec;
  }

  /** Carries out what is left of the handshakes of this many PUBLISH packets already sent. */
  async finishPublishing(qos: number, count: number): Promise<void> {
    for (let open = qos === 0 ? 0 : count; open > 0; ) {
      const found = await this.next();
      if (found?.type === 'pubrec') this.sendAck('pubrel', found.id);
      else if (found?.type === (qos === 1 ? 'puback' : 'pubcomp')) open -= 1;
      else throw new Error(`expected acknowledgements, got ${found === null ? 'a close' : describe(found)}`);
    }
  }

  sendAck(type: AckType, id: number, code?: number, given?: Properties): void {
    this.send(ack(type, id, code, given));
  }

  /** The next packet, which has to be of this type. */
  async expect(type: PacketType): Promise<Received> {
    const found = await this.next();
    if (found === null) throw new Error(`expected ${type}, the connection was closed`);
    if (found.type !== type) throw new Error(`expected ${type}, got ${describe(found)}`);
    return found;
  }

  /** The next packet, which has to be a PUBLISH with this payload. */
  async expectPublish(payload?: string): Promise<Received> {
    const found = await this.expect('publish');
    if (payload !== undefined && found.payload !== payload) {
      throw new Error(`expected payload ${payload}, got ${describe(found)}`);
    }
    return found;
  }

  /** The next packet is a PUBLISH with this payload; carries out its QoS. */
  async receive(payload?: string): Promise<Received> {
    const found = await this.expectPublish(payload);
    if (found.qos === 1) this.sendAck('puback', found.id);
    if (found.qos === 2) {
      this.sendAck('pubrec', found.id);
      await this.expectAnswer('pubrel', found.id);
      this.sendAck('pubcomp', found.id);
    }
    return found;
  }

  /** This many messages in any order, acknowledged. */
  async receiveAll(count: number): Promise<Received[]> {
    const collected: Received[] = [];
    let released = 0;
    while (collected.length < count || released > 0) {
      const found = await this.next();
      released += this.acknowledge(found);
      if (found?.type === 'publish') collected.push(found);
    }
    return collected;
  }

  /** Answers a message or PUBREL; gives by how many the open QoS 2 messages have changed. */
  private acknowledge(found: Received | null): number {
    if (found === null) throw new Error('the connection was closed');
    if (found.type === 'publish') {
      if (found.qos > 0) this.sendAck(found.qos === 1 ? 'puback' : 'pubrec', found.id);
      return found.qos === 2 ? 1 : 0;
    }
    if (found.type !== 'pubrel') throw new Error(`expected messages, got ${describe(found)}`);
    this.sendAck('pubcomp', found.id);
    return -1;
  }

  /** The broker refuses the CONNECT: CONNACK with the code in MQTT 5, a close alone before. */
  async expectMalformedConnect(code = 0x81): Promise<void> {
    if (this.version === 5) await this.expectRefusal(code);
    else await this.expectClosed();
  }

  /** A CONNACK with this code and no session, then the close. */
  async expectRefusal(code: number): Promise<void> {
    const found = await this.expect('connack');
    if (found.code !== code || found.sessionPresent) {
      throw new Error(`expected CONNACK 0x${code.toString(16)}, got ${describe(found)}`);
    }
    await this.expectClosed();
  }

  /** The broker closes and sends nothing before. */
  async expectClosed(): Promise<void> {
    const found = await this.next();
    if (found !== null) throw new Error(`expected a close, got ${describe(found)}`);
  }

  /** The broker ends the connection: DISCONNECT with the code and a close in MQTT 5, a close alone before. */
  async expectEnd(code: number): Promise<void> {
    if (this.version === 5) {
      const found = await this.expect('disconnect');
      if (found.code !== code)
        throw new Error(`expected DISCONNECT 0x${code.toString(16)}, got ${describe(found)}`);
    }
    await this.expectClosed();
  }

  /** Nothing has come: the answer to a PINGREQ is the next packet. */
  async expectSilence(): Promise<void> {
    this.send(PINGREQ);
    await this.expect('pingresp');
  }

  /** Nothing that this publisher has sent so far is under way to this client. */
  async expectNothingFrom(publisher: RawClient): Promise<void> {
    const [found] = await this.collectFrom(publisher);
    if (found !== undefined) throw new Error(`expected nothing, got ${describe(found)}`);
  }

  /** All that comes before a message the publisher sends now, acknowledged. */
  async collectFrom(publisher: RawClient): Promise<Received[]> {
    const marker = `marker/${this.clientId}/${this.nextId()}`;
    const id = this.nextId();
    this.send(subscribe(this.version, id, [[marker, 0]]));
    const collected: Received[] = [];
    let isMarked = false;
    let released = 0;
    while (!isMarked || released > 0) {
      const found = await this.next();
      if (found?.type === 'suback' && found.id === id) {
        publisher.sendPublish({ topic: marker, payload: 'marker' });
        continue;
      }
      released += this.acknowledge(found);
      if (found?.topic === marker) isMarked = true;
      else if (found?.type === 'publish') collected.push(found);
    }
    await this.unsubscribe(marker);
    return collected;
  }

  /** An identifier this client has not used yet. */
  nextId(): number {
    this.lastId += 1;
    return this.lastId;
  }

  private async expectAnswer(type: PacketType, id: number): Promise<Received> {
    const found = await this.expect(type);
    if (found.id !== id) throw new Error(`expected ${type} ${id}, got ${describe(found)}`);
    return found;
  }

  /** Null: closed, and every packet before the close was handed out. */
  next(): Promise<Received | null> {
    return this.inbox.next();
  }
}
