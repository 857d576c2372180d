/**
 * The life of one client in a soak: it comes with a name and topics that nobody has had, leaves a retained message, is
 * away while others write to it, gets what has waited, takes everything back, and its session ends. Runs on the soak's
 * thread.
 */
import { connectPacket, publishTemplate, subscribePacket } from '../packets.js';

/** What a life waits for. */
export type Stage = 'birth' | 'subscribed' | 'retained' | 'fed' | 'return' | 'brought' | 'cleared' | 'death';

/** Messages that wait for it while it is away. */
export const MESSAGES_AWAY = 10;
const FILTERS = 5;
const PAYLOAD_BYTES = 200;
const KEEP_ALIVE_S = 300;

export class Life {
  stage: Stage = 'birth';
  /** No sooner does it begin, or come back. */
  dueMs: number;
  /** Since when it waits. */
  sinceMs: number;
  /** Messages that have come, in order. */
  came = 0;
  /** Messages for it that the broker has taken over. */
  taken = 0;

  constructor(
    readonly number: number,
    private readonly prefix: string,
    dueMs: number,
  ) {
    this.dueMs = dueMs;
    this.sinceMs = dueMs;
  }

  get topic(): string {
    return `${this.prefix}/to/${this.number}/inbox`;
  }

  connect(isPersistent: boolean): Buffer {
    return connectPacket(`${this.prefix}-life${this.number}`, KEEP_ALIVE_S, { isPersistent });
  }

  subscribe(): Buffer {
    const others = Array.from(
      { length: FILTERS - 1 },
      (_, i) => `${this.prefix}/of/${this.number}/+/part${i}/#`,
    );
    return subscribePacket([this.topic, ...others], 1);
  }

  /** @param isThere otherwise the message is taken back */
  retain(isThere: boolean): Buffer {
    const payloadBytes = isThere ? PAYLOAD_BYTES : 0;
    const { bytes, packetIdAt } = publishTemplate(
      `${this.prefix}/kept/${this.number}`,
      1,
      payloadBytes,
      true,
    );
    bytes.writeUInt16BE(1, packetIdAt);
    return bytes;
  }

  /** @returns what others write to it: `index` from 0, under a packet identifier of theirs */
  message(index: number, packetId: number): Buffer {
    const { bytes, packetIdAt, payloadAt } = publishTemplate(this.topic, 1, PAYLOAD_BYTES);
    bytes.writeUInt16BE(packetId, packetIdAt);
    bytes.writeUInt32LE(this.number, payloadAt);
    bytes.writeUInt32LE(index, payloadAt + 4);
    return bytes;
  }
}
