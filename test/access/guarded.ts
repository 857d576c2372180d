/** A broker with a file of access rules, and clients on shards of one's choice that are dropped at the test's end. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Seams } from '../../src/actor/shard-protocol.js';
import type { RunningBroker } from '../../src/broker.js';
import type { ConfigInput } from '../../src/config/entry.js';
import { clientIdOn } from '../helpers/client-ids.js';
import type { ConnectOptions } from '../helpers/packets.js';
import { RawClient } from '../helpers/raw-client.js';
import type { Version } from '../helpers/wire.js';
import {
  addressOf,
  advanceClock,
  NOT_KEPT,
  RecordingLogger,
  startTestBroker,
  tempDirectory,
} from '../helpers/with-broker.js';

export interface GuardedOptions {
  /** Text of acl.conf; left out: there is none. */
  readonly rules?: string;
  readonly config?: ConfigInput;
  readonly seams?: Seams;
  /** Of the broker's data; a new one if left out. */
  readonly directory?: string;
}

export interface GuardedClient extends Partial<ConnectOptions> {
  readonly version?: Version;
  /** Number of its shard; 0 if left out. */
  readonly at?: number;
  /** Name of the listener. */
  readonly listener?: string;
}

export class Guarded {
  private readonly clients: RawClient[] = [];
  private lastClient = 0;

  constructor(
    readonly broker: RunningBroker,
    readonly logger: RecordingLogger,
    /** Where the rules are. */
    readonly path: string,
  ) {}

  /** Changes the file; nobody reads it yet. */
  write(rules: string): void {
    writeFileSync(this.path, rules);
  }

  reload(rules: string): Promise<void> {
    this.write(rules);
    return this.broker.reloadAcl();
  }

  /** A connection without CONNECT. */
  async open(version: Version = 5, listener?: string): Promise<RawClient> {
    const client = await RawClient.open(addressOf(this.broker, listener), version);
    this.clients.push(client);
    return client;
  }

  clientId(at = 0): string {
    this.lastClient += 1;
    return clientIdOn(this.broker, at, `client${this.lastClient}`);
  }

  /** A client whose CONNECT was accepted. */
  async connect({ version = 5, at = 0, listener, ...rest }: GuardedClient = {}): Promise<RawClient> {
    const client = await this.open(version, listener);
    const connack = await client.connect({ clientId: this.clientId(at), ...rest });
    if (connack.code !== 0) throw new Error(`CONNECT was refused with 0x${connack.code.toString(16)}`);
    return client;
  }

  advanceClock(ms: number): Promise<void> {
    return advanceClock(this.broker, ms);
  }

  /** Why connections of the first listener have ended, and how often. */
  get ended(): Readonly<Record<string, number>> {
    return this.broker.listenerFigures()[0]!.shutdownCount();
  }

  drop(): void {
    for (const client of this.clients) client.drop();
  }
}

/** `test('title', guarded({ rules: '{deny, all}.' }, async (g, t) => { ... }))` */
export function guarded(
  { rules, config = {}, seams = {}, directory: given }: GuardedOptions,
  body: (guarded: Guarded, t: ExecutionContext) => Promise<void>,
): (t: ExecutionContext) => Promise<void> {
  return async (t) => {
    const directory = given ?? tempDirectory();
    const path = join(directory, 'acl.conf');
    if (rules !== undefined) writeFileSync(path, rules);
    const logger = new RecordingLogger();
    const file = rules === undefined ? {} : { 'mqtt.acl_file': path };
    const broker = await startTestBroker(
      { config: { ...NOT_KEPT, ...file, ...(config as object) }, seams, logger },
      directory,
    );
    const bench = new Guarded(broker, logger, path);
    try {
      await body(bench, t);
    } finally {
      bench.drop();
      await broker.stop();
    }
  };
}
