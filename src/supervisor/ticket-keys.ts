/** The keys that session tickets are made and read with: the same in all shards, new every day. Main thread. */
import { randomBytes } from 'node:crypto';
import { TICKET_KEYS_ROTATION_MS } from '../limits.js';

/** 16 bytes of name, 16 to authenticate, 16 to encrypt, as Node wants them. */
const KEYS_BYTES = 48;

export class TicketKeys {
  current: Uint8Array = randomBytes(KEYS_BYTES);
  #madeAtMs: number;

  /** @param nowMs monotonic, here and below */
  constructor(nowMs: number) {
    this.#madeAtMs = nowMs;
  }

  /** Makes new keys when it is time. @returns whether it has; tickets given out before are worth nothing then. */
  rotate(nowMs: number): boolean {
    if (nowMs - this.#madeAtMs < TICKET_KEYS_ROTATION_MS) return false;
    this.#madeAtMs = nowMs;
    this.current = randomBytes(KEYS_BYTES);
    return true;
  }
}
