/**
 * Where plugins are asked and told what happens in a shard. A field that is null is a point at which nobody has
 * registered anything, and costs one comparison. The registry sets them. Runs on the shard's thread.
 */
import type {
  AccessRequest,
  ClientInfo,
  ConnectAttempt,
  HookMessage,
  ShardHooks,
} from '../../src/plugins/api.js';
import type { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import type { AccessVerdict, FiltersAnswer } from './chains.js';
import type { Pending } from './pending.js';

/** The name of a point. */
export type Point = Exclude<keyof ShardHooks, 'priority'>;

/** What a plugin registers at a point. */
export type HookFunction<P extends Point> = NonNullable<ShardHooks[P]>;

/** What a plugin has decided about a client that wants to connect. */
export interface AuthVerdict {
  readonly isAllowed: boolean;
  readonly isSuperuser: boolean;
  /** Success, or the reason of the refusal. */
  readonly reason: ReasonCode;
}

type Ask<I, A> = (input: I) => A | Pending<A>;
type AskClient<A> = (client: ClientInfo, about: A) => A | Pending<A>;

export class Hooks {
  /** A handler is on the stack. What plugins ask for then has to wait until it is not. */
  isCalling: () => boolean = () => false;

  authenticate: Ask<ConnectAttempt, AuthVerdict | 'ignore'> | null = null;
  authorize: Ask<AccessRequest, AccessVerdict> | null = null;
  subscribe: AskClient<FiltersAnswer> | null = null;
  unsubscribe: AskClient<readonly string[]> | null = null;
  /** The same message again: nobody has changed it. */
  publish: ((message: HookMessage) => HookMessage | null | Pending<HookMessage | null>) | null = null;

  connected: HookFunction<'client.connected'> | null = null;
  disconnected: HookFunction<'client.disconnected'> | null = null;
  created: HookFunction<'session.created'> | null = null;
  subscribed: HookFunction<'session.subscribed'> | null = null;
  unsubscribed: HookFunction<'session.unsubscribed'> | null = null;
  terminated: HookFunction<'session.terminated'> | null = null;
  delivered: HookFunction<'message.delivered'> | null = null;
  acked: HookFunction<'message.acked'> | null = null;
  dropped: HookFunction<'message.dropped'> | null = null;

  /** A trace: a client may not publish to a topic, or not subscribe to a filter. Plugins have no such point. */
  denied: ((clientId: string, action: 'publish' | 'subscribe', topic: string) => void) | null = null;

  /** Somebody is told of `delivered` or `acked`: messages take the names of their publishers with them. */
  wantsAuthors = false;
}
