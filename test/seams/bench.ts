/** A broker with a seam replaced, and clients on shards of one's choice that are dropped at the end of the test. */
import { rmSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import type { RunningBroker } from '../../src/broker.js';
import type { ConfigInput } from '../../src/config/entry.js';
import { clientIdOn } from '../helpers/client-ids.js';
import type { ConnectOptions } from '../helpers/packets.js';
import { RawClient } from '../helpers/raw-client.js';
import type { Version } from '../helpers/wire.js';
import {
  addressOf,
  NOT_KEPT,
  RecordingLogger,
  startTestBroker,
  tempDirectory,
} from '../helpers/with-broker.js';
import { SeamRemote } from './remote.js';

export interface BenchOptions {
  /** Which seam is replaced, and how its module is to behave. */
  readonly seam?: { readonly kind: 'store' | 'hooks' | 'link'; readonly mode: string };
  readonly config?: ConfigInput;
}

export class SeamBench {
  private readonly clients: RawClient[] = [];
  private lastClient = 0;

  constructor(
    readonly broker: RunningBroker,
    readonly remote: SeamRemote,
    readonly logger: RecordingLogger,
  ) {}

  async open(version: Version): Promise<RawClient> {
    const client = await RawClient.open(addressOf(this.broker), version);
    this.clients.push(client);
    return client;
  }

  /** A ClientId that nobody has had. */
  clientId(shard: number): string {
    this.lastClient += 1;
    return clientIdOn(this.broker, shard, `client${this.lastClient}`);
  }

  /** A client of this shard whose CONNECT was accepted. */
  async connect(shard: number, version: Version, options: Partial<ConnectOptions> = {}): Promise<RawClient> {
    const client = await this.open(version);
    const connack = await client.connect({ clientId: this.clientId(shard), ...options });
    if (connack.code !== 0) throw new Error(`CONNECT was refused with 0x${connack.code.toString(16)}`);
    return client;
  }

  drop(): void {
    for (const client of this.clients) client.drop();
    this.remote.close();
  }
}

/** `test('title', withBench({ seam: { kind: 'store', mode: 'hold' } }, async (bench, t) => { ... }))` */
export function withBench(
  { seam, config = {} }: BenchOptions,
  body: (bench: SeamBench, t: ExecutionContext) => Promise<void>,
): (t: ExecutionContext) => Promise<void> {
  return async (t) => {
    const directory = tempDirectory();
    const remote = new SeamRemote();
    const logger = new RecordingLogger();
    const seams = seam === undefined ? {} : { [seam.kind]: remote.module(seam.kind, seam.mode) };
    // A store that a test puts in is used at any level but this one.
    const keeps = seam === undefined || seam.kind === 'store';
    const settings = { ...(keeps ? {} : NOT_KEPT), ...(config as object) };
    const broker = await startTestBroker({ config: settings, seams, logger }, directory);
    const bench = new SeamBench(broker, remote, logger);
    try {
      await body(bench, t);
    } finally {
      bench.drop();
      await broker.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  };
}
