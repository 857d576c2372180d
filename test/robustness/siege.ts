/**
 * A broker that listens on every transport and is attacked. On each of them a flow of messages between two clients goes
 * on, one with its session on the edge shard and one with it on another; afterwards nothing may be left of the attack.
 */
import { readdirSync } from 'node:fs';
import type { Assertions, LogFn } from 'ava';
import type { RunningBroker } from '../../src/broker.js';
import type { ListenerFigures } from '../../src/supervisor/listener-figures.js';
import { TRANSPORTS, type Transport } from '../helpers/transports.js';
import { onEveryShard, until } from '../helpers/with-broker.js';
import { BALLAST, EDGE, type Settings, TransportBench } from '../transports/bench.js';
import { Attacker } from './attacker.js';
import { Flow } from './flow.js';
import { TurnWatch } from './turn-watch.js';

/** What may wait for and of the clients of the flows at any moment. */
const WAITING_BYTES_MAX = 100_000;

/** What there is while nobody attacks. */
interface Calm {
  readonly descriptors: number;
  readonly relays: number;
  readonly sessions: number;
  readonly connections: readonly number[];
}

export class Siege {
  private readonly flows: Flow[] = [];
  private readonly attackers: Attacker[] = [];
  private readonly watch: TurnWatch;
  private calm: Calm | null = null;

  private constructor(readonly bench: TransportBench) {
    this.watch = new TurnWatch(bench.broker);
  }

  /** @param attackers how many come in at the edge at most, if all shall do so there */
  static async start(settings: Settings = {}, attackers = 0): Promise<Siege> {
    const siege = new Siege(await TransportBench.start(settings));
    for (let more = attackers; more > 0; more -= BALLAST) await siege.bench.layBallast();
    for (const transport of TRANSPORTS) await siege.flow(transport);
    siege.calm = await siege.look();
    return siege;
  }

  get broker(): RunningBroker {
    return this.bench.broker;
  }

  /** A bare connection to the listener of this transport, or to the one of this name. */
  async attack(transport: Transport, name = 'external'): Promise<Attacker> {
    const found = ({ protocol, name: own }: { protocol: string; name: string }): boolean =>
      protocol === transport && own === name;
    const { host, port, path } = this.broker.listeners.find(found)!;
    const attacker = await Attacker.open(path === null ? { host, port } : { path });
    this.attackers.push(attacker);
    return attacker;
  }

  figuresOf(transport: Transport, name = 'external'): ListenerFigures {
    return this.broker
      .listenerFigures()
      .find(({ config }) => config.type === transport && config.name === name)!;
  }

  /** Connections over this transport that ended for this reason. */
  counted(transport: Transport, reason: string): number {
    return this.broker
      .listenerFigures()
      .filter(({ config }) => config.type === transport)
      .reduce((sum, figures) => sum + (figures.shutdownCount()[reason] ?? 0), 0);
  }

  /** Connections that have not come as far as a session, on all shards. */
  async arriving(): Promise<number> {
    return (await this.figures()).reduce((sum, { arriving }) => sum + arriving, 0);
  }

  /** Drops all attackers. Resolves when nothing is left of them, neither in the shards nor with main or the kernel. */
  async over(): Promise<void> {
    for (const attacker of this.attackers) attacker.drop();
    this.attackers.length = 0;
    const calm = this.calm!;
    const left = (now: Calm): string[] =>
      Object.entries(now).flatMap(([what, value]) =>
        JSON.stringify(value) === JSON.stringify(calm[what as keyof Calm]) ? [] : [`${what}: ${value}`],
      );
    let last: string[] = [];
    const isCalm = async (): Promise<boolean> => {
      last = left(await this.look());
      return last.length === 0 && (await this.arriving()) === 0;
    };
    try {
      await until(isCalm, 'all traces of an attack to go');
    } catch (error) {
      throw new Error(`${String(error)}; ${last.join(', ')}`);
    }
    await until(async () => (await this.bench.waitingBytes()) < WAITING_BYTES_MAX, 'memory to be given back');
  }

  /** Messages go on over every transport. */
  async flowsGoOn(): Promise<void> {
    await Promise.all(this.flows.map((flow) => flow.goesOn()));
  }

  /** Ends it, and the test with it when somebody has noticed something. */
  async end(t: Assertions & { readonly log: LogFn }): Promise<void> {
    try {
      await this.over();
      await this.flowsGoOn();
      for (const flow of this.flows) t.deepEqual(await flow.stop(), []);
    } finally {
      try {
        await this.watch.stop(t);
      } finally {
        await this.bench.stop();
      }
    }
  }

  private async flow(transport: Transport): Promise<void> {
    const { bench } = this;
    const clients = {
      connect: (shard: number, version: 3 | 4 | 5) => bench.connect({ transport, shard, version }),
    };
    const flow = await Flow.start(clients, { from: EDGE, to: 1 - EDGE, qos: transport === 'tcp' ? 2 : 1 });
    this.flows.push(flow);
  }

  private figures() {
    return onEveryShard(this.broker, (shard) => this.broker.request(shard, 'shard.figures', null));
  }

  private async look(): Promise<Calm> {
    const figures = await this.figures();
    return {
      descriptors: readdirSync('/proc/self/fd').length,
      relays: figures.reduce((sum, { relays }) => sum + relays, 0),
      sessions: figures.reduce((sum, { sessions }) => sum + sessions, 0),
      connections: this.broker.listenerFigures().map(({ current }) => current),
    };
  }
}
