/** One publishing client: keeps to its window, numbers and stamps its messages. Runs on the generator's threads. */
import type { FlowScenario } from '../scenarios/scenario.js';
import type { Counters } from './counters.js';
import { TopicWriter } from './filter-set.js';
import { nowMs } from './load-clock.js';
import { type PublishTemplate, publishTemplate } from './packets.js';

const PACKET_IDS = 0x1_0000;

export class Publisher {
  slot = -1;
  /** Messages of QoS 1 and 2 that the broker has not acknowledged. */
  inflight = 0;
  readonly #templates: PublishTemplate[] = [];
  /** Of a large set of filters; otherwise each topic has a template. */
  #topics: TopicWriter | null = null;
  readonly #deliveriesPerMessage: number;
  readonly #window: number;
  readonly #burst: number;
  readonly #qos: number;
  readonly #isAway: boolean;
  /** By packet identifier: when it was sent. */
  readonly #sentMs: Float64Array;
  #sent = 0;
  #packetId = 0;
  #hasEnded = false;

  constructor(
    scenario: FlowScenario,
    readonly index: number,
    runId: string,
  ) {
    this.#deliveriesPerMessage = deliveriesPerMessage(scenario);
    this.#window = scenario.window;
    this.#burst = scenario.burst;
    this.#qos = scenario.qos;
    this.#isAway = scenario.isAway === true;
    this.#sentMs = new Float64Array(scenario.qos > 0 ? PACKET_IDS : 0);
    const { filters, qos, payloadBytes, topics } = scenario;
    if (filters !== undefined) {
      this.#topics = new TopicWriter(filters.kind, runId, index, filters.perSubscriber);
      this.#templates.push(publishTemplate(this.#topics.topic, qos, payloadBytes));
    }
    for (let topic = 0; filters === undefined && topic < topics; topic++) {
      this.#templates.push(publishTemplate(`${runId}/m/${index}/${topic}`, qos, payloadBytes));
    }
  }

  /** The connection is gone: nothing more is sent. */
  end(): void {
    this.#hasEnded = true;
  }

  /** The broker has taken a message over. @returns when it was sent */
  acknowledged(packetId: number): number {
    this.inflight--;
    return this.#sentMs[packetId]!;
  }

  /**
   * Writes the next messages into `scratch`, as many as burst, window and `due` (messages since the start) allow.
   * @returns the bytes written.
   */
  fill(scratch: Buffer, view: DataView, counters: Counters, due: number): number {
    if (this.#hasEnded) return 0;
    const unacknowledged = this.#qos > 0 ? this.inflight : 0;
    const undelivered = this.#isAway ? 0 : this.#undelivered(counters);
    const count = Math.min(
      this.#burst,
      Math.ceil(this.#window - undelivered),
      this.#window - unacknowledged,
      due - this.#sent,
    );
    if (count <= 0) return 0;
    const stampMs = nowMs();
    let length = 0;
    for (let i = 0; i < count; i++) length = this.#append(scratch, view, length, stampMs);
    if (this.#qos > 0) this.inflight += count;
    counters.sent[this.index] = this.#sent;
    return length;
  }

  #undelivered(counters: Counters): number {
    return this.#sent - counters.receivedFrom(this.index) / this.#deliveriesPerMessage;
  }

  #append(scratch: Buffer, view: DataView, at: number, stampMs: number): number {
    const sequence = ++this.#sent;
    const { bytes, packetIdAt, payloadAt, topicAt } = this.#templates[sequence % this.#templates.length]!;
    scratch.set(bytes, at);
    this.#topics?.write(scratch, at + topicAt, sequence);
    if (packetIdAt > 0) {
      this.#packetId = this.#packetId === 0xffff ? 1 : this.#packetId + 1;
      view.setUint16(at + packetIdAt, this.#packetId);
      this.#sentMs[this.#packetId] = stampMs;
    }
    view.setFloat64(at + payloadAt, stampMs, true);
    view.setUint32(at + payloadAt + 8, sequence, true);
    view.setUint32(at + payloadAt + 12, this.index, true);
    return at + bytes.length;
  }
}

/** @returns how many subscribers one message of a scenario reaches. */
export function deliveriesPerMessage(scenario: FlowScenario): number {
  return scenario.topology === 'all' ? scenario.subscribers : 1;
}
