/**
 * What the records of one journal say when they are read together: which of their entries live, and how far each has
 * come. Used where a journal is given to other shards. On main.
 */
import {
  NO_MESSAGE,
  PLACES_MAX,
  STATE_INBOUND,
  STATE_RELEASED,
  STATE_SENT,
  sequenceOf,
} from './journal-format.js';
import type { JournalReader } from './journal-reader.js';

interface Step {
  readonly order: number;
  readonly packetId: number;
  readonly state: number;
}

/** An entry as it is now. */
export interface FoldedEntry {
  readonly message: number;
  readonly packetId: number;
  readonly state: number;
  readonly order: number;
}

export class JournalFold {
  private readonly ended = new Set<number>();
  private readonly steps = new Map<number, Step>();
  /** Of each record: what records up to this one say of its entries is in it already. */
  private readonly settled = new Map<number, number>();

  /** Takes what the record in `reader` says; records come in their order. */
  take(sequence: number, reader: JournalReader): void {
    this.settled.set(sequence, reader.settled);
    for (let i = 0; i < reader.ends; i++) {
      const entry = reader.endAt(i);
      if (this.counts(entry, sequence)) this.ended.add(entry);
    }
    for (let i = 0; i < reader.steps; i++) {
      const entry = reader.stepEntry(i);
      if (!this.counts(entry, sequence)) continue;
      const state = reader.stepState(i);
      // RELEASED names no packet id: it is that of the step before, or of the entry.
      const before = this.steps.get(entry)?.packetId ?? 0;
      const packetId = state === STATE_SENT ? reader.stepPacketId(i) : before;
      this.steps.set(entry, { order: reader.stepOrder(i), packetId, state });
    }
  }

  /** @returns the entry that `reader` has read last; null: it is over */
  now(sequence: number, reader: JournalReader): FoldedEntry | null {
    const entry = sequence * PLACES_MAX + reader.place;
    if (this.ended.has(entry)) return null;
    const step = reader.state === STATE_INBOUND ? undefined : this.steps.get(entry);
    if (step === undefined) return reader;
    const packetId = step.packetId || reader.packetId;
    const isReleased = step.state === STATE_RELEASED || reader.state === STATE_RELEASED;
    const state = isReleased ? STATE_RELEASED : STATE_SENT;
    return { message: isReleased ? NO_MESSAGE : reader.message, packetId, state, order: step.order };
  }

  private counts(entry: number, by: number): boolean {
    const settled = this.settled.get(sequenceOf(entry));
    return settled !== undefined && by > settled;
  }
}
