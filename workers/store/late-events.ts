/**
 * What has happened to messages with QoS 1 lately: sent, acknowledged. Written down only while it still matters some
 * time later: most are acknowledged soon, and their whole record is over by then, so that nothing has to be said about
 * them. Runs on the shard's thread.
 *
 * A crash forgets it, and such a message is sent once more, or without DUP: the same as when it happens a moment
 * sooner. In what order they are told stays as it was, so a packet identifier is never that of two messages.
 */
import { JOURNAL_LATE_MS, JOURNAL_PENDING_EVENTS_MIN } from '../../src/limits.js';
import { doubled } from './columns.js';

/** In the place of a packet identifier: it was acknowledged. */
const ENDED = 0;

export interface LateListener {
  /** Whether it still matters is for the listener to find out. */
  lateSent(entry: number, packetId: number): void;
  lateEnded(entry: number): void;
}

class Lot {
  length = 0;
  private entries = new Float64Array(JOURNAL_PENDING_EVENTS_MIN);
  private packetIds = new Uint16Array(JOURNAL_PENDING_EVENTS_MIN);

  add(entry: number, packetId: number): void {
    const at = this.length++;
    if (at === this.entries.length) {
      this.entries = doubled(this.entries);
      this.packetIds = doubled(this.packetIds);
    }
    this.entries[at] = entry;
    this.packetIds[at] = packetId;
  }

  tell(listener: LateListener): void {
    const { length, entries, packetIds } = this;
    this.length = 0;
    for (let i = 0; i < length; i++) {
      const packetId = packetIds[i]!;
      if (packetId === ENDED) listener.lateEnded(entries[i]!);
      else listener.lateSent(entries[i]!, packetId);
    }
  }
}

export class LateEvents {
  private young = new Lot();
  private old = new Lot();
  private youngSinceMs = 0;

  constructor(private readonly listener: LateListener) {}

  get isEmpty(): boolean {
    return this.young.length + this.old.length === 0;
  }

  sent(entry: number, packetId: number): void {
    this.young.add(entry, packetId);
  }

  ended(entry: number): void {
    this.young.add(entry, ENDED);
  }

  /** Tells what is older than JOURNAL_LATE_MS; nothing waits for twice as long. */
  tellDue(nowMs: number): void {
    if (nowMs - this.youngSinceMs < JOURNAL_LATE_MS) return;
    this.youngSinceMs = nowMs;
    const { old } = this;
    old.tell(this.listener);
    this.old = this.young;
    this.young = old;
  }

  tellAll(): void {
    this.old.tell(this.listener);
    this.young.tell(this.listener);
  }
}
