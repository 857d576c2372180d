/** A shard that keeps its rows in memory, and another one that begins with what it left. */
import type { ExecutionContext } from 'ava';
import { asClientId } from '../../../../src/protocol/ids.js';
import { Restore } from '../../../../workers/store/restore.js';
import { holdClock } from '../../../helpers/held-clock.js';
import { settle, TestShard, type TestShardOptions } from '../../../helpers/test-shard.js';
import { RowStore } from './row-store.js';

/** What a session is, as far as it is to survive. */
export interface SessionFacts {
  readonly expirySeconds: number;
  readonly will: string | null;
  /** Filter, group, `$local/`, options, identifier. */
  readonly subscriptions: readonly string[];
}

/** When each shard begins, beside the time for which it was away: how busy the machine is must not show. */
const BEGIN_MS = Date.now();

export class StoredShard {
  readonly shard: TestShard;
  private isStopped = false;

  private constructor(
    private readonly t: ExecutionContext,
    readonly store: RowStore,
    private readonly options: TestShardOptions,
    private readonly onClients: (shard: TestShard) => void,
  ) {
    this.shard = new TestShard({ ...options, store });
    holdClock(this.shard.parts.clock, BEGIN_MS);
  }

  /** Stopped with the test. `onClients`: told when the first client may come, before the first turn is over. */
  static async begin(
    t: ExecutionContext,
    store = new RowStore(),
    options: TestShardOptions = {},
    awayMs = 0,
    onClients: (shard: TestShard) => void = () => {},
  ): Promise<StoredShard> {
    const begun = new StoredShard(t, store, options, onClients);
    t.teardown(() => begun.stop());
    // The first turn has its time already.
    await settle();
    begun.shard.parts.clock.advance(awayMs);
    await begun.restore();
    return begun;
  }

  /** Everything that has changed is committed. */
  async commit(): Promise<void> {
    await settle();
    await new Promise<void>((resolve) => this.shard.parts.commits.flush(resolve));
  }

  /** The shard ends without a word, as it is after its last commit; another one begins after `awayMs`. */
  async crash(awayMs = 0): Promise<StoredShard> {
    const left = this.store.copy();
    await this.stop();
    return StoredShard.begin(this.t, left, this.options, awayMs);
  }

  /** As `crash`, with everything committed. */
  async restart(awayMs = 0): Promise<StoredShard> {
    await this.commit();
    return this.crash(awayMs);
  }

  /** Why rows were lost, as the log says. */
  get lines(): string[] {
    return this.shard.events.flatMap((event) =>
      event.type === 'log' ? [`${event.message} ${JSON.stringify(event.fields)}`] : [],
    );
  }

  async stop(): Promise<void> {
    if (this.isStopped) return;
    this.isStopped = true;
    await this.shard.stop();
  }

  facts(): Record<string, SessionFacts> {
    const { sessions, router } = this.shard.parts;
    const all: [string, SessionFacts][] = [];
    const each = sessions.all();
    for (let next = each.next(); next.done !== true; next = each.next()) {
      const { clientId, expirySeconds, will } = next.value;
      const subscriptions = [...router.subscriptionsOf(next.value)]
        .map((info) => JSON.stringify(info))
        .sort();
      all.push([clientId, { expirySeconds, will: will?.topic.toString() ?? null, subscriptions }]);
    }
    return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  session(clientId: string) {
    return this.shard.parts.sessions.find(asClientId(clientId));
  }

  private async restore(): Promise<void> {
    const { parts } = this.shard;
    const restore = new Restore(parts, this.store, () => {});
    await restore.run();
    restore.clientsCome();
    this.onClients(this.shard);
    await settle();
  }
}
