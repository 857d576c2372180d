/** One plugin's part in a shard, from its start to its end: what it is given, and its talk with main. Runs on the shard's thread. */
import { ReceiveCount, SendWindow } from '../../src/actor/message-window.js';
import type { LogFields, PluginStart } from '../../src/actor/shard-protocol.js';
import { messageOf } from '../../src/base/errors.js';
import { guarded } from '../../src/base/guarded.js';
import { type LimitedLog, limitedLog } from '../../src/base/limited-log.js';
import type {
  CreateShardPart,
  RetainedLimits,
  ShardContext,
  ShardHooks,
  ShardPart,
} from '../../src/plugins/api.js';
import { asClientId } from '../../src/protocol/ids.js';
import { createMessage } from '../../src/protocol/message.js';
import { type CheckedPublish, checkPublish, isQos } from '../../src/protocol/publish-request.js';
import type { SubscribeFlow } from '../connection/subscribe-flow.js';
import type { Core } from '../core.js';
import type { Point } from '../hooks/hooks.js';

const NO_HOOKS: ShardHooks = {};

const POINTS: Readonly<Record<Point, true>> = {
  'client.authenticate': true,
  'client.authorize': true,
  'client.connected': true,
  'client.disconnected': true,
  'client.subscribe': true,
  'client.unsubscribe': true,
  'session.created': true,
  'session.subscribed': true,
  'session.unsubscribed': true,
  'session.terminated': true,
  'message.publish': true,
  'message.delivered': true,
  'message.acked': true,
  'message.dropped': true,
};

export class PluginPart {
  isEnded = false;
  /** What it says about retained messages. */
  retained: RetainedLimits | null = null;
  private part: ShardPart | null = null;
  /** From main, while it is being created. Main's window bounds them. */
  private early: unknown[] | null = [];
  private readonly window = new SendWindow();
  private readonly received = new ReceiveCount();
  private readonly log: LimitedLog;

  constructor(
    readonly start: PluginStart,
    private readonly core: Core,
    private readonly subscribes: SubscribeFlow,
  ) {
    const write = (level: keyof LimitedLog, message: string, fields: LogFields): void => {
      if (level !== 'debug' || core.config['log.level'] === 'debug') core.main.log(level, message, fields);
    };
    this.log = limitedLog(start.name, write, core.clock);
  }

  get hooks(): ShardHooks {
    return this.part?.hooks ?? NO_HOOKS;
  }

  /** @throws whatever its module throws; Error when what that gives is not a part */
  async create(module: string): Promise<void> {
    const { default: create } = (await import(module)) as { default?: CreateShardPart };
    if (typeof create !== 'function')
      throw new Error('the default export of its shard module is not a function');
    const part = await create(this.context());
    const wrong = wrongWithPart(part);
    if (wrong !== null) throw new Error(wrong);
    this.part = part;
    this.retained = part.retained ?? null;
    // Nobody else will, if it has been given up meanwhile.
    if (this.isEnded) this.stop();
  }

  /** Hands on what main has told it meanwhile. */
  open(): void {
    const { early } = this;
    this.early = null;
    for (const data of early ?? []) this.told(data);
  }

  told(data: unknown): void {
    if (this.early !== null) {
      this.early.push(data);
      return;
    }
    if (this.isEnded) return;
    const { name, run } = this.start;
    const count = this.received.count();
    if (count > 0) this.core.main.pluginHeard({ name, run, count });
    guarded(
      () => this.part?.onMessage?.(data),
      (error) => this.log.error(`a message of its main part was not handled: ${messageOf(error)}`),
    );
  }

  heard(count: number): void {
    this.window.heard(count);
  }

  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.stop();
  }

  private stop(): void {
    guarded(
      () => this.part?.stop?.(),
      (error) => this.log.error(`its part in this shard did not stop in order: ${messageOf(error)}`),
    );
  }

  private context(): ShardContext {
    const { core, start, subscribes } = this;
    return {
      node: core.config['node.name'],
      shard: core.shard,
      shards: core.shards,
      values: start.values,
      state: start.state,
      log: this.log,
      tell: (data) => this.tell(data),
      publish: (topic, payload, options = {}) =>
        this.publish(checkPublish(topic, payload, options, this.core.publisher.review.limits)),
      isWanted: (topic) => this.core.publisher.isWanted(topic),
      subscribe: (clientId, filter, qos) => {
        if (typeof filter !== 'string') throw new Error('the filter is not a string');
        if (!isQos(qos)) throw new Error('qos is not 0, 1 or 2');
        if (!this.isEnded) subscribes.subscribeFor(asClientId(clientId), filter, qos);
      },
      unsubscribe: (clientId, filter) => {
        if (typeof filter !== 'string') throw new Error('the filter is not a string');
        if (!this.isEnded) subscribes.unsubscribeFor(asClientId(clientId), filter);
      },
    };
  }

  private tell(data: unknown): boolean {
    if (this.isEnded) return false;
    if (this.window.isFull) {
      this.log.warn('messages to its main part are dropped: too many wait');
      return false;
    }
    const { name, run } = this.start;
    try {
      this.core.main.pluginTold({ name, run, data });
    } catch (error) {
      this.log.error(`a message to its main part is dropped: ${messageOf(error)}`);
      return false;
    }
    this.window.sent();
    return true;
  }

  private publish(message: CheckedPublish): void {
    if (this.isEnded) return;
    const { turn, publisher } = this.core;
    turn.enter();
    publisher.publishOwn(createMessage({ ...message, receivedAtMs: turn.wallMs }));
  }
}

/** @returns what is wrong with what a shard module has created */
function wrongWithPart(part: unknown): string | null {
  if (typeof part !== 'object' || part === null) return 'its shard module does not return an object';
  const { hooks = {}, retained, onMessage, stop } = part as Record<string, unknown>;
  for (const given of [onMessage, stop]) {
    if (given !== undefined && typeof given !== 'function') return 'its onMessage or stop is not a function';
  }
  if (retained !== undefined && !areLimits(retained))
    return 'its retained has to have four limits, 0 or above';
  if (typeof hooks !== 'object' || hooks === null) return 'its hooks are not an object';
  for (const [point, handler] of Object.entries(hooks)) {
    if (point === 'priority') {
      if (typeof handler !== 'number') return 'the priority of its hooks is not a number';
    } else if (!Object.hasOwn(POINTS, point)) return `there is no hook ${point}`;
    else if (typeof handler !== 'function') return `its hook ${point} is not a function`;
  }
  return null;
}

function areLimits(given: unknown): boolean {
  const limits: Record<string, unknown> = Object(given);
  const names: readonly (keyof RetainedLimits)[] = ['messagesMax', 'payloadBytesMax', 'bytesMax', 'expiryMs'];
  return names.every((name) => typeof limits[name] === 'number' && limits[name] >= 0);
}
