/**
 * Registers conformance tests. A title names versions and statements, `v3 MQTT-3.12.4-1 v5 MQTT-3.12.4-1: rule`; the
 * body runs once per version named, and with several clients once with them on two shards and once on one.
 */
import test, { type ExecutionContext } from 'ava';
import type { Seams } from '../../src/actor/shard-protocol.js';
import { overWebSocket, type WebSocketCarrier, type WebSocketOptions } from '../helpers/carrier.js';
import type { ConnectOptions } from '../helpers/packets.js';
import { PERSISTENT } from '../helpers/packets.js';
import { RawClient } from '../helpers/raw-client.js';
import type { Version } from '../helpers/wire.js';
import { type Settings, startTarget, type Target } from './target.js';
import { parseTitle } from './title.js';

export type Body = (t: ExecutionContext, bench: Bench) => Promise<void>;

export interface WebSocketClient {
  readonly client: RawClient;
  readonly carrier: WebSocketCarrier;
}

let lastName = 0;

/** What one run of a test works with: its version, clients that are closed at its end, names of its own. */
export class Bench {
  readonly version: Version;
  private readonly target: Target;
  private readonly isApart: boolean;
  private readonly clients: RawClient[] = [];
  private readonly prefix: string;
  private idsGiven = 0;

  constructor(target: Target, version: Version, isApart: boolean) {
    this.target = target;
    this.version = version;
    this.isApart = isApart;
    lastName += 1;
    this.prefix = `run${process.pid}x${lastName}`;
  }

  /** A topic that no other test uses. */
  topic(name: string): string {
    return `${this.prefix}/${name}`;
  }

  /** A new ClientId; one after the other they belong to different shards, or all to the first. */
  clientId(): string {
    const shard = this.isApart ? this.idsGiven % this.target.shards : 0;
    this.idsGiven += 1;
    return this.clientIdOn(shard);
  }

  /** A new ClientId on the shard of this one. */
  clientIdBeside(clientId: string): string {
    return this.clientIdOn(this.target.shardOf(clientId));
  }

  private clientIdOn(shard: number): string {
    for (;;) {
      lastName += 1;
      const clientId = `c${process.pid}x${lastName}`;
      if (this.target.shardOf(clientId) === shard) return clientId;
    }
  }

  get usedSeveralClients(): boolean {
    return this.idsGiven > 1;
  }

  /** A connection without CONNECT. */
  async open(version: Version = this.version): Promise<RawClient> {
    const client = new RawClient(await this.target.open(), version);
    this.clients.push(client);
    return client;
  }

  /** As `open`, over WebSocket. */
  async openWebSocket(options: WebSocketOptions = {}): Promise<WebSocketClient> {
    const { webSocket } = this.target;
    if (webSocket === null) throw new Error('where its WebSocket listener is has not been said');
    const carrier = await overWebSocket(webSocket, options);
    const client = new RawClient(carrier, this.version);
    this.clients.push(client);
    return { client, carrier };
  }

  /** A client whose CONNECT was accepted. */
  async connect(options: Partial<ConnectOptions> = {}): Promise<RawClient> {
    const { version = this.version, clientId = this.clientId(), ...rest } = options;
    const client = await this.open(version);
    const connack = await client.connect({ clientId, ...rest });
    if (connack.code !== 0) throw new Error(`CONNECT was refused with 0x${connack.code.toString(16)}`);
    return client;
  }

  /** Connects the same client again, with its session. */
  resume(client: RawClient, options: Partial<ConnectOptions> = {}): Promise<RawClient> {
    return this.connect({ ...PERSISTENT, clientId: client.clientId, version: client.version, ...options });
  }

  /** Turns the broker's clock on. */
  advanceClock(seconds: number): Promise<void> {
    return this.target.advanceClock(seconds * 1_000);
  }

  end(): void {
    for (const client of this.clients) client.drop();
  }
}

export interface Rules {
  (title: string, body: Body): void;
  /** For tests that turn the clock, which all clients of the broker share. */
  serial(title: string, body: Body): void;
}

/** Starts one broker for the file's tests, with these settings over the defaults. */
export function rulesWith(settings: Settings = {}, seams: Seams = {}): Rules {
  let target: Target;
  test.before(async () => {
    target = await startTarget(settings, seams);
  });
  test.after.always(() => target?.stop());

  const run = async (t: ExecutionContext, version: Version, body: Body): Promise<void> => {
    for (const isApart of [true, false]) {
      const bench = new Bench(target, version, isApart);
      try {
        await body(t, bench);
      } catch (error) {
        const place = isApart ? 'on two shards' : 'on one shard';
        throw new Error(`MQTT level ${version}, ${place}: ${(error as Error).message}`, { cause: error });
      } finally {
        bench.end();
      }
      if (target.shards === 1 || !bench.usedSeveralClients) break;
    }
    t.pass();
  };

  const register = (add: (title: string, body: (t: ExecutionContext) => Promise<void>) => void) => {
    return (title: string, body: Body): void => {
      const { versions, rule } = parseTitle(title);
      for (const { version, ids } of versions) {
        add(`v${version} ${ids.join(' ')}: ${rule}`, (t) => run(t, version === 5 ? 5 : 4, body));
      }
    };
  };
  return Object.assign(register(test), { serial: register(test.serial) });
}
