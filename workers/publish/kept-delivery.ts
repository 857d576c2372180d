/**
 * What the journal hears of messages on their way to sessions that are kept, and what waits until that is safe: a
 * PUBLISH with QoS 2, which would come twice under two packet identifiers if it were sent before a crash that forgets
 * it, and PUBREL, after which the client may take the same identifier for a new message. Runs on the shard's thread.
 */
import type { Message } from '../../src/protocol/message.js';
import type { Core } from '../core.js';
import { HELD, type Identifiers, RELEASING } from '../session/exchange.js';
import type { QueuedMessage } from '../session/message-ring.js';
import type { Session } from '../session/session.js';
import type { CommitSource } from '../store/commits.js';
import { type Entry, type EntryGroup, NO_ENTRY } from '../store/journal.js';

/** Exchanges that go on with the same commit, in parallel arrays. */
class Waiting {
  readonly sessions: Session[] = [];
  readonly packetIds: number[] = [];
  /** A packet identifier may be free and taken again meanwhile. */
  readonly entries: Entry[] = [];
}

const NOTHING = (): void => {};

export class KeptDelivery implements CommitSource {
  /** For the next commit. */
  private gathering = new Waiting();
  /** For the one that is under way. */
  private underway = new Waiting();

  constructor(private readonly core: Core) {}

  /** A message enters the queue of `session`. @returns what it is to be known by there */
  queued(
    session: Session,
    message: Message,
    qos: number,
    flags: number,
    identifiers: Identifiers,
    group: EntryGroup | null,
  ): Entry {
    return this.core.journal.entered(session.number, message, qos, flags, 0, identifiers, group);
  }

  /**
   * A message enters the window of `session`, which has room.
   * @returns the packet identifier with which it is sent now; 0: it is sent later
   */
  send(
    session: Session,
    message: Message,
    qos: number,
    flags: number,
    identifiers: Identifiers,
    group: EntryGroup | null,
  ): number {
    const id = this.take(session, message, qos, flags, identifiers, group);
    const entry = this.core.journal.entered(session.number, message, qos, flags, id, identifiers, group);
    return this.known(session, qos, id, entry);
  }

  /** As `send`, for a message that has waited in the queue. */
  sendTaken(session: Session, taken: QueuedMessage): number {
    const { qos, entry } = taken;
    const id = this.take(session, taken.message!, qos, taken.flags, taken.identifiers, taken.group);
    this.core.journal.sent(entry, id, qos);
    return this.known(session, qos, id, entry);
  }

  /** PUBREC has come: PUBREL follows when that is safe. */
  released(session: Session, packetId: number, entry: Entry): void {
    this.core.journal.released(entry);
    this.hold(session, packetId, entry);
  }

  /** A message with QoS 2 has come from `session`. @returns what its packet identifier is to be known by */
  inbound(session: Session, packetId: number): Entry {
    return session.isKept ? this.core.journal.inbound(session.number, packetId) : NO_ENTRY;
  }

  /** It is over, whatever it was; nothing happens with one that the journal does not know. */
  done(entry: Entry): void {
    if (entry !== NO_ENTRY) this.core.journal.done(entry);
  }

  /** The client has ended the exchange. */
  acknowledged(entry: Entry): void {
    if (entry !== NO_ENTRY) this.core.journal.acknowledged(entry);
  }

  /** The session is over, and everything that it has. */
  forget({ inflight, queue, awaitingRel }: Session): void {
    const { journal } = this.core;
    const forget = (entry: Entry): void => journal.forget(entry);
    inflight?.forEachEntry(forget);
    queue?.forEachEntry(forget);
    awaitingRel?.forEachEntry(forget);
  }

  /** The commit that begins now has what waits for it. */
  collect(): void {
    const { gathering } = this;
    this.gathering = this.underway;
    this.underway = gathering;
  }

  committed(): void {
    const { sessions, packetIds, entries } = this.underway;
    if (sessions.length === 0) return;
    this.underway = new Waiting();
    for (let i = 0; i < sessions.length; i++) this.goOn(sessions[i]!, packetIds[i]!, entries[i]!);
  }

  private take(
    session: Session,
    message: Message,
    qos: number,
    flags: number,
    identifiers: Identifiers,
    group: EntryGroup | null,
  ): number {
    const window = session.window();
    return qos === 2
      ? window.addHeld(message, flags, identifiers, group)
      : window.add(message, qos, flags, identifiers, group, this.core.turn.nowMs);
  }

  private known(session: Session, qos: number, packetId: number, entry: Entry): number {
    session.window().setEntry(packetId, entry);
    if (qos !== 2) return packetId;
    this.hold(session, packetId, entry);
    return 0;
  }

  private hold(session: Session, packetId: number, entry: Entry): void {
    const { gathering } = this;
    if (gathering.sessions.length === 0) this.core.commits.whenSafe(NOTHING);
    gathering.sessions.push(session);
    gathering.packetIds.push(packetId);
    gathering.entries.push(entry);
  }

  private goOn(session: Session, packetId: number, entry: Entry): void {
    const window = session.inflight;
    const slot = window === null ? -1 : window.slotOf(packetId);
    if (window === null || slot < 0 || window.entryAt(slot) !== entry) return;
    const state = window.stateAt(slot);
    if (state === RELEASING) {
      window.released(slot);
      session.connection?.sendPubrel(packetId);
    } else if (state === HELD) {
      window.ready(slot);
      if (session.connection !== null) this.core.redelivery.ready(session, slot);
    }
  }
}
