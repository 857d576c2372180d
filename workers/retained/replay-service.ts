/**
 * The subscriber's side of retained messages: pulls pages for the sessions of this shard and delivers them as window
 * and reader allow, without ever putting them into a queue. Runs on the shard's thread.
 */
import { REPLAY_PAGE_BYTES, REPLAY_TOPICS_SEEN_MAX } from '../../src/limits.js';
import type { ShardId } from '../../src/protocol/ids.js';
import { PublishView } from '../../src/protocol/mqtt/publish-view.js';
import type { Core } from '../core.js';
import { OPTION_QOS_MASK, OPTIONS_KEPT } from '../routing/route.js';
import { Replay, ReplayQueue, type Subscribed } from '../session/replay.js';
import type { Session } from '../session/session.js';

export class ReplayService {
  private readonly view = new PublishView();
  private readonly byNumber = new Map<number, Session>();
  private lastNumber = 0;

  constructor(private readonly core: Core) {}

  /** Replays under way, of all sessions. */
  get count(): number {
    return this.byNumber.size;
  }

  /** A SUBSCRIBE is on its way, from which replays may follow: what is delivered live counts from now on. */
  expect(session: Session): void {
    session.replaysExpected++;
  }

  /** The SUBSCRIBE has led to what it leads to. To be called once for each `expect`. */
  expected(session: Session): void {
    session.replaysExpected--;
    this.forgetSeen(session);
  }

  /** Starts to send `session` what is retained for the filters of a SUBSCRIBE, behind what it already waits for. */
  start(session: Session, made: readonly Subscribed[], identifier: number): void {
    session.replays ??= new ReplayQueue();
    session.replays.push(made, identifier);
    this.core.turn.queue(session);
  }

  /** The subscription has ended: nothing more is replayed for it. */
  cancel(session: Session, filter: string, isLocal: boolean): void {
    const replay = session.replays?.current ?? null;
    if (replay === null || replay.filter !== filter || replay.isLocal !== isLocal) return;
    this.finish(session, replay);
    this.core.turn.queue(session);
  }

  /** The session has lost its connection: nothing more is replayed. */
  cancelAll(session: Session): void {
    const replay = session.replays?.current ?? null;
    if (replay !== null) this.finish(session, replay);
    session.replays = null;
    session.retainedSeen = null;
  }

  /** A live message with RETAIN has been delivered: an older one of the same topic must not follow it. */
  onLive(session: Session, view: PublishView): void {
    session.retainedSeen ??= new Map();
    if (session.retainedSeen.size >= REPLAY_TOPICS_SEEN_MAX) return;
    session.retainedSeen.set(
      view.topicBytes.toString('latin1', view.topicStart, view.topicEnd),
      view.receivedAtMs,
    );
  }

  onPage(number: number, bytes: ArrayBuffer, length: number, isLast: boolean): void {
    const session = this.byNumber.get(number);
    const replay = session?.replays?.current ?? null;
    if (session === undefined || replay === null || replay.number !== number) return;
    replay.take(bytes, length, isLast);
    this.core.turn.queue(session);
  }

  /** A shard is gone, and with it what it owned: replays that wait for it go on with the next. */
  onOwnerLost(owner: ShardId): void {
    for (const session of this.byNumber.values()) {
      const replay = session.replays?.current ?? null;
      if (replay === null || replay.owners[0] !== owner || !replay.isOpened) continue;
      replay.skipOwner();
      this.core.turn.queue(session);
    }
  }

  /** Sends what has come, asks for more. @returns true when the turn's budget ended it and there is more to send. */
  pump(session: Session): boolean {
    for (let replay = this.current(session); replay !== null; replay = this.current(session)) {
      if (this.core.turn.spent) return true;
      if (replay.page !== null) {
        if (!this.sendPage(session, replay)) return this.core.turn.spent;
        replay.page = null;
      }
      if (replay.owners.length === 0) this.finish(session, replay);
      else if (replay.isAwaited || !this.askNext(replay)) return false;
    }
    return false;
  }

  // The session's replay under way, begun here where there is more to replay; null when all is done.
  private current(session: Session): Replay | null {
    const { replays } = session;
    if (replays === null || replays.current !== null) return replays?.current ?? null;
    const next = replays.shift();
    if (next === null) {
      session.replays = null;
      this.forgetSeen(session);
      return null;
    }
    const { filter, local } = next.parsed;
    const owners = this.ownersOf(session, filter, local);
    const identifiers = replays.identifier === 0 ? null : [replays.identifier];
    const options = next.options & OPTIONS_KEPT;
    const replay = new Replay(++this.lastNumber, filter, local, options, identifiers, owners);
    replays.current = replay;
    this.core.turn.spend(1);
    this.byNumber.set(replay.number, session);
    return replay;
  }

  private ownersOf(session: Session, filter: string, isLocal: boolean): readonly ShardId[] {
    const { retained, router } = this.core;
    // Ended meanwhile: nothing more may be sent for it [MQTT-3.10.4-2].
    if (!router.has(session, filter, null, isLocal)) return [];
    return /[+#]/.test(filter) ? retained.allOwners : [retained.ownerOfText(filter)];
  }

  // @returns false when the page could not be sent to its end.
  private sendPage(session: Session, replay: Replay): boolean {
    const { core, view } = this;
    const page = replay.page!;
    while (!page.atEnd) {
      if (core.turn.spent || !core.delivery.hasRoom(session, replay.options & OPTION_QOS_MASK)) return false;
      page.next(view);
      if (view.expiresAtMs <= core.turn.wallMs || this.isOutdated(session, view)) continue;
      core.delivery.toSession(view, session, replay.options, replay.identifiers, null, true);
    }
    return true;
  }

  private isOutdated(session: Session, view: PublishView): boolean {
    if (session.retainedSeen === null) return false;
    const seenMs = session.retainedSeen.get(
      view.topicBytes.toString('latin1', view.topicStart, view.topicEnd),
    );
    return seenMs !== undefined && seenMs >= view.receivedAtMs;
  }

  private askNext(replay: Replay): boolean {
    const { retained } = this.core;
    const owner = replay.owners[0]!;
    const { number, filter } = replay;
    const bytesMax = REPLAY_PAGE_BYTES;
    replay.isAwaited = true;
    const isAsked = replay.isOpened
      ? retained.ask(owner, { kind: 'retained.next', replay: number, bytesMax })
      : retained.ask(owner, { kind: 'retained.open', replay: number, filter, bytesMax });
    replay.isOpened = true;
    // A shard that is not there owns nothing at the moment.
    if (!isAsked) replay.skipOwner();
    return !isAsked;
  }

  private finish(session: Session, replay: Replay): void {
    const { number } = replay;
    this.byNumber.delete(number);
    if (replay.isOpened)
      this.core.retained.ask(replay.owners[0]!, { kind: 'retained.close', replay: number });
    session.replays!.current = null;
  }

  private forgetSeen(session: Session): void {
    if (!session.awaitsRetained) session.retainedSeen = null;
  }
}
