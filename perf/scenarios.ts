/** What is measured, as data. Every scenario runs against a broker of its own, freshly started. */

/** Who receives what: each publisher's messages go to its own subscriber, to all of them, or to one of a group. */
export type Topology = 'pairs' | 'all' | 'share';

/**
 * `password`: emq_auth_username, with its usual hash; `slow`: a plugin that answers after half a second.
 */
export type Login = 'password' | 'slow';

interface Common {
  /** For --only, results and commit messages. */
  readonly name: string;
  readonly title: string;
}

/** Messages from publishers to subscribers. */
export interface FlowScenario extends Common {
  readonly kind: 'flow';
  readonly topology: Topology;
  readonly publishers: number;
  readonly subscribers: number;
  readonly qos: 0 | 1 | 2;
  /** At least 16: the stamp. */
  readonly payloadBytes: number;
  /** Messages a publisher puts into one write. */
  readonly burst: number;
  /** Messages of one publisher that may be on their way; it waits for the broker beyond that. */
  readonly window: number;
  /** Topics each publisher takes in turn. */
  readonly topics: number;
  /** Messages a second, all publishers together; 0: as fast as the windows allow. */
  readonly ratePerSecond: number;
  /** Clients beside these that all connect at once, again and again, while the others are measured. */
  readonly newcomers?: number;
  /** Who lets all these clients in; nobody looks if left out. */
  readonly login?: Login;
  /** Sessions outlive their connections. */
  readonly isPersistent?: boolean;
  /** Persistent subscribers are away while messages are published, and come back for them afterwards. */
  readonly isAway?: boolean;
}

/** Clients that connect, wait for CONNACK, disconnect and connect again, `clients` of them at any time. */
export interface StormScenario extends Common {
  readonly kind: 'storm';
  readonly clients: number;
}

/** Clients that connect, subscribe to one topic of their own, and do nothing. */
export interface IdleScenario extends Common {
  readonly kind: 'idle';
  readonly clients: number;
}

/** Pages of lists are asked of the API, alone and while others publish. Has a table of its own. */
export interface ListingScenario extends Common {
  readonly kind: 'listing';
  readonly sessions: number;
  /** As many as a process may have descriptors. */
  readonly connected: number;
  /** Milliseconds within which half of the pages must have come. */
  readonly pageMsMax: number;
  /** Milliseconds between two pages while others publish. */
  readonly pauseMs: number;
  readonly publishing: FlowScenario;
}

export type Scenario = FlowScenario | StormScenario | IdleScenario;
export type AnyScenario = Scenario | ListingScenario;

const FLOW = {
  kind: 'flow',
  qos: 0,
  payloadBytes: 64,
  burst: 1,
  window: 200,
  topics: 1,
  ratePerSecond: 0,
} as const;

const PAIRS = { ...FLOW, topology: 'pairs', publishers: 50, subscribers: 50 } as const;
const FAN_OUT = { ...FLOW, topology: 'all', publishers: 1, subscribers: 100 } as const;

const DURABLE = { ...PAIRS, qos: 1, isPersistent: true } as const;
const AWAY = { ...DURABLE, isAway: true } as const;

const LOGINS = {
  ...PAIRS,
  qos: 1,
  publishers: 20,
  subscribers: 20,
  ratePerSecond: 5_000,
  newcomers: 1_000,
  isPersistent: true,
} as const;

/** So few messages are on their way that a commit holds no more of them. */
function few(clients: number): Pick<FlowScenario, 'publishers' | 'subscribers' | 'window'> {
  return { publishers: clients, subscribers: clients, window: 1 };
}

export const SCENARIOS: readonly AnyScenario[] = [
  { ...PAIRS, name: 'pairs', title: 'pairs, 50 to 50, QoS 0' },
  { ...PAIRS, name: 'bursts', title: 'pairs in bursts of 10, QoS 0', burst: 10 },
  { ...FAN_OUT, name: 'fan-out-100', title: 'fan-out 1 to 100, QoS 0' },
  { ...FAN_OUT, name: 'fan-out-1000', title: 'fan-out 1 to 1,000, QoS 0', subscribers: 1000 },
  {
    ...FLOW,
    name: 'fan-in',
    title: 'fan-in 50 to 1, QoS 0',
    topology: 'all',
    publishers: 50,
    subscribers: 1,
  },
  { ...PAIRS, name: 'topics', title: 'pairs, 1,000 topics each, QoS 0', topics: 1000 },
  { ...PAIRS, name: 'pairs-qos1', title: 'pairs, 50 to 50, QoS 1', qos: 1 },
  { ...FAN_OUT, name: 'fan-out-qos1', title: 'fan-out 1 to 100, QoS 1', qos: 1 },
  { ...PAIRS, name: 'pairs-qos2', title: 'pairs, 50 to 50, QoS 2', qos: 2 },
  {
    ...FLOW,
    name: 'share-qos1',
    title: 'shared subscription 20 to 10, QoS 1',
    topology: 'share',
    publishers: 20,
    subscribers: 10,
    qos: 1,
  },
  { ...PAIRS, name: 'rate-20k', title: 'latency at 20,000 a second, QoS 0', ratePerSecond: 20_000 },
  {
    ...PAIRS,
    name: 'handshakes',
    title: 'latency while 1,000 connect at once',
    publishers: 20,
    subscribers: 20,
    ratePerSecond: 5_000,
    newcomers: 1_000,
  },
  { ...LOGINS, name: 'logins', title: 'QoS 1 while 1,000 log in by password', login: 'password' },
  { ...LOGINS, name: 'slow-logins', title: 'QoS 1 while 1,000 log in within 500 ms', login: 'slow' },
  { ...DURABLE, name: 'durable', title: 'persistent sessions, pairs, QoS 1' },
  { ...DURABLE, name: 'durable-10', title: 'persistent sessions, 10 pairs, window 1', ...few(10) },
  { ...DURABLE, name: 'durable-1', title: 'persistent sessions, 1 pair, window 1', ...few(1) },
  { ...DURABLE, name: 'durable-bursts', title: 'persistent sessions, bursts of 10, QoS 1', burst: 10 },
  { ...DURABLE, name: 'durable-qos2', title: 'persistent sessions, pairs, QoS 2', qos: 2 },
  { ...AWAY, name: 'away', title: 'clients away, pairs, QoS 1' },
  { ...AWAY, name: 'away-bursts', title: 'clients away, bursts of 10, QoS 1', burst: 10 },
  { ...AWAY, name: 'away-qos2', title: 'clients away, pairs, QoS 2', qos: 2 },
  {
    ...AWAY,
    name: 'away-1000',
    title: '1 KiB to 1,000 who are away, QoS 1',
    topology: 'all',
    publishers: 1,
    subscribers: 1_000,
    payloadBytes: 1_024,
    window: 10,
    ratePerSecond: 500,
  },
  { kind: 'storm', name: 'storm', title: 'connect storm, 64 at a time', clients: 64 },
  { kind: 'idle', name: 'idle', title: '10,000 idle clients', clients: 10_000 },
  {
    kind: 'listing',
    name: 'listing',
    title: 'lists of 100,000 sessions',
    sessions: 100_000,
    connected: 12_000,
    pageMsMax: 50,
    pauseMs: 10,
    publishing: { ...PAIRS, name: 'listing', title: 'pairs while one lists' },
  },
];
