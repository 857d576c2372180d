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

/** What later records say about the entries of one. */
interface Said {
  /** What records up to this one say is in it already. */
  readonly settled: number;
  /** A bit per place: the entry is over. */
  readonly ended: Uint8Array;
  /** By place; null: none. */
  steps: Map<number, Step> | null;
}

/** By record: one set of all entries would run into the most that a set can hold. */
export class JournalFold {
  private readonly records = new Map<number, Said>();

  /** Takes what the record in `reader` says; records come in their order. */
  take(sequence: number, reader: JournalReader): void {
    const ended = new Uint8Array((reader.places + 7) >> 3);
    this.records.set(sequence, { settled: reader.settled, ended, steps: null });
    for (let i = 0; i < reader.ends; i++) {
      const entry = reader.endAt(i);
      const said = this.saidOf(entry, sequence);
      if (said !== null) end(said, entry % PLACES_MAX);
    }
    for (let i = 0; i < reader.steps; i++) {
      const entry = reader.stepEntry(i);
      const said = this.saidOf(entry, sequence);
      if (said !== null) step(said, entry % PLACES_MAX, reader, i);
    }
  }

  /** @returns the entry that `reader` has read last; null: it is over */
  now(sequence: number, reader: JournalReader): FoldedEntry | null {
    const { place } = reader;
    const { ended, steps } = this.records.get(sequence)!;
    if ((ended[place >> 3]! & (1 << (place & 7))) !== 0) return null;
    const latest = reader.state === STATE_INBOUND ? undefined : steps?.get(place);
    if (latest === undefined) return reader;
    const packetId = latest.packetId || reader.packetId;
    const isReleased = latest.state === STATE_RELEASED || reader.state === STATE_RELEASED;
    const state = isReleased ? STATE_RELEASED : STATE_SENT;
    return { message: isReleased ? NO_MESSAGE : reader.message, packetId, state, order: latest.order };
  }

  // @returns null: the entry's record is gone, or knows already what the record `by` says
  private saidOf(entry: number, by: number): Said | null {
    const said = this.records.get(sequenceOf(entry));
    return said !== undefined && by > said.settled ? said : null;
  }
}

function end({ ended }: Said, place: number): void {
  if (place >> 3 < ended.length) ended[place >> 3]! |= 1 << (place & 7);
}

function step(said: Said, place: number, reader: JournalReader, index: number): void {
  said.steps ??= new Map();
  const state = reader.stepState(index);
  // RELEASED names no packet id: it is that of the step before, or of the entry.
  const before = said.steps.get(place)?.packetId ?? 0;
  const packetId = state === STATE_SENT ? reader.stepPacketId(index) : before;
  said.steps.set(place, { order: reader.stepOrder(index), packetId, state });
}
