/**
 * All traces in a shard. It is told at the hooks as a plugin is, while there is any trace; else there is nothing of it.
 * Main takes the lines; what it does not take in time is counted instead. Runs on the shard's thread.
 */
import type { TraceEvent, TraceLine, TraceLot, TraceSubject } from '../../src/actor/trace-protocol.js';
import type { ClientInfo, HookMessage, ShardHooks } from '../../src/plugins/api.js';
import { parseSubscription } from '../../src/protocol/topic.js';
import type { Core } from '../core.js';
import { ShardTrace } from './shard-trace.js';
import { cut, payloadDetail } from './trace-text.js';

/** No plugin can have this name. */
const NAME = '$trace';

export class Tracer {
  private readonly traces = new Map<number, ShardTrace>();

  constructor(private readonly core: Core) {}

  start(id: number, subject: TraceSubject): null {
    this.core.turn.enter();
    if (this.traces.size === 0) this.listen();
    this.traces.set(id, new ShardTrace(subject));
    return null;
  }

  /** @returns null where there is no such trace, because the shard has been restarted */
  take(id: number): TraceLot | null {
    return this.traces.get(id)?.take() ?? null;
  }

  stop(id: number): null {
    this.core.turn.enter();
    if (this.traces.delete(id) && this.traces.size === 0) {
      this.core.registry.remove(NAME);
      this.core.hooks.denied = null;
    }
    return null;
  }

  private listen(): void {
    this.core.registry.add(NAME, this.hooks());
    this.core.hooks.denied = (clientId, action, topic) =>
      this.say('denied', clientId, topic, () => ({ action }), withoutPrefixes(topic));
  }

  private hooks(): ShardHooks {
    return {
      // Before plugins change a message: what the client has sent.
      priority: Number.MIN_SAFE_INTEGER,
      'client.connected': (client, reason) =>
        this.say('connected', client.clientId, null, () => connectDetail(client, reason)),
      'client.disconnected': ({ clientId }, reason) =>
        this.say('disconnected', clientId, null, () => ({ reason })),
      'session.subscribed': ({ clientId }, { filter, qos }) =>
        this.say('subscribed', clientId, filter, () => ({ qos }), withoutPrefixes(filter)),
      'session.unsubscribed': ({ clientId }, filter) =>
        this.say('unsubscribed', clientId, filter, () => ({}), withoutPrefixes(filter)),
      'message.publish': (message) => {
        const { clientId, topic } = message;
        this.say('publish', clientId, topic, () => ({
          ...flagsOf(message),
          ...payloadDetail(message.payload),
        }));
        return undefined;
      },
      'message.delivered': (clientId, message) =>
        this.say('delivered', clientId, message.topic, () => ({
          from: authorOf(message),
          ...flagsOf(message),
          ...payloadDetail(message.payload),
        })),
      'message.acked': (clientId, message) =>
        this.say('acked', clientId, message.topic, () => ({ from: authorOf(message), qos: message.qos })),
      'message.dropped': (clientId, topic, reason) =>
        this.say('dropped', clientId, topic, () => ({ reason })),
    };
  }

  private say(
    event: TraceEvent,
    clientId: string | null,
    topic: string | null,
    detail: () => TraceLine['detail'],
    matched = topic,
  ): void {
    const { wallMs } = this.core.turn;
    for (const trace of this.traces.values()) {
      if (trace.isAbout(clientId, matched)) trace.add(wallMs, event, clientId, topic, detail);
    }
  }
}

const flagsOf = ({ qos, retain }: HookMessage): TraceLine['detail'] => ({ qos, retain });
const authorOf = ({ clientId }: HookMessage): string | null => (clientId === null ? null : cut(clientId));
const withoutPrefixes = (filter: string): string => parseSubscription(filter)?.filter ?? filter;

/** Nothing of its password is known here. */
function connectDetail(client: ClientInfo, reason: number): TraceLine['detail'] {
  return {
    username: client.username === null ? null : cut(client.username),
    peer: `${client.peerAddress}:${client.peerPort}`,
    listener: client.listener,
    proto_ver: client.protocolVersion,
    clean_sess: client.cleanStart,
    keepalive: client.keepAliveSeconds,
    reason,
  };
}
