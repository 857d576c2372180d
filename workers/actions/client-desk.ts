/**
 * What the API does to clients and their sessions: it ends connections and sessions, forgets decisions, subscribes
 * and unsubscribes. Runs on the shard's thread.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SubscribeOutcome } from '../../src/actor/action-protocol.js';
import { BrokerError } from '../../src/base/errors.js';
import { API_SUBSCRIBE_TIMEOUT_MS, KICK_CLOSE_TIMEOUT_MS, KICK_POLL_MS } from '../../src/limits.js';
import type { ClientId } from '../../src/protocol/ids.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import type { ParsedSubscription } from '../../src/protocol/topic.js';
import { clientOf, clientOfSession } from '../connection/client.js';
import type { Connection } from '../connection/connection.js';
import { NewSubscriptions } from '../connection/new-subscriptions.js';
import type { SubscribeFlow } from '../connection/subscribe-flow.js';
import type { Core } from '../core.js';
import { OPTION_QOS_MASK } from '../routing/route.js';
import type { Session } from '../session/session.js';

export class ClientDesk {
  constructor(
    private readonly core: Core,
    private readonly subscribes: SubscribeFlow,
  ) {}

  /**
   * Ends the client's connection; will, hooks and session are as they are after any end. @returns false where it is not
   * connected, true once its connection is closed, or takes too long to
   */
  async kick(clientId: ClientId): Promise<boolean> {
    const { sessions, turn } = this.core;
    turn.enter();
    const connection = sessions.find(clientId)?.connection ?? null;
    if (connection === null) return false;
    connection.disconnect(ReasonCode.AdministrativeAction, 'kick');
    await this.closed(connection);
    return true;
  }

  /**
   * Ends the session, and its client's connection first: the will goes out, whatever its delay, and all else is gone.
   * @returns false where there is none, true once that is safe and the connection closed, as above
   */
  async remove(clientId: ClientId): Promise<boolean> {
    const { sessions, turn } = this.core;
    turn.enter();
    const session = sessions.find(clientId);
    if (session === null) return false;
    const { connection } = session;
    connection?.disconnect(ReasonCode.AdministrativeAction, 'kick');
    sessions.end(session, 'destroy');
    await Promise.all([this.safelyOver(), connection === null ? null : this.closed(connection)]);
    return true;
  }

  /** @param topic as the client knows it. @returns false where it is not connected */
  forgetDecision(clientId: ClientId, topic: string): boolean {
    const connection = this.core.sessions.find(clientId)?.connection ?? null;
    if (connection === null) return false;
    this.core.access.forget(clientOf(connection), topic);
    return true;
  }

  /**
   * Subscribes the session, also of an absent client; nobody is asked whether it may. The filter is taken as it is:
   * whole, with what the client's mountpoint would put before it.
   */
  subscribe(
    clientId: ClientId,
    filter: string,
    qos: 0 | 1 | 2,
  ): SubscribeOutcome | Promise<SubscribeOutcome> {
    const { core, subscribes } = this;
    const found = this.find(clientId, filter);
    if (typeof found === 'string') return found;
    const { session, parsed } = found;
    const known = core.router.subscriptionTo(session, parsed.filter, parsed.group, parsed.local);
    // What an MQTT 5 client has asked for itself stays, but for the QoS.
    const options = known === null ? qos : (known.options & ~OPTION_QOS_MASK) | qos;
    const wanted = new NewSubscriptions(subscribes, session, known?.identifier ?? 0);
    const text = clientOfSession(session)?.filterText(parsed) ?? filter;
    if (wanted.add(0, text, parsed, options) >= 0x80) return 'too_many';
    return new Promise((resolve, reject) => {
      const timeoutMs = Math.min(subscribes.timeoutMs, API_SUBSCRIBE_TIMEOUT_MS);
      wanted.settle(
        (failed) => {
          if (failed !== ReasonCode.Success) {
            const why = failed === ReasonCode.QuotaExceeded ? 'the store' : 'another shard';
            reject(new BrokerError('SHARD_UNAVAILABLE', `${why} does not know of the subscription`));
            return;
          }
          const client = clientOfSession(session);
          if (!session.ended && client !== null) wanted.tell(client);
          if (!session.ended) wanted.replay();
          resolve(session.ended ? 'no_session' : 'done');
        },
        timeoutMs,
        API_SUBSCRIBE_TIMEOUT_MS,
      );
    });
  }

  /** As above, answered once it is safe; also `done` where there was no such subscription. */
  unsubscribe(clientId: ClientId, filter: string): SubscribeOutcome | Promise<SubscribeOutcome> {
    const { core, subscribes } = this;
    const found = this.find(clientId, filter);
    if (typeof found === 'string') return found;
    const { session, parsed } = found;
    if (!core.router.unsubscribe(session, parsed.filter, parsed.group, parsed.local)) return 'done';
    const client = clientOfSession(session);
    subscribes.ended(session, parsed, client, client?.filterText(parsed) ?? filter);
    return session.isKept ? this.safelyOver().then(() => 'done') : 'done';
  }

  /** Resolves when the connection is closed, or takes too long to. */
  private async closed(connection: Connection): Promise<void> {
    const { connections, clock } = this.core;
    const untilMs = clock.monotonicMs() + KICK_CLOSE_TIMEOUT_MS;
    while (connections.has(connection) && clock.monotonicMs() < untilMs) await sleep(KICK_POLL_MS);
  }

  /** Resolves when the store knows that something has ended. */
  private safelyOver(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.core.acks.whenSafe((isSafe) => {
        if (isSafe) resolve();
        else reject(new BrokerError('SHARD_UNAVAILABLE', 'the store does not know that it has ended'));
      }, API_SUBSCRIBE_TIMEOUT_MS);
    });
  }

  private find(
    clientId: ClientId,
    filter: string,
  ): SubscribeOutcome | { readonly session: Session; readonly parsed: ParsedSubscription } {
    this.core.turn.enter();
    const parsed = this.subscribes.parsePlain(filter);
    if (parsed === null) return 'not_a_filter';
    const session = this.core.sessions.find(clientId);
    return session === null ? 'no_session' : { session, parsed };
  }
}
