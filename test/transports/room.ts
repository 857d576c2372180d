/** What one rule works with: clients over the combination that is tried, and others to talk to. */
import type { ExecutionContext } from 'ava';
import type { RawClient } from '../helpers/raw-client.js';
import { type ClientOptions, type Combination, shardFor, type TransportBench } from './bench.js';

export type Rule = (t: ExecutionContext, room: Room) => Promise<void>;
export type Rules = Readonly<Record<string, Rule>>;

export class Room {
  /** Begins all topics of this run. */
  readonly topic: string;

  constructor(
    readonly bench: TransportBench,
    readonly combination: Combination,
  ) {
    this.topic = bench.topic();
  }

  /** The shard that owns clients over the combination. */
  get shard(): number {
    return shardFor(this.combination);
  }

  /** A ClientId whose session is where the combination wants it. */
  clientId(): string {
    return this.bench.clientId(this.shard);
  }

  /** A connected client over the combination. */
  client(options: ClientOptions = {}): Promise<RawClient> {
    return this.bench.connect({ transport: this.combination.transport, shard: this.shard, ...options });
  }

  /** A connection over the combination's transport, without CONNECT. */
  open(version: 3 | 4 | 5 = 5): Promise<RawClient> {
    return this.bench.open(this.combination.transport, version);
  }

  /** A client over TCP on another shard than those of `client`: whatever they say to each other passes a shard. */
  partner(options: ClientOptions = {}): Promise<RawClient> {
    return this.bench.connect({ shard: 1 - this.shard, ...options });
  }
}

/** Runs a rule and takes away what it leaves. */
export async function runRule(
  t: ExecutionContext,
  bench: TransportBench,
  combination: Combination,
  rule: Rule,
): Promise<void> {
  try {
    await rule(t, new Room(bench, combination));
  } finally {
    await bench.clear();
  }
  t.pass();
}
