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

  /** Starts to send `session` what is retained for the filters of a SUBSCRIBE, behind what it already waits for. */
  start(session: Session, made: readonly Subscribed[], identifier: number): void {
    session.replays ??= new ReplayQueue();
    session.replays.push(made, identifier);
    this.core.turn.queue(session);
  }

  /** The session has lost its connection: nothing more is replayed. */
  cancel(session: Session): void {
    const replay = session.replays?.current ?? null;
    session.replays = null;
    session.retainedSeen = null;
    if (replay === null) return;
    this.byNumber.delete(replay.number);
    if (replay.isOpened)
      this.core.retained.ask(replay.owners[0]!, { kind: 'retained.close', replay: replay.number });
  }

  /** A live message with RETAIN is about to be delivered: an older one of the same topic must not follow it. */
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
      replay.take(new ArrayBuffer(0), 0, true);
      this.core.turn.queue(session);
    }
  }

  /** Sends what has come, asks for more. @returns true when the turn's budget ended it and there is more to send. */
  pump(session: Session): boolean {
    for (let replay = this.current(session); replay !== null; replay = this.current(session)) {
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
      session.retainedSeen = null;
      return null;
    }
    const { retained } = this.core;
    const { filter } = next.parsed;
    const owners = /[+#]/.test(filter) ? retained.allOwners : [retained.ownerOfText(filter)];
    const identifiers = replays.identifier === 0 ? null : [replays.identifier];
    const replay = new Replay(++this.lastNumber, filter, next.options & OPTIONS_KEPT, identifiers, owners);
    replays.current = replay;
    this.byNumber.set(replay.number, session);
    return replay;
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
    if (!isAsked) replay.take(new ArrayBuffer(0), 0, true);
    return !isAsked;
  }

  private finish(session: Session, replay: Replay): void {
    this.byNumber.delete(replay.number);
    session.replays!.current = null;
  }
}
