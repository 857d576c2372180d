/** What users of the library hold: the options of `startBroker` and the running broker. Types only. */
import type { Bans } from './access/bans.js';
import type { Seams } from './actor/shard-protocol.js';
import type { BrokerError } from './base/errors.js';
import type { Logger } from './base/log.js';
import type { ConfigInput } from './config/entry.js';
import type { ListenerType } from './config/listener-types.js';
import type { Plugin, Plugins } from './plugins/api.js';

export interface BrokerOptions {
  /** Keys nested or dotted, e.g. `{ mqtt: { max_packet_size: '2MB' }, 'listener.tcp.internal': 'off' }`. */
  readonly config?: ConfigInput;
  /** A YAML file or an EMQ `emq.conf`; wins over `config`. */
  readonly configFile?: string;
  /** `KEY=VALUE`, as on the command line; wins over all else. */
  readonly set?: readonly string[];
  /** Where to look for `SHARDMQ_...`; not looked at when missing. */
  readonly env?: NodeJS.ProcessEnv;
  /** Silent when missing. */
  readonly logger?: Logger | 'silent';
  /** Users' plugins: path or URL of a module, or the plugin itself. They start with the broker, after all others. */
  readonly plugins?: readonly (string | URL | Plugin)[];
  /** Replaces parts of a shard, for tests. */
  readonly seams?: Seams;
}

/** A listener that is open. */
export interface OpenListener {
  /** `listener.TYPE.NAME`'s last word. */
  readonly name: string;
  readonly protocol: ListenerType;
  readonly host: string;
  /** The real one where the configuration says 0. */
  readonly port: number;
  /** Of a Unix domain socket, whose host is empty and port 0; otherwise null. */
  readonly path: string | null;
  /** Where clients of `ws` and `wss` listeners upgrade, such as `/mqtt`; otherwise null. */
  readonly webSocketPath: string | null;
  /** Of the API, such as `http://127.0.0.1:8080/api/v2/`; otherwise null. */
  readonly url: string | null;
  /** Connections have to begin with a header of the PROXY protocol. */
  readonly isProxied: boolean;
}

/** A running broker. */
export interface Broker {
  readonly name: string;
  readonly shards: number;
  readonly listeners: readonly OpenListener[];
  /** Never rejects. Resolves when shards crashed too often; the broker has stopped by then. */
  readonly failed: Promise<BrokerError>;
  /** Index of the shard that owns this ClientId's session. */
  shardOf(clientId: string): number;
  /**
   * Reads the certificates, keys and lists of the revoked of all TLS listeners again. New connections use them from
   * then on; those that are open stay as they are. Rejects with a BrokerError CERTIFICATE_FAILED when something is
   * wrong with them: then everything stays as it was. A changed file is noticed without a call as well, within seconds.
   */
  reloadCertificates(): Promise<void>;
  /**
   * Reads the file of access rules (`mqtt.acl_file`) again. Subscriptions that it does not allow any more end. Rejects
   * with a BrokerError ACL_FAILED when something is wrong with it: then the rules stay as they were; and with another
   * one when a shard does not answer: it gets the new ones when it goes on.
   */
  reloadAcl(): Promise<void>;
  /** Names of users of the API who have the password that everybody knows. */
  readonly usersWithPublicPassword: readonly string[];
  /** Clients, users and addresses that are kept out. */
  readonly bans: Bans;
  readonly plugins: Plugins;
  /** Closes listeners and connections, ends the shards. Resolves also when called twice. */
  stop(): Promise<void>;
}
