/** Who is measured: a broker in one arrangement. All entrants of a command run the same scenarios, in turn. */
import { join } from 'node:path';
import type { AnyScenario, Scenario } from '../scenarios/scenario.js';
import { type BrokerUnderTest, type Key, type Level, startBrokerProcess } from './broker-process.js';
import type { RunningBroker } from './child.js';
import type { Owner } from './owner.js';
import type { Transport } from './transport.js';

/** An arrangement, as it is kept with the figures. */
export interface Setup {
  /** `shardmq`, a peer's name, or a revision. */
  readonly broker: string;
  /** 0: the broker decides, or has none. */
  readonly shards: number;
  readonly transport: Transport;
  readonly owner: Owner;
  readonly level: Level | null;
  readonly key: Key;
}

export interface Entrant {
  /** Above its column. */
  readonly label: string;
  readonly setup: Setup;
  /** @returns why it cannot run a scenario, or null */
  cannot(scenario: AnyScenario): string | null;
  /** @param transport what `port` is to speak */
  start(scenario: Scenario, transport: Transport): Promise<RunningBroker>;
}

/** Ours can be asked more. */
export function isOurs(broker: RunningBroker): broker is BrokerUnderTest {
  return 'slotKey' in broker;
}

/** What only some arrangements of ours have. */
export interface OurOptions {
  /** A built checkout; this one when missing. */
  readonly root?: string;
  /** Where profiles go, in a folder for each scenario; null: none are made. */
  readonly profileDir?: string | null;
  /** A label in place of one that says the arrangement. */
  readonly label?: string;
}

export function ourEntrant(setup: Setup, { root, profileDir = null, label }: OurOptions = {}): Entrant {
  const { shards, level, key } = setup;
  const suffix = shards === 0 ? '' : `-${shards}`;
  return {
    label: label ?? labelOf(setup),
    setup,
    cannot: (scenario) => {
      const { owner } = placesOf(scenario, setup);
      return owner === 'other' && shards === 1 ? 'needs two shards' : null;
    },
    start: (scenario, transport) =>
      startBrokerProcess(shards, {
        ...{ transport, key, level },
        login: scenario.kind === 'flow' ? scenario.login : undefined,
        ...(root === undefined ? {} : { root }),
        hasLoopProbe: isPaced(scenario),
        profileDir: profileDir === null ? null : join(profileDir, `${scenario.name}${suffix}`),
      }),
  };
}

/** Where the broker has time to spare, how late its loops are says something. */
function isPaced(scenario: Scenario): boolean {
  if (scenario.kind !== 'flow') return scenario.kind === 'day';
  return scenario.ratePerSecond > 0 || scenario.shareOfMaximum !== undefined;
}

/** @returns what carries the clients and where their sessions lie: what a scenario says goes before the command line */
export function placesOf(scenario: AnyScenario, setup: Setup): Pick<Setup, 'transport' | 'owner'> {
  const { transport, owner } = setup;
  if (scenario.kind !== 'flow') return { transport, owner };
  return { transport: scenario.transport ?? transport, owner: scenario.owner ?? owner };
}

/** @returns the arrangement in words; what is usual is left out */
export function labelOf({ broker, shards, transport, owner, level, key }: Setup): string {
  const parts = [
    broker,
    shards === 0 ? '' : shards === 1 ? '1 shard' : `${shards} shards`,
    transport === 'tcp' ? '' : transport,
    owner === 'any' ? '' : `owner ${owner}`,
    level === null ? '' : `level ${level}`,
    key === 'rsa' ? 'RSA' : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}
