/** One device: where it is in its life, and what it sends. Runs on the generator's threads. */
import { connectPacket, type PublishTemplate, publishTemplate } from '../packets.js';
import type { Fleet } from './fleet.js';
import { stamped, writeStamp } from './stamps.js';

/** `leaving`: it sends nothing more, and goes when all it has sent is acknowledged. */
export type DeviceState = 'new' | 'connecting' | 'online' | 'leaving' | 'away';

const WILL_BYTES = 32;

export class Device {
  state: DeviceState = 'new';
  /** Of commands. */
  lastSequence = 0;
  /** When it comes back. */
  returnMs = 0;
  /** Of QoS 1, not acknowledged. */
  inflight = 0;
  connects = 0;
  leavesSilently = false;
  readonly #telemetry: PublishTemplate;
  readonly #report: PublishTemplate;
  readonly #state: PublishTemplate;
  #packetId = 0;

  constructor(
    readonly number: number,
    readonly clientId: string,
    private readonly fleet: Fleet,
  ) {
    const { payloadBytes } = fleet.scenario;
    this.#telemetry = publishTemplate(fleet.topic(number, 'telemetry'), 0, payloadBytes);
    this.#report = publishTemplate(fleet.topic(number, 'report'), 1, payloadBytes);
    this.#state = publishTemplate(fleet.topic(number, 'state'), 1, payloadBytes, true);
  }

  connect(): Buffer {
    this.connects++;
    this.state = 'connecting';
    const payload = Buffer.alloc(WILL_BYTES);
    writeStamp(payload, 0, 0, this.connects, this.number);
    const will = { topic: this.fleet.topic(this.number, 'gone'), payload };
    return connectPacket(this.clientId, 300, { isPersistent: true, will });
  }

  telemetry(sentMs: number, sequence: number): Buffer {
    return stamped(this.#telemetry, 0, sentMs, sequence, this.number);
  }

  report(sentMs: number, sequence: number): Buffer {
    return stamped(this.#report, this.#takeId(), sentMs, sequence, this.number);
  }

  retainState(sentMs: number): Buffer {
    return stamped(this.#state, this.#takeId(), sentMs, this.connects, this.number);
  }

  #takeId(): number {
    this.inflight++;
    this.#packetId = (this.#packetId % 0xffff) + 1;
    return this.#packetId;
  }
}
