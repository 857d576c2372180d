/**
 * What a plugin is, for whoever writes one. It has two parts: one on the main thread, which starts and stops it and
 * keeps what all shards share, and one in every shard, which is asked and told what happens there. Types only.
 */
import type { LogFields } from '../actor/shard-protocol.js';
import type { MainDocument } from '../base/document.js';

/** What is done with plugins, one operation after the other. */
export interface Plugins {
  /** All that are known, by name. */
  list(): readonly PluginSummary[];
  /** Starts it in all shards or none, and whenever the broker starts from now on. */
  start(name: string): Promise<PluginOutcome>;
  /** Stops it, now and for later starts of the broker. */
  stop(name: string): Promise<PluginOutcome>;
  /**
   * What may be set, first keys that are not set (a `$` stands for any word), then those that are, in order. Null:
   * there is no such plugin, or its configuration cannot be read.
   */
  config(name: string): readonly PluginSetting[] | null;
  /**
   * Replaces its whole configuration, for later starts of the broker too: keys left out have their defaults. It is
   * restarted if it runs. When a value is wrong, nothing is changed.
   */
  configure(name: string, values: Readonly<Record<string, string>>): Promise<PluginOutcome>;
  /** Reads the module of a user's plugin again, and restarts it if it runs. If that fails, nothing is changed. */
  reload(name: string): Promise<PluginOutcome>;
  /** What the plugin can be told to do while it runs. */
  commands(name: string): readonly PluginCommandSummary[];
  /** Carries out one of them. */
  run(name: string, command: string, args: readonly string[]): Promise<PluginAnswer>;
}

export interface PluginSummary {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** It runs now. */
  readonly active: boolean;
  /** Modules of a user's plugin, as paths. */
  readonly files: readonly string[];
}

/** `message` is a sentence for people. */
export type PluginOutcome =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly why: 'not_found' | 'already_started' | 'not_started' | 'invalid' | 'failed';
      readonly message: string;
    };

/** `lines` are what the command has to say; `message` is a sentence for people. */
export type PluginAnswer =
  | { readonly ok: true; readonly lines: readonly string[] }
  | {
      readonly ok: false;
      readonly why: 'not_found' | 'not_started' | 'no_command' | 'failed';
      readonly message: string;
    };

export interface PluginCommandSummary {
  readonly name: string;
  /** Words that follow its name, such as `NAME PASSWORD`. */
  readonly usage: string;
  readonly about: string;
}

export interface PluginSetting {
  readonly key: string;
  /** As it was written; empty where the key is not set. */
  readonly value: string;
  readonly isSet: boolean;
  readonly isSecret: boolean;
  readonly about: string;
}

/** How the value of a key is written, checked and given to the plugin. */
export type PluginOptionType =
  | { readonly kind: 'string' }
  | { readonly kind: 'integer'; readonly min?: number; readonly max?: number }
  /** `on` and `off`, `true` and `false`; a boolean. */
  | { readonly kind: 'flag' }
  /** Milliseconds. */
  | { readonly kind: 'duration'; readonly minMs?: number; readonly maxMs?: number }
  /** Bytes. */
  | { readonly kind: 'bytesize'; readonly max?: number }
  | { readonly kind: 'enum'; readonly words: readonly string[] };

export interface PluginOption {
  readonly type: PluginOptionType;
  /** Null: unset unless somebody sets it. */
  readonly default: string | null;
  readonly about: string;
  /** What the plugin shows must not be read by everybody: logs and errors leave the value out. */
  readonly secret?: boolean;
}

/** By key. A word that begins with `$`, as in `auth.user.$id.username`, stands for any word. */
export type PluginOptions = Readonly<Record<string, PluginOption>>;

/** The values of all keys that are set or have a default: concrete keys only, in the order in which they were given. */
export type PluginValues = ReadonlyMap<string, string | number | boolean>;

/** The default export of a plugin's module. */
export interface Plugin {
  /** Lower case letters, digits and `_`; unique. */
  readonly name: string;
  readonly description: string;
  /** The broker's own where it is left out. */
  readonly version?: string;
  readonly options?: PluginOptions;
  /**
   * It decides who may connect and what they may do. While it ought to run and does not, because it failed at the start
   * of the broker or is just being restarted, nobody may connect, publish or subscribe.
   */
  readonly isGuard?: boolean;
  /** Module whose default export is a `CreateShardPart`. Left out: the plugin has no part in the shards. */
  readonly shard?: URL;
  /** Checks beyond each single value. @returns what is wrong, or null */
  check?(values: PluginValues): string | null;
  /**
   * Looks at what `start` would read in its data directory, which may not be there, and in its documents, and changes
   * nothing: for `shardmq check-config`, which starts nothing. Throws what is wrong.
   */
  checkFiles?(dataDir: string, document: (name: string) => PluginDocument): void | Promise<void>;
  /** Starts the main part; the shards' parts are started after it. Throwing leaves the plugin stopped. */
  start?(context: MainContext): MainPart | undefined | Promise<MainPart | undefined>;
}

/** Something that people and programs tell a running plugin to do. */
export interface PluginCommand {
  /** Words that follow its name, such as `NAME PASSWORD`. What is called just PASSWORD the command line asks for. */
  readonly usage: string;
  readonly about: string;
  /** @returns what to say, a line each. Throwing says why it was not done. */
  run(args: readonly string[]): readonly string[] | Promise<readonly string[]>;
}

export interface MainPart {
  /** By name. */
  readonly commands?: Readonly<Record<string, PluginCommand>>;
  /** Plain data that every shard part is created with, also those of shards that start later. */
  shardState?(): unknown;
  /** From a shard part's `tell`. */
  onMessage?(data: unknown, shard: number): void;
  /** The shards' parts have stopped by then. */
  stop?(): void | Promise<void>;
}

export interface PluginLog {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface MainContext {
  /** Name of this node, as in `$SYS/brokers/NODE/`. */
  readonly node: string;
  readonly values: PluginValues;
  readonly log: PluginLog;
  /** A directory of the plugin's own; made when this is called. */
  dataDir(): string;
  /** A document of the plugin's own. The name is a word; throws for any other. */
  document(name: string): PluginDocument;
  /**
   * To the plugin's part in every shard, in order; those that are being started get it then. @returns false when it was
   * told to none, because `start` has not returned yet, a shard has thousands of earlier ones to look at, or the data
   * cannot be cloned
   */
  tell(data: unknown): boolean;
  /** To its part in one shard, in order with `tell`. Lost where that shard is down. @returns as `tell` */
  tellShard(shard: number, data: unknown): boolean;
  /** Publishes as the broker itself. Throws as `publish` of `ShardContext` does. */
  publish(topic: string, payload: Uint8Array | string, options?: { qos?: 0 | 1 | 2; retain?: boolean }): void;
  /** Heap, event-loop delay and sessions of the shards, as of the last second. */
  figures(): readonly ThreadFigures[];
  /** All plugins. Not to be waited for in `start` and `stop`: operations are done one after the other. */
  readonly plugins: Plugins;
}

/**
 * Bytes that the broker keeps for a plugin together with what it keeps itself, whole or not at all. Where a file of the
 * document's name lies in `dataDir` when the broker starts, it takes the document's place.
 */
export type PluginDocument = MainDocument;

export interface ThreadFigures {
  /** `main`, or the number of a shard. */
  readonly thread: 'main' | number;
  readonly heapUsedBytes: number;
  readonly loopDelayMs: number;
  readonly clients: number;
  readonly sessions: number;
}

/**
 * The default export of a plugin's shard module. Runs once per shard and start; throwing fails the start on all. In a
 * shard that comes back after a crash, it stops the plugin on all.
 */
export type CreateShardPart = (context: ShardContext) => ShardPart | Promise<ShardPart>;

export interface ShardContext {
  /** Name of this node, as in `$SYS/brokers/NODE/`. */
  readonly node: string;
  readonly shard: number;
  readonly shards: number;
  readonly values: PluginValues;
  /** What `shardState` of the main part gave; null without one. */
  readonly state: unknown;
  readonly log: PluginLog;
  /** To the main part. @returns false when it was not told, because that has thousands of earlier ones to look at */
  tell(data: unknown): boolean;
  /**
   * Publishes as the broker itself, after what the shard is doing now, and so from within any hook. Throws when that
   * cannot be published: the topic is none, or all is longer than `mqtt.max_packet_size`.
   */
  publish(topic: string, payload: Uint8Array | string, options?: { qos?: 0 | 1 | 2; retain?: boolean }): void;
  /**
   * Whether a message that is published there now may reach anybody, or a plugin may want to see it: if not, none
   * needs to be made. Not for what is to be retained.
   */
  isWanted(topic: string): boolean;
  /**
   * Subscribes a client that is connected in this shard, as if it had asked; nothing where there is none. After what
   * the shard is doing now: a client that is about to get its CONNACK is there by then. Retained messages come if
   * it was not subscribed to the filter before. Throws when `filter` is no string or `qos` none of the three.
   */
  subscribe(clientId: string, filter: string, qos: 0 | 1 | 2): void;
  unsubscribe(clientId: string, filter: string): void;
}

export interface ShardPart {
  readonly hooks?: ShardHooks;
  /**
   * While the part runs, its shard retains messages, within these limits. Of several plugins the one that was started
   * last counts. Without any, messages with RETAIN are delivered and not kept; what has been kept stays for the next.
   */
  readonly retained?: RetainedLimits;
  /** From the main part's `tell`. */
  onMessage?(data: unknown): void;
  /** No hook is called any more. */
  stop?(): void;
}

/** Of the retained messages in one shard, which owns a part of all topics. 0: no limit. */
export interface RetainedLimits {
  /** Beyond it no further topic is retained; those that are there may be replaced. */
  readonly messagesMax: number;
  readonly payloadBytesMax: number;
  /** Of messages and the tree above them, about. Beyond it a message is retained only in place of one as large. */
  readonly bytesMax: number;
  /** A message that is this old is gone, whatever it says itself; `$SYS/` excepted. */
  readonly expiryMs: number;
}

/** What is known of a client that wants to connect. */
export interface ConnectAttempt {
  /** As the client sent it: empty where it leaves the choice to the broker. */
  readonly clientId: string;
  readonly username: string | null;
  readonly password: Uint8Array | null;
  readonly peerAddress: string;
  readonly peerPort: number;
  /** The key of its listener, such as `listener.ssl.external`. */
  readonly listener: string;
  readonly protocolVersion: 3 | 4 | 5;
  readonly cleanStart: boolean;
  readonly keepAliveSeconds: number;
}

/**
 * `ignore` asks the next plugin. A refusal names an MQTT 5 reason code of 0x80 and above, 0x86 (bad user name or
 * password) if none; clients of 3.x get the code that comes nearest.
 */
export type AuthAnswer =
  | 'ignore'
  | { readonly allow: true; readonly superuser?: boolean }
  | { readonly allow: false; readonly reason?: number };

/** A client whose CONNECT has been decoded. */
export interface ClientInfo {
  readonly clientId: string;
  readonly username: string | null;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly listener: string;
  readonly protocolVersion: 3 | 4 | 5;
  readonly cleanStart: boolean;
  readonly keepAliveSeconds: number;
  /** Milliseconds since 1970. */
  readonly connectedAtMs: number;
}

export interface AccessRequest {
  readonly client: ClientInfo;
  readonly action: 'publish' | 'subscribe';
  /** As the client sent it: before rewriting and mountpoint; a filter for subscribe, without `$share/group/`. */
  readonly topic: string;
}

export type AccessAnswer = 'allow' | 'deny' | 'ignore';

export interface SubscribeFilter {
  /** With its prefix `$share/group/`, `$queue/` or `$local/`, if it has one. */
  readonly filter: string;
  readonly qos: 0 | 1 | 2;
}

export interface HookMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /**
   * Who published it, or left it as its will. Null: the broker itself. For what comes through the API the name that was
   * given there, `http` if none: such a client need not exist.
   */
  readonly clientId: string | null;
  readonly username: string | null;
}

/** Why a message did not reach anybody, or a session. */
export type DropReason = 'no_subscribers' | 'queue_full' | 'expired' | 'denied' | 'dropped_by_hook';

/**
 * What a shard part may be asked and told, always in the shard that owns the session. Those that answer may answer
 * later; the packet waits, and so does what its client sends after it. A handler that throws, gives what it may not, or
 * has not answered after 10 s is logged and counts as a refusal in `client.authenticate` (0x88, server unavailable:
 * nobody has judged the password) and in `client.authorize`, and as undefined elsewhere. What a plugin owes when it is
 * stopped counts as `ignore` and undefined. What a handler publishes or subscribes happens after it has returned.
 */
export interface ShardHooks {
  /**
   * 0 if left out. In `client.authenticate` and `client.authorize` the highest is asked first, and of equals the one
   * registered last; elsewhere the lowest first, and of equals the one registered first.
   */
  readonly priority?: number;
  'client.authenticate'?(attempt: ConnectAttempt): AuthAnswer | Promise<AuthAnswer>;
  'client.authorize'?(request: AccessRequest): AccessAnswer | Promise<AccessAnswer>;
  /** `reason` is that of CONNACK, 0 to 5 in 3.x: also for those who were refused. Before CONNACK is sent. */
  'client.connected'?(client: ClientInfo, reason: number): void;
  /** After `client.connected`, also for those refused; not where another connection took the ClientId over. */
  'client.disconnected'?(client: ClientInfo, reason: string): void;
  /**
   * Of filters that the client may have; a packet with more than 256 comes in several calls.
   * @returns what to subscribe in place of each filter, null to refuse it; undefined: all as they are. Another filter
   * is validated and authorised again
   */
  'client.subscribe'?(
    client: ClientInfo,
    filters: readonly SubscribeFilter[],
  ):
    | readonly (SubscribeFilter | null)[]
    | undefined
    | Promise<readonly (SubscribeFilter | null)[] | undefined>;
  /** @returns what to unsubscribe in place of each filter; undefined: all as they are */
  'client.unsubscribe'?(
    client: ClientInfo,
    filters: readonly string[],
  ): readonly string[] | undefined | Promise<readonly string[] | undefined>;
  'session.created'?(client: ClientInfo): void;
  /** Also when it was subscribed to already. Once SUBACK is sent, or could be. */
  'session.subscribed'?(client: ClientInfo, filter: SubscribeFilter): void;
  /** Only what there was; not at the session's end. */
  'session.unsubscribed'?(client: ClientInfo, filter: string): void;
  /** `normal`, `expired`, `destroy` (in favour of a new one, or removed over the API) or `conflict`. */
  'session.terminated'?(clientId: string, reason: string): void;
  /**
   * Of clients, of wills, and of the broker itself. Topics are whole, behind a listener's mountpoint.
   * @returns the message to route instead, null to drop it, undefined for as it is. The publisher gets its
   * acknowledgement as usual. Another topic is validated and, for a client's message, authorised again
   */
  'message.publish'?(
    message: HookMessage,
  ): HookMessage | null | undefined | Promise<HookMessage | null | undefined>;
  /**
   * Handed to a client's connection, also again. Messages keep who published them, retained ones too, if the shard of
   * the publisher had a handler here or for `message.acked` at that time: `clientId` is null for earlier ones.
   */
  'message.delivered'?(clientId: string, message: HookMessage): void;
  /** Acknowledged by a client: PUBACK, or PUBREC at QoS 2. As above. */
  'message.acked'?(clientId: string, message: HookMessage): void;
  /**
   * `clientId`: the receiver that did not get it; null: the message had none. Of the broker's figures under `$SYS/`
   * nothing is told because nobody wants them.
   */
  'message.dropped'?(clientId: string | null, topic: string, reason: DropReason): void;
}
