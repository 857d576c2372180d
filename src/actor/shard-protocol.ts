/**
 * Every message between main and a shard. Types only: reading this file is reading the conversation.
 * Requests are imperative and always answered; events are past tense and never answered.
 */
import type { SecureVersion } from 'node:tls';
import type { MessagePort } from 'node:worker_threads';
import type { AclRule } from '../access/acl-rule.js';
import type { Ban, BanChange } from '../access/ban.js';
import type { ErrorData } from '../base/errors.js';
import type { Config } from '../config/schema.js';
import type { ClientId, ConnectionNumber, ShardId } from '../protocol/ids.js';
import type { ApiMessage, PublishOutcome, SubscribeOutcome } from './action-protocol.js';
import type {
  ClientRow,
  ListCursor,
  ListKind,
  ListLot,
  ListMarks,
  ListRow,
  RouteRow,
  SessionRow,
  SubscriptionRow,
} from './list-protocol.js';
import type { TraceLot, TraceSubject } from './trace-protocol.js';

/** What a shard's task is started with. `config` is the frozen configuration as plain data. */
export interface ShardStart {
  readonly shard: ShardId;
  readonly shards: number;
  /** Rises by one with every start of this shard while the broker runs; the first is 1. */
  readonly incarnation: number;
  readonly config: Config;
  /** The data directory, an absolute path; what a shard keeps lies in `shard-N` of it. */
  readonly dataDirectory: string;
  /** What `shard.memory_budget` comes to on this machine: bytes that may wait in this shard. */
  readonly memoryBudgetBytes: number;
  /** The one conversation between main and this shard. */
  readonly port: MessagePort;
  /**
   * One Uint32: number (modulo 2^32) of the last hand-over whose descriptor this shard has begun to adopt.
   * Stored with Atomics before the descriptor is opened: once it is there, main never closes that descriptor.
   */
  readonly handover: SharedArrayBuffer;
  /** Where it counts; see `Counters`. */
  readonly counters: SharedArrayBuffer;
  /** Seeds the hashes of topics and levels, the same in every shard, secret to the outside. */
  readonly hashSeed: number;
  /** Key of the hash from ClientId to slot, for connections whose ClientId is found on a shard; as secret. */
  readonly slotKey: string;
  /** One per ssl or wss listener, as it is now; later ones come with `tls.update`. */
  readonly tls: readonly TlsMaterial[];
  /** Access rules and bans as they are now; changes come with `access.update`. */
  readonly access: AccessStart;
  /** The plugins that run now, in their order; later ones come with `plugin.start`. */
  readonly plugins: readonly PluginStart[];
  /** Modules that replace a seam, for tests: file URLs. */
  readonly seams: Seams;
}

export interface ConfigUpdate {
  readonly version: number;
  readonly config: Config;
}

export interface AccessStart {
  readonly rules: readonly AclRule[];
  readonly bans: readonly Ban[];
}

/** What has changed; null where nothing has. */
export interface AccessUpdate {
  /** All rules, in place of those before. */
  readonly rules: readonly AclRule[] | null;
  readonly bans: BanChange | null;
}

/** One plugin as a shard has to run it. */
export interface PluginStart {
  readonly name: string;
  /** Number of this start of the plugin on main: messages of another one are not for it. */
  readonly run: number;
  /** URL of its shard module. Null: it does not run, but keeps its place; if it is a guard, nobody passes. */
  readonly module: string | null;
  readonly isGuard: boolean;
  readonly values: ReadonlyMap<string, string | number | boolean>;
  /** What `shardState` of its main part gave. */
  readonly state: unknown;
}

/** From one part of a plugin to another, or that so many of the other's have been looked at. */
export interface PluginMessage {
  readonly name: string;
  readonly run: number;
  readonly data: unknown;
}
export interface PluginHeard {
  readonly name: string;
  readonly run: number;
  readonly count: number;
}
/** It does not start in a shard that starts while others run it; there it is as if it were being restarted. */
export interface PluginFailed {
  readonly name: string;
  readonly run: number;
  readonly why: string;
}

/** Everything a shard needs to encrypt one listener: main has read and checked the files. */
export interface TlsMaterial {
  readonly listener: ListenerId;
  /** What `tls.createSecureContext` is given for each of the certificates below, besides them. */
  readonly options: TlsContextOptions;
  /** For clients that ask for no name, or for one that no certificate contains. */
  readonly certificate: TlsCertificate;
  readonly sni: readonly TlsCertificate[];
}

/** PEM texts. */
export interface TlsCertificate {
  /** With the certificates of its authorities behind it, where the file has them. */
  readonly cert: string;
  readonly key: string;
  /** Host names that it is for, in lower case; the left-most label may be `*`. */
  readonly names: readonly string[];
}

/** Named as Node names them; what is missing is left to Node. */
export interface TlsContextOptions {
  readonly ca?: string;
  readonly crl?: string[];
  readonly dhparam?: string;
  readonly ciphers: string;
  readonly honorCipherOrder: boolean;
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
  readonly secureOptions: number;
  /** A ticket is taken only where it was given: same listener, same authorities, same list of the revoked. */
  readonly sessionIdContext: string;
  /** 48 bytes, the same in all shards; missing where sessions are not resumed. */
  readonly ticketKeys?: Uint8Array;
}

/** File URLs of modules that replace the trivial implementation of a seam. */
export interface Seams {
  readonly link?: string;
  readonly store?: string;
  readonly hooks?: string;
  /** Lets tests turn the clock and break the shard on purpose. */
  readonly faults?: boolean;
}

/** Where a connection came in. Indexes main's list of listeners. */
export type ListenerId = number;

/** What is known of a client before its CONNECT is decoded. */
export interface Arriving {
  readonly listener: ListenerId;
  /** The client's own address, also behind a proxy. */
  readonly peerAddress: string;
  readonly peerPort: number;
  /** Where the client gave none and may have none. */
  readonly assignedClientId: ClientId | null;
  /** From its certificate, or what a PROXY header says of it, where the listener takes usernames from there. */
  readonly certificateUsername: string | null;
  /** Milliseconds since accept: the time to CONNECT goes on running. */
  readonly ageMs: number;
}

/** Main hands an accepted connection to the shard that owns its ClientId, or to its edge. */
export interface ConnectionHandover extends Arriving {
  readonly number: ConnectionNumber;
  /** A descriptor of the shard's own; -1 never crosses. */
  readonly fd: number;
  /**
   * What main has read: the whole CONNECT packet (tcp, unix), ClientHello (ssl, wss) or HTTP request head (ws) that
   * opens the connection, and perhaps bytes behind it. As latin1, a character per byte: a string crosses for a third of
   * what memory of its own costs.
   */
  readonly head: string;
}

/** Requests main may make of a shard, each with the reply it must give. */
export interface ShardRequests {
  /**
   * Takes one end of the channel to a peer; the old channel to that shard, if any, is dead. Answered when the
   * peer's whole interest has arrived: only then does main hand connections to a shard that has just started.
   */
  'peer.connect': { input: { shard: ShardId; port: MessagePort }; output: null };
  /** Answered when the connection is closed. */
  'session.kick': { input: { clientId: ClientId }; output: { kicked: boolean } };
  /** Ends its session and its connection, if it has one. Answered when it is gone for good. */
  'session.remove': { input: { clientId: ClientId }; output: { removed: boolean } };
  /** What was decided about its publishing to exactly this topic. */
  'session.forgetDecision': {
    input: { clientId: ClientId; topic: string };
    output: { isConnected: boolean };
  };
  /** Of the session, also while its client is absent; the filter with its prefixes. Answered when all shards know. */
  'session.subscribe': {
    input: { clientId: ClientId; filter: string; qos: 0 | 1 | 2 };
    output: SubscribeOutcome;
  };
  'session.unsubscribe': { input: { clientId: ClientId; filter: string }; output: SubscribeOutcome };
  /** In the name of `clientId`, which need not be that of a client. Answered when all are safe. */
  'messages.publish': {
    input: { clientId: string; messages: readonly ApiMessage[] };
    output: PublishOutcome;
  };
  /** Answered when nothing that happens here escapes it. */
  'trace.start': { input: { id: number; subject: TraceSubject }; output: null };
  /** Null: there is no such trace here. */
  'trace.take': { input: { id: number }; output: TraceLot | null };
  'trace.stop': { input: { id: number }; output: null };
  'session.owner': { input: { clientId: ClientId }; output: { shard: ShardId; connected: boolean } | null };
  /** Publishes as the broker itself: `$SYS`, presence, plugins. */
  'message.publish': { input: PublishRequest; output: null };
  'shard.figures': { input: null; output: ShardFigures };
  /** Evenly spread keys of a range of this shard's list, and how many rows lie below each. */
  'list.marks': { input: { kind: ListKind; from: string | null; to: string | null }; output: ListMarks };
  /** Rows from a place on, in order: as many as fit into one answer. */
  'list.rows': { input: { kind: ListKind; from: ListCursor | null; max: number }; output: ListLot<ListRow> };
  /** Of exactly this filter; any shard knows. */
  'list.route': { input: { filter: string }; output: readonly RouteRow[] };
  'list.client': { input: { clientId: ClientId }; output: ClientRow | null };
  'list.session': { input: { clientId: ClientId }; output: SessionRow | null };
  /** Of one session. */
  'list.subscriptions': {
    input: { clientId: ClientId; from: ListCursor | null };
    output: ListLot<SubscriptionRow>;
  };
  /**
   * The whole configuration, of which something has changed; versions rise. Answered when all that is `live` is in
   * force and whoever comes from now on is met with what is `new`.
   */
  'config.update': { input: ConfigUpdate; output: null };
  /** New certificates or ticket keys; answered when handshakes use them. */
  'tls.update': { input: { tls: readonly TlsMaterial[] }; output: null };
  /**
   * New rules or bans. Answered when they are in force: whoever is banned is disconnected, and subscriptions that are
   * no longer allowed are being looked for.
   */
  'access.update': { input: AccessUpdate; output: null };
  /** Answered when the plugin's part runs here, in the place of an earlier one; otherwise nothing changes. */
  'plugin.start': { input: PluginStart; output: null };
  /** Answered when no hook of the plugin is called any more, whether it ran or not. */
  'plugin.stop': { input: { name: string }; output: null };
  /** Closes every connection (0x8B to MQTT 5), then resolves the task. */
  'shard.stop': { input: { deadlineMs: number }; output: null };
  /** Only with `seams.faults`. */
  'test.advanceClock': { input: { ms: number }; output: null };
  'test.fault': { input: { fault: 'throw' | 'hang' | 'spin' | 'out-of-memory' | 'busy' }; output: null };
}

export interface PublishRequest {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
}

export type ShardRequestType = keyof ShardRequests;

/** Plain integer, never reused on one port. */
export type CorrelationId = number;

/** The request of type T; without T, any of them. Written so that `type` decides `input` in generic code too. */
export type ShardRequest<T extends ShardRequestType = ShardRequestType> = {
  readonly [K in T]: {
    readonly kind: 'request';
    readonly id: CorrelationId;
    readonly type: K;
    readonly input: ShardRequests[K]['input'];
  };
}[T];

/** What main tells a shard and expects no answer to. */
export type MainEvent =
  /** One or more, in the order of their numbers. */
  | {
      readonly kind: 'event';
      readonly type: 'connections.accepted';
      readonly handovers: readonly ConnectionHandover[];
    }
  /** Every shard that is alive has been joined, so whoever is known is all there is to wait for. Then come clients. */
  | { readonly kind: 'event'; readonly type: 'peers.joined' }
  /** That shard has ended: nothing comes from it, SUBACK waits for it no longer. */
  | { readonly kind: 'event'; readonly type: 'peer.lost'; readonly shard: ShardId }
  | { readonly kind: 'event'; readonly type: 'plugin.told'; readonly message: PluginMessage }
  | { readonly kind: 'event'; readonly type: 'plugin.heard'; readonly heard: PluginHeard }
  /** That shard is too busy for new clients, those relayed to it included, or is no longer. */
  | {
      readonly kind: 'event';
      readonly type: 'peer.overload';
      readonly shard: ShardId;
      readonly isOverloaded: boolean;
    };

export type MainToShard = ShardRequest | MainEvent;

export type ShardReply =
  | { readonly kind: 'reply'; readonly id: CorrelationId; readonly ok: true; readonly output: unknown }
  | { readonly kind: 'reply'; readonly id: CorrelationId; readonly ok: false; readonly error: ErrorData };

export type ShardEvent =
  /** The task has begun, on the worker with this threadId; nothing is built yet. Posted by the Piscina entry. */
  | { readonly kind: 'event'; readonly type: 'shard.started'; readonly thread: number }
  /** It reads what it had kept: of `what` so many rows of so many. The time for its start begins anew. */
  | {
      readonly kind: 'event';
      readonly type: 'shard.loading';
      readonly what: string;
      readonly rows: number;
      readonly ofRows: number;
    }
  /** It ends, and would end again if it were started again; a line for people. */
  | { readonly kind: 'event'; readonly type: 'shard.refused'; readonly why: string }
  /** Parts are built; the shard takes peers, then connections. `thread` is the worker's threadId. */
  | { readonly kind: 'event'; readonly type: 'shard.ready'; readonly thread: number }
  /** It has heard what all others want, and takes connections. */
  | { readonly kind: 'event'; readonly type: 'shard.open' }
  | { readonly kind: 'event'; readonly type: 'shard.heartbeat'; readonly figures: ShardFigures }
  /** Its loop has become too late for new connections (`overload.loop_delay`), or is no longer. */
  | {
      readonly kind: 'event';
      readonly type: 'shard.overload';
      readonly isOverloaded: boolean;
      readonly delayMs: number;
    }
  | {
      readonly kind: 'event';
      readonly type: 'connections.closed';
      /** One or more; `reasons` goes side by side. */
      readonly numbers: readonly ConnectionNumber[];
      readonly reasons: readonly string[];
    }
  /** A client connects more often than `mqtt.flapping.max_connects` allows. */
  | { readonly kind: 'event'; readonly type: 'client.flapping'; readonly clientId: ClientId }
  | { readonly kind: 'event'; readonly type: 'plugin.told'; readonly message: PluginMessage }
  | { readonly kind: 'event'; readonly type: 'plugin.heard'; readonly heard: PluginHeard }
  | { readonly kind: 'event'; readonly type: 'plugin.failed'; readonly failed: PluginFailed }
  | { readonly kind: 'event'; readonly type: 'alarm.raised'; readonly alarm: Alarm }
  | { readonly kind: 'event'; readonly type: 'alarm.cleared'; readonly id: string }
  | {
      readonly kind: 'event';
      readonly type: 'log';
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: LogFields;
    };

export type ShardToMain = ShardReply | ShardEvent;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal';
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

export interface Alarm {
  readonly id: string;
  readonly severity: 'warning' | 'error' | 'critical';
  readonly title: string;
  readonly summary: string;
  /** Milliseconds since 1970. */
  readonly raisedAt: number;
}

/** What a shard has at one moment. What it counts is in shared memory: `ShardStart.counters`. */
export interface ShardFigures {
  readonly clients: number;
  readonly sessions: number;
  readonly subscriptions: number;
  /** Filters with at least one local subscription. */
  readonly filters: number;
  /** Distinct filters known to this shard, other shards' interest included. */
  readonly routes: number;
  readonly retained: number;
  /** Bytes that wait: output, queues, outboxes, half-read packets. */
  readonly waitingBytes: number;
  /** Longest turn since the last heartbeat, in milliseconds. */
  readonly longestTurnMs: number;
  /** What a timer that is due waits for its turn, in milliseconds: the average of about the last second. */
  readonly loopDelayMs: number;
  readonly heapUsedBytes: number;
  /** Memory of its objects outside the heap, buffers above all. */
  readonly externalBytes: number;
  /** Clients whose connection ends at this shard and whose session belongs to another one. */
  readonly relays: number;
  /** Connections at this shard that have not come as far as a session: TLS, HTTP or CONNECT is not whole. */
  readonly arriving: number;
}
