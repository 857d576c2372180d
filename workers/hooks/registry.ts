/**
 * Which plugin does what at which point, and the functions that `Hooks` has from it. Runs on the shard's thread.
 */
import { isPromise } from '../../src/base/guarded.js';
import type { ShardHooks } from '../../src/plugins/api.js';
import {
  AuthenticateChain,
  AuthorizeChain,
  PublishChain,
  SubscribeChain,
  UnsubscribeChain,
} from './chains.js';
import { Desk, type DeskNeeds, type Handler, Owner } from './desk.js';
import type { HookFunction, Hooks, Point } from './hooks.js';

interface Registration {
  readonly owner: Owner;
  readonly hooks: ShardHooks;
}

/** Points at which the last registered is asked first, and higher priorities before lower ones. */
const LAST_FIRST: ReadonlySet<Point> = new Set(['client.authenticate', 'client.authorize']);

export class HookRegistry {
  /** In the order of registration. */
  private registrations: Registration[] = [];
  private readonly desk: Desk;

  constructor(
    private readonly hooks: Hooks,
    core: DeskNeeds,
  ) {
    this.desk = new Desk(core);
    hooks.isCalling = () => this.desk.isCalling;
  }

  /**
   * Registers what a plugin does. Where it had registered before, the new takes the place of the old in the order of
   * registration, and answers that are still owed have failed: nobody passes a guard while it changes.
   */
  add(plugin: string, hooks: ShardHooks): void {
    const { priority = 0 } = hooks;
    const owner = new Owner(plugin, Number.isFinite(priority) ? priority : 0);
    const place = this.registrations.findIndex((each) => each.owner.plugin === plugin);
    const replaced = place < 0 ? null : this.registrations[place]!.owner;
    this.registrations =
      place < 0
        ? [...this.registrations, { owner, hooks }]
        : this.registrations.with(place, { owner, hooks });
    this.compile();
    if (replaced === null) return;
    replaced.isReplaced = true;
    this.desk.close(replaced);
  }

  /** None of its handlers is called any more; answers that it owes count as if it had had nothing to say. */
  remove(plugin: string): void {
    const found = this.registrations.find(({ owner }) => owner.plugin === plugin);
    if (found === undefined) return;
    this.registrations = this.registrations.filter((each) => each !== found);
    this.compile();
    this.desk.close(found.owner);
  }

  private compile(): void {
    this.compileAsking();
    const { hooks } = this;
    hooks.connected = this.teller('client.connected');
    hooks.disconnected = this.teller('client.disconnected');
    hooks.created = this.teller('session.created');
    hooks.subscribed = this.teller('session.subscribed');
    hooks.unsubscribed = this.teller('session.unsubscribed');
    hooks.terminated = this.teller('session.terminated');
    hooks.delivered = this.teller('message.delivered');
    hooks.acked = this.teller('message.acked');
    hooks.dropped = this.teller('message.dropped');
    hooks.wantsAuthors = hooks.delivered !== null || hooks.acked !== null;
  }

  private compileAsking(): void {
    const { hooks, desk } = this;
    const authenticate = this.handlersOf('client.authenticate');
    const authenticating = new AuthenticateChain(authenticate, desk);
    hooks.authenticate =
      authenticate.length === 0 ? null : (attempt) => authenticating.run(attempt, 'ignore');
    const authorize = this.handlersOf('client.authorize');
    const authorizing = new AuthorizeChain(authorize, desk);
    hooks.authorize = authorize.length === 0 ? null : (request) => authorizing.run(request, 'ignore');
    const subscribe = this.handlersOf('client.subscribe');
    const subscribing = new SubscribeChain(subscribe, desk);
    hooks.subscribe = subscribe.length === 0 ? null : (client, filters) => subscribing.run(client, filters);
    const unsubscribe = this.handlersOf('client.unsubscribe');
    const unsubscribing = new UnsubscribeChain(unsubscribe, desk);
    hooks.unsubscribe =
      unsubscribe.length === 0 ? null : (client, filters) => unsubscribing.run(client, filters);
    const publish = this.handlersOf('message.publish');
    const publishing = new PublishChain(publish, desk);
    hooks.publish = publish.length === 0 ? null : (message) => publishing.run(null, message);
  }

  private handlersOf<P extends Point>(point: P): Handler<HookFunction<P>>[] {
    const found = this.registrations.filter(({ hooks }) => typeof hooks[point] === 'function');
    const sign = LAST_FIRST.has(point) ? -1 : 1;
    if (sign < 0) found.reverse();
    // Sorting keeps the order of equals.
    found.sort((a, b) => sign * (a.owner.priority - b.owner.priority));
    return found.map(({ owner, hooks }) => ({
      owner,
      point,
      call: (hooks[point] as CallableFunction).bind(hooks) as HookFunction<P>,
    }));
  }

  private teller<P extends Point>(point: P): HookFunction<P> | null {
    const handlers = this.handlersOf(point) as readonly Handler<Tell>[];
    if (handlers.length === 0) return null;
    // No point has more than three arguments; an array for them would be made per call.
    const tell: Tell = (a, b, c) => {
      for (let i = 0; i < handlers.length; i++) this.tell(handlers[i]!, a, b, c);
    };
    return tell as HookFunction<P>;
  }

  private tell(handler: Handler<Tell>, a: unknown, b: unknown, c: unknown): void {
    const { desk } = this;
    if (!handler.owner.isActive) return;
    const wasCalling = desk.isCalling;
    desk.isCalling = true;
    try {
      const given = handler.call(a, b, c);
      // Nobody waits for it, but what goes wrong must not end the shard.
      if (isPromise(given)) Promise.resolve(given).catch((error: unknown) => desk.threw(handler, error));
    } catch (error) {
      desk.threw(handler, error);
    } finally {
      desk.isCalling = wasCalling;
    }
  }
}

type Tell = (a: unknown, b: unknown, c: unknown) => unknown;
