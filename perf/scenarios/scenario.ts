/** The words in which scenarios are written. Every scenario runs against a broker of its own, freshly started. */
import type { Owner } from '../lib/owner.js';
import type { Transport } from '../lib/transport.js';

/** Who receives what: each publisher's messages go to its own subscriber, to all of them, or to one of a group. */
export type Topology = 'pairs' | 'all' | 'share';

/**
 * `password`: emq_auth_username, with its usual hash; `slow`: a plugin that answers after half a second.
 */
export type Login = 'password' | 'slow';

/**
 * Filters, each of which matches one topic: `device`, `site/+/device/ID/#` and `site/SITE/device/ID/state` in turn;
 * `random`, four levels and a name of their own, a fifth of the levels being `+`.
 */
export type FilterKind = 'device' | 'random';

interface Common {
  /** For --only, results and commit messages. Never changed: figures are compared by it. */
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
  /** In place of a rate: as fast as the windows allow first, then at this share of it, which is what counts. */
  readonly shareOfMaximum?: number;
  /** Only with pairs: each subscriber has so many filters of this kind; its publisher takes their topics in turn. */
  readonly filters?: { readonly kind: FilterKind; readonly perSubscriber: number };
  /** Clients beside these that all connect at once, again and again, while the others are measured. */
  readonly newcomers?: number;
  /** Who lets all these clients in; nobody looks if left out. */
  readonly login?: Login;
  /** Sessions outlive their connections. */
  readonly isPersistent?: boolean;
  /** Persistent subscribers are away while messages are published, and come back for them afterwards. */
  readonly isAway?: boolean;
  /** In place of what the command line says. */
  readonly transport?: Transport;
  readonly owner?: Owner;
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

/** Clients that subscribe to all retained messages, get them, unsubscribe and subscribe again. */
export interface RetainedScenario extends Common {
  readonly kind: 'retained';
  readonly clients: number;
  readonly messages: number;
  readonly payloadBytes: number;
}

/**
 * Devices with persistent sessions, retained states and wills, and what watches and serves them: dashboards, back ends,
 * one who sends commands, one who hears of those that are gone, one who looks at the states of one site after the
 * other. Rates are by device.
 */
export interface DayScenario extends Common {
  readonly kind: 'day';
  readonly devices: number;
  readonly devicesPerSite: number;
  /** Each sees the telemetry of all devices. */
  readonly dashboards: number;
  /** Members of the shared subscription that takes the reports. */
  readonly backEnds: number;
  /** QoS 0. */
  readonly telemetryPerSecond: number;
  /** QoS 1. */
  readonly reportsPerSecond: number;
  /** QoS 1, to single devices, also to those that are away. */
  readonly commandsPerSecond: number;
  /** Every second one goes without DISCONNECT, and its will is sent. */
  readonly reconnectsPerSecond: number;
  readonly payloadBytes: number;
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

export type Scenario = FlowScenario | StormScenario | IdleScenario | RetainedScenario | DayScenario;
export type AnyScenario = Scenario | ListingScenario;

/** Scenarios that belong together: one file each. */
export interface Family {
  /** For --only: all of them. */
  readonly name: string;
  readonly about: string;
  readonly scenarios: readonly AnyScenario[];
}

/** 64 bytes at QoS 0, one message in a write, 200 on their way, one topic, as fast as it goes. */
export const FLOW = {
  kind: 'flow',
  qos: 0,
  payloadBytes: 64,
  burst: 1,
  window: 200,
  topics: 1,
  ratePerSecond: 0,
} as const;

/** 50 publishers, each with a subscriber of its own. */
export const PAIRS = { ...FLOW, topology: 'pairs', publishers: 50, subscribers: 50 } as const;
