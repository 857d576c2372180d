/**
 * An accepted application message that outlives the turn in which it came: in flight, queued or retained.
 * Immutable, shared by all who wait for it, owned by the shard that holds it.
 */
import { copyBytes } from '../base/bytes.js';
import { AUTHOR_OVERHEAD_BYTES, MESSAGE_OVERHEAD_BYTES, MESSAGE_TEXT_BYTES_MAX } from '../limits.js';
import type { Author } from './author.js';

/**
 * A message's bytes from the start of its topic to the end of its payload, as they lay in the packet: offsets
 * say where the topic (0 to `topicEnd`), the MQTT 5 properties and the payload (to the end) lie. Between them
 * may be bytes that mean nothing.
 */
export class Message {
  constructor(
    /**
     * Small messages are latin1 strings, one character per byte: a string is made in 55 ns, is exactly as
     * large as its content and pins nothing, where a slice of a pool pins the pool and memory of its own
     * costs 700 ns.
     */
    readonly data: string | Buffer,
    readonly topicEnd: number,
    readonly propertiesStart: number,
    readonly propertiesEnd: number,
    readonly payloadStart: number,
    readonly qos: number,
    readonly retain: boolean,
    /** Milliseconds since 1970. */
    readonly receivedAtMs: number,
    /** Milliseconds since 1970, Infinity for never. */
    readonly expiresAtMs: number,
    /** The topic begins with `$SYS/`. */
    readonly isSys: boolean,
    /** Null: the broker itself, or nobody wanted to know. */
    readonly author: Author | null,
  ) {}

  /** What this message counts against budgets, in bytes. */
  get size(): number {
    const { author } = this;
    const bytes = this.data.length + MESSAGE_OVERHEAD_BYTES;
    return author === null ? bytes : bytes + author.length + AUTHOR_OVERHEAD_BYTES;
  }

  get payloadBytes(): number {
    return this.data.length - this.payloadStart;
  }

  /** The topic name as text; for the log, hooks and listings, never per delivery. */
  topicText(): string {
    return this.#part(0, this.topicEnd).toString('utf8');
  }

  /** A copy of the payload. */
  payload(): Buffer {
    return this.#part(this.payloadStart, this.data.length);
  }

  /** Copies all of `data` to `out`, which must have room for it. */
  copyTo(out: Buffer, at: number): void {
    if (typeof this.data === 'string') out.write(this.data, at, 'latin1');
    else this.data.copy(out, at);
  }

  #part(start: number, end: number): Buffer {
    if (typeof this.data === 'string') return Buffer.from(this.data.slice(start, end), 'latin1');
    return Buffer.from(this.data.subarray(start, end));
  }
}

/** What `createMessage` needs; the rest is as a client that left it out. */
export interface MessageParts {
  readonly topic: string | Uint8Array;
  readonly payload: Uint8Array;
  readonly qos: number;
  readonly retain: boolean;
  /** Milliseconds since 1970. */
  readonly receivedAtMs: number;
  /** MQTT 5 properties in wire form, without topic alias, message expiry and subscription identifiers. */
  readonly properties?: Uint8Array;
  /** -1 or absent: never. */
  readonly expirySeconds?: number;
  readonly author?: Author | null;
}

/** Makes a message of the broker's own, or of a will. The topic must be valid. */
export function createMessage(parts: MessageParts): Message {
  const topic = typeof parts.topic === 'string' ? Buffer.from(parts.topic, 'utf8') : parts.topic;
  const properties = parts.properties ?? EMPTY;
  const bytes = Buffer.allocUnsafeSlow(topic.length + properties.length + parts.payload.length);
  const topicEnd = copyBytes(topic, 0, topic.length, bytes, 0);
  const propertiesEnd = copyBytes(properties, 0, properties.length, bytes, topicEnd);
  copyBytes(parts.payload, 0, parts.payload.length, bytes, propertiesEnd);
  return new Message(
    bytes.length <= MESSAGE_TEXT_BYTES_MAX ? bytes.toString('latin1') : bytes,
    topicEnd,
    topicEnd,
    propertiesEnd,
    propertiesEnd,
    parts.qos,
    parts.retain,
    parts.receivedAtMs,
    expiryTimeMs(parts.receivedAtMs, parts.expirySeconds ?? -1),
    isSysTopic(bytes, 0, topicEnd),
    parts.author ?? null,
  );
}

const EMPTY = Buffer.alloc(0);

/**
 * @returns when a message received at `receivedAtMs` expires, in milliseconds since 1970; Infinity for -1
 * seconds.
 */
export function expiryTimeMs(receivedAtMs: number, expirySeconds: number): number {
  return expirySeconds < 0 ? Number.POSITIVE_INFINITY : receivedAtMs + expirySeconds * 1000;
}

/**
 * The Message Expiry Interval to send now (v5 [MQTT-3.3.2-6]): whole seconds left, rounded up so that a
 * message still alive is not sent as expired; -1 for never, 0 when it has expired.
 */
export function expirySecondsLeft(expiresAtMs: number, nowMs: number): number {
  if (expiresAtMs === Number.POSITIVE_INFINITY) return -1;
  return expiresAtMs <= nowMs ? 0 : Math.ceil((expiresAtMs - nowMs) / 1000);
}

/** @returns whether the topic name in `bytes[start, end)` begins with `$SYS/`. */
export function isSysTopic(bytes: Uint8Array, start: number, end: number): boolean {
  return (
    end - start >= 5 &&
    bytes[start] === 0x24 &&
    bytes[start + 1] === 0x53 &&
    bytes[start + 2] === 0x59 &&
    bytes[start + 3] === 0x53 &&
    bytes[start + 4] === 0x2f
  );
}
