/**
 * What the API may ask of the broker. The API knows nothing else of it, and the broker knows nothing of EMQ's words:
 * they are put on in emq/. Main thread.
 */
import type { ApiMessage, PublishOutcome, SubscribeOutcome } from '../actor/action-protocol.js';
import type { ClientRow, RouteRow, SessionRow, SubscriptionRow } from '../actor/list-protocol.js';
import type { Alarm } from '../actor/shard-protocol.js';
import type { TraceLine, TraceSubject } from '../actor/trace-protocol.js';
import type { ListenerType } from '../config/listener-types.js';
import type { MetricName, StatName } from '../metrics/names.js';
import type { PluginSetting, Plugins } from '../plugins/api.js';
import type { Setting, SettingOutcome } from '../settings/outcome.js';

export interface BrokerPort {
  readonly node: NodePort;
  readonly plugins: Plugins;
  readonly users: Users;
  readonly listings: Listings;
  readonly settings: Settings;
  readonly figures: FiguresPort;
  readonly actions: ClientActions;
  readonly traces: Traces;
}

/** This node. */
export interface NodePort {
  readonly name: string;
  readonly version: string;
  /** Milliseconds since start. */
  uptimeMs(): number;
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Every shard takes clients. */
  isReady(): boolean;
}

/** Rows `skip` to `skip + max` of all there are. */
export interface Page {
  readonly skip: number;
  readonly max: number;
}

export interface Listed<Row> {
  /** Of all pages. */
  readonly total: number;
  readonly rows: readonly Row[];
}

/** What there is, from all shards, in order. All reject with BrokerError SHARD_UNAVAILABLE when one does not answer. */
export interface Listings {
  /** Connected ones, by ClientId (code units). */
  clients(page: Page): Promise<Listed<ClientRow>>;
  client(clientId: string): Promise<ClientRow | null>;
  /** Those of absent clients too, by ClientId. */
  sessions(page: Page): Promise<Listed<SessionRow>>;
  session(clientId: string): Promise<SessionRow | null>;
  /** By ClientId, then filter. */
  subscriptions(page: Page): Promise<Listed<SubscriptionRow>>;
  /** By filter; of a session with more than 1,000 the newest first. */
  subscriptionsOf(clientId: string): Promise<readonly SubscriptionRow[]>;
  /** By filter. */
  routes(page: Page): Promise<Listed<RouteRow>>;
  /** Of exactly this filter; one with `$local/` in front means only such subscriptions. */
  route(filter: string): Promise<readonly RouteRow[]>;
}

/**
 * What may be done to clients and in their name. All reject with BrokerError SHARD_UNAVAILABLE when a shard does not
 * answer.
 */
export interface ClientActions {
  /** Ends its connection. @returns false where it is not connected */
  kick(clientId: string): Promise<boolean>;
  /**
   * Ends its session, and its connection if it has one: nothing of it comes back. Rejects, too, where that could not be
   * stored; then it has ended, but may come back after a crash. @returns false where it has no session
   */
  removeSession(clientId: string): Promise<boolean>;
  /** Forgets what was decided about its publishing to exactly this topic. @returns false where it is not connected */
  forgetDecision(clientId: string, topic: string): Promise<boolean>;
  /** Through hooks and retaining, to whoever wants it. `clientId`: who is said to have published. */
  publish(clientId: string, messages: readonly ApiMessage[]): Promise<PublishOutcome>;
  /** Of the session, also where its client is absent; nobody is asked whether it may. */
  subscribe(clientId: string, filter: string, qos: 0 | 1 | 2): Promise<SubscribeOutcome>;
  /** Also `done` where there was no such subscription. */
  unsubscribe(clientId: string, filter: string): Promise<SubscribeOutcome>;
}

/**
 * What is counted, and what there is. Nothing rejects: a shard that does not answer within half a second counts with
 * what it said last. Otherwise nothing is older than a tenth of a second.
 */
export interface FiguresPort {
  /** Since start; restarts of shards take nothing away. */
  metrics(): Promise<Record<MetricName, number>>;
  stats(): Promise<Record<StatName, number>>;
  /** What was counted besides, as of this moment. */
  traffic(): TrafficReport;
  /** As `traffic`. */
  commits(): CommitReport;
  process(): Promise<ProcessReport>;
  /** Main first. */
  threads(): Promise<readonly ThreadReport[]>;
  /** In the order in which they were opened. */
  listeners(): readonly ListenerReport[];
  /** Those that are active, oldest first. */
  alarms(): readonly Alarm[];
}

/** Messages, since start. */
export interface TrafficReport {
  /** Lost because a session's queue was full. */
  readonly queueDropped: number;
  /** Of QoS 0, not sent because their reader was too slow. */
  readonly slowDropped: number;
  /** Longer than the client takes. */
  readonly oversizeDropped: number;
  /** Passed from one shard to another. */
  readonly forwarded: number;
  /** Copies that clients of the other shard got of them. */
  readonly forwardedDeliveries: number;
}

/** What was written of sessions, subscriptions and messages, since start. */
export interface CommitReport {
  /** Transactions. */
  readonly commits: number;
  /** Of their rows. */
  readonly bytes: number;
}

export interface ListenerReport {
  readonly type: ListenerType;
  readonly name: string;
  /** `0.0.0.0:1883`, or the port alone where the configuration has it alone; a path. */
  readonly listen: string;
  readonly acceptors: number;
  /** 0: no limit. */
  readonly maxClients: number;
  /** Those that have not sent CONNECT included. */
  readonly currentClients: number;
  /** Connections since start. */
  readonly accepted: number;
  /** Connections that ended, or were turned away, by reason; those that ended in order are left out. */
  readonly shutdownCount: Readonly<Record<string, number>>;
}

export interface ProcessReport {
  readonly memoryTotalBytes: number;
  readonly memoryUsedBytes: number;
  /** Of the processor, all threads, user and system, since start. */
  readonly cpuSeconds: number;
  /** `node.process_limit`. */
  readonly processLimit: number;
  /** Connections, sessions, threads, and whatever else main waits for. */
  readonly processUsed: number;
  /** 0: the system does not say. */
  readonly descriptorsMax: number;
  /** Connected ones. */
  readonly clients: number;
  /** Averages over 1, 5 and 15 minutes. */
  readonly load: readonly [number, number, number];
}

export interface ThreadReport {
  /** `main`, or the number of a shard. */
  readonly thread: 'main' | number;
  /** It takes clients. */
  readonly isUp: boolean;
  /** How often it was started. */
  readonly starts: number;
  readonly heapUsedBytes: number;
  readonly loopDelayMs: number;
  readonly clients: number;
  readonly sessions: number;
  readonly waitingBytes: number;
}

export interface User {
  readonly username: string;
  readonly tags: string;
}

/** Who may use the API. Changes reject with BrokerError DATA_DIR_FAILED when they cannot be stored. */
export interface Users {
  /** By name. */
  list(): readonly User[];
  find(username: string): User | null;
  /** Those whose password everybody knows. */
  withPublicPassword(): readonly string[];
  /** @returns why not, or null: it is done, and stored */
  add(username: string, password: string, tags: string): Promise<'exists' | 'invalid' | 'full' | null>;
  setTags(username: string, tags: string): Promise<'unknown' | 'invalid' | null>;
  /** `last`: without this one nobody could use the API. */
  remove(username: string): Promise<'unknown' | 'last' | null>;
  /**
   * @param address of whoever asks: who fails often has to wait
   * @returns `slow_down`: too many have failed, or too many wait; nobody looked whether it is right
   */
  verify(
    username: string,
    password: string,
    address: string,
  ): Promise<'ok' | 'unknown' | 'wrong' | 'slow_down'>;
  /** For whoever knows the old one; guarded as `verify`. */
  changePassword(
    username: string,
    old: string,
    password: string,
    address: string,
  ): Promise<'unknown' | 'wrong' | 'slow_down' | 'invalid' | null>;
  /** Is told of a user who has come, gone or changed, at the moment from which on that is in force. */
  onChanged(listener: (username: string) => void): void;
}

/** Configuration that may be changed while the broker runs. `plugin` is null for keys of the broker itself. */
export interface Settings {
  /** By key. */
  list(): readonly Setting[];
  /** Resolves when every shard has it and it is stored, or nothing has changed. */
  set(plugin: string | null, key: string, value: string): Promise<SettingOutcome>;
  /** Back to what file, environment and command line say. */
  reset(plugin: string | null, key: string): Promise<SettingOutcome>;
  /** What may be set of a plugin; null: no such plugin, or its configuration cannot be read. */
  ofPlugin(plugin: string): readonly PluginSetting[] | null;
  /** In place of all that is set of a plugin. */
  replace(plugin: string, values: Readonly<Record<string, unknown>>): Promise<SettingOutcome>;
}

/** Watches a client, or messages that match a filter, for a while. */
export interface Traces {
  /**
   * Runs in all shards that it concerns when the promise resolves, with null where there are too many already. Rejects
   * with BrokerError when a shard does not answer.
   */
  start(subject: TraceSubject, bounds: TraceBounds, listener: TraceListener): Promise<Trace | null>;
  /** The broker stops: none goes on, and none begins any more. */
  stopAll(): void;
}

export interface TraceBounds {
  readonly durationMs: number;
  readonly linesMax: number;
}

export interface Trace {
  stop(): void;
}

export interface TraceListener {
  /** It has enough for now: shards keep a few lines, and count the others. */
  readonly isBusy: boolean;
  line(line: TraceLine): void;
  /** So many lines were left out here. */
  missed(count: number): void;
  ended(why: TraceEnd): void;
}

/** The time is over, there were as many lines as there may be, it was stopped, or a shard has ended. */
export type TraceEnd = 'time' | 'lines' | 'stopped' | 'shard';
