/**
 * Asks again whether sessions may have the subscriptions they have: all of them after the rules have changed, one that
 * another user takes up. What is not allowed any more ends; the client is not told, for MQTT has no word for it. In
 * slices, because there may be millions. Runs on the shard's thread.
 */
import { RECHECK_SLICE, RECHECKS_ASKED_MAX } from '../../src/limits.js';
import { type Client, clientOfSession } from '../connection/client.js';
import type { Core } from '../core.js';
import { Pending } from '../hooks/pending.js';
import type { SubscriptionInfo } from '../routing/router.js';
import type { Session } from '../session/session.js';
import type { Runnable } from '../turn.js';

/** The subscriptions of one session, on their way. */
class SessionCheck {
  /** Questions that have no answer yet. */
  awaited = 0;
  private ended = 0;
  private firstEnded = '';

  constructor(
    private readonly core: Core,
    readonly session: Session,
    readonly client: Client,
    /** Numbers of the router's. */
    private readonly left: number[],
  ) {}

  get isAsked(): boolean {
    return this.left.length === 0;
  }

  /** The session belongs to whom has been asked about. */
  get isCurrent(): boolean {
    return !this.session.ended && clientOfSession(this.session) === this.client;
  }

  /** Asks about the next subscription. @returns an answer that will come later; null: it is done. */
  next(): Pending<void> | null {
    const { client, core, session } = this;
    const subscription = core.router.subscriptionAt(session, this.left.pop()!);
    if (subscription === null) return null;
    const may = core.access.authorize(client, 'subscribe', client.unmounted(subscription.filter));
    if (may instanceof Pending) return may.map((later) => this.decided(subscription, later));
    this.decided(subscription, may);
    return null;
  }

  /** To be called when nothing is asked or awaited any more. */
  report(): void {
    const { session, ended, firstEnded } = this;
    if (ended === 0) return;
    const fields = { clientId: session.clientId, ended, first: firstEnded };
    this.core.main.log('info', 'subscriptions are no longer allowed and have ended', fields);
  }

  private decided(subscription: SubscriptionInfo, isAllowed: boolean): void {
    const { core, session, client } = this;
    const { filter, group, local } = subscription;
    if (isAllowed || !this.isCurrent || !core.router.unsubscribe(session, filter, group, local)) return;
    if (group === null) core.replays.cancel(session, filter, local);
    const name = client.filterText(subscription);
    if (this.ended++ === 0) this.firstEnded = name;
    core.hooks.unsubscribed?.(client.info, name);
  }
}

export class Rechecks implements Runnable {
  queued = false;
  /** All sessions, after the rules have changed. */
  private round: Iterator<Session> | null = null;
  private readonly due = new Set<Session>();
  private current: SessionCheck | null = null;
  private asked = 0;

  constructor(private readonly core: Core) {}

  /** The rules have changed. */
  all(): void {
    this.round = this.core.sessions.all();
    this.core.turn.queue(this);
  }

  /** This session has come to somebody else. */
  one(session: Session): void {
    this.due.add(session);
    this.core.turn.queue(this);
  }

  run(): boolean {
    const { turn } = this.core;
    for (let left = RECHECK_SLICE; this.asked < RECHECKS_ASKED_MAX; left--) {
      if (left === 0) {
        if (turn.spent || turn.overTime) return true;
        left = RECHECK_SLICE;
      }
      if (this.current === null) {
        const session = this.nextSession();
        if (session === null) return false;
        this.current = this.begin(session);
      } else {
        this.goOn(this.current);
      }
    }
    // It goes on with the next answer.
    return false;
  }

  private nextSession(): Session | null {
    for (const session of this.due) {
      this.due.delete(session);
      return session;
    }
    const next = this.round?.next();
    if (next !== undefined && next.done !== true) return next.value;
    this.round = null;
    return null;
  }

  private begin(session: Session): SessionCheck | null {
    const client = clientOfSession(session);
    if (session.ended || client === null || client.isSuperuser || !this.core.access.isOn) return null;
    const subscriptions = this.core.router.subscriptionIdsOf(session);
    return subscriptions.length === 0 ? null : new SessionCheck(this.core, session, client, subscriptions);
  }

  private goOn(check: SessionCheck): void {
    const pending = check.isCurrent ? check.next() : null;
    if (pending !== null) {
      this.asked++;
      check.awaited++;
      pending.whenAnswered(() => {
        this.asked--;
        check.awaited--;
        this.finish(check);
        this.core.turn.queue(this);
      });
    }
    if (!check.isAsked && check.isCurrent) return;
    this.current = null;
    this.finish(check);
  }

  private finish(check: SessionCheck): void {
    if (check === this.current || check.awaited > 0) return;
    check.report();
    // Meanwhile it has come to somebody about whom nobody was asked.
    if (!check.isCurrent && !check.session.ended) this.one(check.session);
  }
}
