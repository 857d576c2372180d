/**
 * A publisher and a subscriber that go on while something happens to the broker, and then say whether every message
 * came once and in order. Runs beside the test's own clients.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { RawClient } from '../helpers/raw-client.js';
import type { Received } from '../helpers/received.js';
import type { Version } from '../helpers/wire.js';

/** Whoever makes the clients. */
export interface FlowClients {
  /** A client of this shard whose CONNECT was accepted. */
  connect(shard: number, version: Version): Promise<RawClient>;
}

/** Where its clients come from. */
export interface FlowClients {
  connect(shard: number, version: Version): Promise<RawClient>;
}

export interface FlowOptions {
  readonly from: number;
  readonly to: number;
  readonly qos: 1 | 2;
  readonly version?: Version;
}

/** Messages under way at a time. */
const WINDOW = 8;
const IDS = 60_000;
/** How long a number of messages may take. Only a test that fails waits so long. */
const DEADLINE_MS = 15_000;

let lastFlow = 0;

export class Flow {
  sent = 0;
  received = 0;
  /** What was not as it must be; the test wants none. */
  readonly faults: string[] = [];
  private isStopping = false;
  /** Number of the last message. */
  private last = Number.POSITIVE_INFINITY;
  private readonly done: Promise<unknown>;

  private constructor(
    private readonly publisher: RawClient,
    private readonly subscriber: RawClient,
    private readonly topic: string,
    private readonly qos: 1 | 2,
  ) {
    this.done = Promise.all([this.guard(this.publish()), this.guard(this.subscribe())]);
  }

  /** Starts it; some messages have gone through when this resolves. */
  static async start(clients: FlowClients, options: FlowOptions): Promise<Flow> {
    lastFlow += 1;
    const { from, to, qos, version = 5 } = options;
    const topic = `flow/${lastFlow}`;
    const subscriber = await clients.connect(to, version);
    await subscriber.subscribe([[topic, qos]]);
    const flow = new Flow(await clients.connect(from, version), subscriber, topic, qos);
    await flow.goesOn();
    return flow;
  }

  /** Waits until that many more messages have come: the flow is not held up. */
  async goesOn(messages = 3 * WINDOW): Promise<void> {
    const wanted = this.received + messages;
    const deadlineMs = Date.now() + DEADLINE_MS;
    while (this.received < wanted && this.faults.length === 0 && Date.now() < deadlineMs) await pause(5);
    if (this.received < wanted) this.faults.push(`held up at message ${this.received}`);
  }

  /** Ends it, when all that was sent has come. @returns the faults. */
  async stop(): Promise<readonly string[]> {
    this.isStopping = true;
    await this.done;
    return this.faults;
  }

  private async publish(): Promise<void> {
    let open = 0;
    while (this.sent < this.last || open > 0) {
      for (; open < WINDOW && this.sent < this.last; open++) {
        this.sent += 1;
        if (this.isStopping) this.last = this.sent;
        const id = 1 + (this.sent % IDS);
        this.publisher.sendPublish({ topic: this.topic, payload: `${this.sent}`, qos: this.qos, id });
      }
      const found = await this.publisher.next();
      if (found === null) throw new Error('the publisher was disconnected');
      if (found.code >= 0x80) throw new Error(`${found.type} with code ${found.code}`);
      if (found.type === 'pubrec') this.publisher.sendAck('pubrel', found.id);
      else open -= 1;
      // So fast that something is under way all the time, so slow that the machine can do other things.
      await pause(1);
    }
  }

  private async subscribe(): Promise<void> {
    let released = 0;
    while (this.received < this.last || released > 0) {
      const found = await this.subscriber.next();
      if (found === null) throw new Error('the subscriber was disconnected');
      released += this.take(found);
      if (this.faults.length > 0) return;
    }
  }

  /** @returns by how many the open QoS 2 messages have changed. */
  private take(found: Received): number {
    if (found.type === 'pubrel') {
      this.subscriber.sendAck('pubcomp', found.id);
      return -1;
    }
    this.received += 1;
    if (Number(found.payload) !== this.received || found.dup) {
      this.faults.push(`message ${found.payload} came in place of ${this.received}`);
    }
    this.subscriber.sendAck(this.qos === 1 ? 'puback' : 'pubrec', found.id);
    return this.qos === 2 ? 1 : 0;
  }

  private async guard(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.faults.push(String(error));
      this.isStopping = true;
    }
  }
}
