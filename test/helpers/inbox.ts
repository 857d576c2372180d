/** The packets that came over a carrier, read strictly and handed out one by one. */
import type { Carrier } from './carrier.js';
import { decode, type Received } from './received.js';
import type { Version } from './wire.js';

/** How long a packet or a close may take. Only a test that fails waits so long. */
const DEADLINE_MS = 30_000;

export class Inbox {
  private unread: Buffer = Buffer.alloc(0);
  private readonly arrived: Received[] = [];
  private problem: Error | null = null;
  private isClosed = false;
  private wake: (() => void) | null = null;

  constructor(
    private readonly carrier: Carrier,
    private readonly version: Version,
  ) {
    carrier.onBytes = (bytes) => this.onBytes(bytes);
    carrier.onClosed = () => {
      this.isClosed = true;
      this.wake?.();
    };
  }

  /** Null: closed, and every packet before the close was handed out. */
  async next(): Promise<Received | null> {
    const deadlineMs = Date.now() + DEADLINE_MS;
    while (this.arrived.length === 0 && !this.isClosed && this.problem === null) {
      const isLate = await this.waitUntil(deadlineMs);
      if (isLate) throw new Error('nothing came from the broker');
    }
    const found = this.arrived.shift();
    if (found !== undefined) return found;
    if (this.problem !== null) throw this.problem;
    return null;
  }

  private waitUntil(deadlineMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(true), deadlineMs - Date.now());
      this.wake = () => {
        clearTimeout(timer);
        resolve(false);
      };
    });
  }

  private onBytes(chunk: Buffer): void {
    this.unread = this.unread.length === 0 ? chunk : Buffer.concat([this.unread, chunk]);
    try {
      for (;;) {
        const found = decode(this.unread, this.version);
        if (found === null) break;
        this.unread = this.unread.subarray(found.frame.length);
        this.arrived.push(found);
      }
    } catch (error) {
      this.problem = error as Error;
      this.carrier.drop();
    }
    this.wake?.();
  }
}

/** A packet in a few words, for messages about wrong ones. */
export function describe(found: Received): string {
  const { type, id, code, codes, topic, payload, qos } = found;
  if (type === 'publish') return `publish ${topic} ${payload.slice(0, 40)} (QoS ${qos}, id ${id})`;
  return `${type} (id ${id}, code 0x${code.toString(16)}${codes.length > 0 ? `, codes ${codes}` : ''})`;
}
