/**
 * The plugins of one shard: starts and stops their parts as main says, registers their hooks, passes on what is said
 * between the parts. Runs on the shard's thread.
 */
import type { PluginHeard, PluginMessage, PluginStart } from '../../src/actor/shard-protocol.js';
import { inTime } from '../../src/base/deadline.js';
import { messageOf } from '../../src/base/errors.js';
import { PLUGIN_SHARD_TIMEOUT_MS } from '../../src/limits.js';
import type { ShardHooks } from '../../src/plugins/api.js';
import { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import type { SubscribeFlow } from '../connection/subscribe-flow.js';
import type { Core } from '../core.js';
import { PluginPart } from './plugin-part.js';

/** In the place of a guard that ought to run and does not. */
const NOBODY_PASSES: ShardHooks = {
  priority: Number.MAX_SAFE_INTEGER,
  'client.authenticate': () => ({ allow: false, reason: ReasonCode.ServerUnavailable }),
  'client.authorize': () => 'deny',
};
/** In the place of another plugin that is being restarted. */
const NOTHING: ShardHooks = {};

export class ShardHost {
  private readonly running = new Map<string, PluginPart>();
  /** Parts that are being created; their hooks are not registered yet. */
  private readonly starting = new Map<string, PluginPart>();
  /** Main's requests wait for those that the shard has begun with. */
  private booted: Promise<void> = Promise.resolve();

  constructor(
    private readonly core: Core,
    private readonly subscribes: SubscribeFlow,
  ) {}

  /** Starts what runs in the other shards. Never rejects: main stops one that fails here in the others too. */
  boot(starts: readonly PluginStart[]): Promise<void> {
    // All at once are there to be told something by main, which does not wait for the shard.
    this.booted = this.bootAll(starts.map((start) => this.expect(start)));
    return this.booted;
  }

  private async bootAll(parts: readonly PluginPart[]): Promise<void> {
    for (const part of parts) {
      const { start } = part;
      try {
        await inTime(this.launch(part), PLUGIN_SHARD_TIMEOUT_MS, 'it did not start in time');
      } catch (error) {
        // Main has something else in mind for it by now.
        if (part.isEnded) continue;
        this.core.main.pluginFailed({ name: start.name, run: start.run, why: messageOf(error) });
        // Until main says so, too, a guard lets nobody pass.
        await this.launch(this.expect({ ...start, module: null }));
      }
    }
  }

  /** Rejects with what is wrong; then an earlier one of this name goes on to run. */
  async start(start: PluginStart): Promise<null> {
    const part = this.expect(start);
    await this.booted;
    if (!(await this.launch(part))) throw new Error(`plugin ${start.name} was stopped before it had started`);
    return null;
  }

  async stop(name: string): Promise<null> {
    // Whoever is being created need not be.
    this.starting.get(name)?.end();
    await this.booted;
    this.core.turn.enter();
    this.core.registry.remove(name);
    this.running.get(name)?.end();
    this.running.delete(name);
    this.limitRetained();
    return null;
  }

  /** The shard stops. */
  stopAll(): void {
    for (const part of [...this.running.values(), ...this.starting.values()].reverse()) {
      this.core.registry.remove(part.start.name);
      part.end();
    }
    this.running.clear();
    this.starting.clear();
  }

  told({ name, run, data }: PluginMessage): void {
    this.find(name, run)?.told(data);
  }

  heard({ name, run, count }: PluginHeard): void {
    this.find(name, run)?.heard(count);
  }

  private find(name: string, run: number): PluginPart | undefined {
    const found = [this.starting.get(name), this.running.get(name)];
    return found.find((part) => part?.start.run === run);
  }

  /** From now on main may tell it something. */
  private expect(start: PluginStart): PluginPart {
    const part = new PluginPart(start, this.core, this.subscribes);
    this.starting.get(start.name)?.end();
    this.starting.set(start.name, part);
    return part;
  }

  /** @returns false when it was stopped meanwhile */
  private async launch(part: PluginPart): Promise<boolean> {
    const { name, module } = part.start;
    const { core } = this;
    try {
      if (module !== null && !part.isEnded) await part.create(module);
    } catch (error) {
      if (!part.isEnded) throw error;
    } finally {
      if (this.starting.get(name) === part) this.starting.delete(name);
    }
    if (part.isEnded) return false;
    core.turn.enter();
    core.registry.add(name, hooksOf(part));
    const before = this.running.get(name);
    before?.end();
    // While a plugin is being restarted, nothing that ought to be retained is lost.
    if (module === null) part.retained = before?.retained ?? null;
    this.running.set(name, part);
    this.limitRetained();
    part.open();
    return true;
  }

  /** The map has the order of their places. */
  private limitRetained(): void {
    const said = [...this.running.values()].flatMap(({ retained }) => (retained === null ? [] : [retained]));
    this.core.retained.limit(said.at(-1) ?? null);
  }
}

function hooksOf({ start, hooks }: PluginPart): ShardHooks {
  if (start.module !== null) return hooks;
  return start.isGuard ? NOBODY_PASSES : NOTHING;
}
