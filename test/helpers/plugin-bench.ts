/**
 * A plugin without a broker: its parts on this thread, with everything that they say to each other cloned as between
 * threads.
 */
import { mkdirSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  AuthAnswer,
  ConnectAttempt,
  CreateShardPart,
  MainContext,
  MainPart,
  Plugin,
  PluginLog,
  PluginOutcome,
  Plugins,
  PluginValues,
  ShardContext,
  ShardPart,
} from '../../src/plugins/api.js';
import { MemoryDocuments } from './documents.js';
import { tempDirectory } from './with-broker.js';

export interface PluginBenchOptions {
  readonly values?: Readonly<Record<string, string | number | boolean>>;
  readonly shards?: number;
  /** Data directory of the plugin; a new one if left out. */
  readonly directory?: string;
  /** Its documents; none if left out. */
  readonly documents?: MemoryDocuments;
}

export class PluginBench {
  /** What the plugin has logged, as `level message {fields}`. */
  readonly log: string[] = [];
  readonly directory: string;
  readonly documents: MemoryDocuments;
  main: MainPart | undefined;
  shards: ShardPart[] = [];
  #areShardsStopped = false;

  private constructor(
    private readonly plugin: Plugin,
    options: PluginBenchOptions,
  ) {
    this.directory = options.directory ?? tempDirectory();
    this.documents = options.documents ?? new MemoryDocuments();
  }

  /** Starts the plugin as a broker does. Rejects with what is wrong with its values, or what it throws. */
  static async start(plugin: Plugin, options: PluginBenchOptions = {}): Promise<PluginBench> {
    const bench = new PluginBench(plugin, options);
    const values = valuesOf(plugin, options.values ?? {});
    const problem = plugin.check?.(values) ?? null;
    if (problem !== null) throw new Error(problem);
    bench.main = await plugin.start?.(bench.#mainContext(values));
    await bench.#startShards(values, options.shards ?? 2);
    return bench;
  }

  /** Asks the part in one shard. */
  async authenticate(attempt: Partial<ConnectAttempt>, shard = 0): Promise<AuthAnswer> {
    return await this.shards[shard]!.hooks!['client.authenticate']!({ ...ATTEMPT, ...attempt });
  }

  /** The shards' parts first, as in a broker. */
  async stop(): Promise<void> {
    this.stopShards();
    await this.main?.stop?.();
  }

  stopShards(): void {
    this.#areShardsStopped = true;
    for (const part of this.shards) part.stop?.();
  }

  async #startShards(values: PluginValues, shards: number): Promise<void> {
    if (this.plugin.shard === undefined) return;
    const module = (await import(this.plugin.shard.href)) as { default: CreateShardPart };
    for (let shard = 0; shard < shards; shard++) {
      this.shards.push(await module.default(this.#shardContext(shard, shards, values)));
    }
  }

  #mainContext(values: PluginValues): MainContext {
    return {
      node: 'test@127.0.0.1',
      values,
      log: this.#pluginLog(),
      plugins: NO_PLUGINS,
      dataDir: () => {
        mkdirSync(this.directory, { recursive: true });
        return this.directory;
      },
      document: (name) => this.documents.document(name),
      tell: (data) => {
        for (const shard of this.shards.keys()) this.#toShard(shard, data);
        return true;
      },
      tellShard: (shard, data) => this.#toShard(shard, data),
      publish: () => {},
      figures: () => [],
    };
  }

  #shardContext(shard: number, shards: number, values: PluginValues): ShardContext {
    return {
      node: 'test@127.0.0.1',
      shard,
      shards,
      values,
      state: structuredClone(this.main?.shardState?.() ?? null),
      log: this.#pluginLog(),
      tell: (data) => {
        const clone: unknown = structuredClone(data);
        void nextTurn().then(() => this.main?.onMessage?.(clone, shard));
        return true;
      },
      publish: () => {},
      isWanted: () => true,
      subscribe: () => {},
      unsubscribe: () => {},
    };
  }

  #toShard(shard: number, data: unknown): boolean {
    const clone: unknown = structuredClone(data);
    void nextTurn().then(() => {
      if (!this.#areShardsStopped) this.shards[shard]?.onMessage?.(clone);
    });
    return true;
  }

  #pluginLog(): PluginLog {
    const line =
      (level: string) =>
      (message: string, fields?: object): void => {
        this.log.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
      };
    return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
  }
}

const refused = async (): Promise<PluginOutcome> => ({ ok: false, why: 'not_found', message: 'no plugins' });

const NO_PLUGINS: Plugins = {
  list: () => [],
  config: () => null,
  start: refused,
  stop: refused,
  configure: refused,
  reload: refused,
  commands: () => [],
  run: async () => ({ ok: false, why: 'not_found', message: 'no plugins' }),
};

/** A client without name and password. */
export const ATTEMPT: ConnectAttempt = {
  clientId: 'client',
  username: null,
  password: null,
  peerAddress: '127.0.0.1',
  peerPort: 40_000,
  listener: 'listener.tcp.external',
  protocolVersion: 5,
  cleanStart: true,
  keepAliveSeconds: 60,
};

function valuesOf(plugin: Plugin, given: Readonly<Record<string, string | number | boolean>>): PluginValues {
  const values = new Map<string, string | number | boolean>();
  for (const [key, { default: value }] of Object.entries(plugin.options ?? {})) {
    if (value !== null) values.set(key, value);
  }
  for (const [key, value] of Object.entries(given)) values.set(key, value);
  return values;
}
