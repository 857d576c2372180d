/** What a listener is once everything is read. Types that both sides use; main makes the values. */
import type { AccessRule } from '../base/access.js';

export const LISTENER_TYPES = ['tcp', 'ssl', 'ws', 'wss', 'unix', 'api'] as const;
export type ListenerType = (typeof LISTENER_TYPES)[number];

/** Where a listener listens. */
export interface ListenAddress {
  /** An IP address without brackets, or a host name. */
  readonly host: string;
  /** 0 = one that the system chooses. */
  readonly port: number;
  /** Of a Unix domain socket, in place of host and port, which are empty and 0 then; otherwise null. */
  readonly path: string | null;
  /** Only the port was written; the host is all there are. */
  readonly isPortOnly: boolean;
}

/** A certificate with its private key, both PEM files. */
export interface CertificateFiles {
  readonly certfile: string;
  readonly keyfile: string;
}

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

/** How an `ssl` or `wss` listener encrypts. File names as they were written, never empty. */
export interface TlsSettings extends CertificateFiles {
  /** More certificates, chosen by the server name the client asks for (SNI); each serves the names it contains. */
  readonly sni: readonly CertificateFiles[];
  /** Authorities that clients' certificates are checked against; null only where clients are not asked for one. */
  readonly cacertfile: string | null;
  /** Revoked certificates of those authorities; null: none are known. */
  readonly crlfile: string | null;
  /** Asks clients for a certificate, and refuses a wrong one. */
  readonly verifyPeer: boolean;
  /** Refuses clients without a certificate as well. */
  readonly failIfNoPeerCert: boolean;
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** OpenSSL's names, separated by colons; null: Node's own choice. */
  readonly ciphers: string | null;
  readonly dhfile: string | null;
  /** The order of `ciphers` counts, not the client's. */
  readonly honorCipherOrder: boolean;
  /** Session tickets are given out and taken. */
  readonly reuseSessions: boolean;
  /** From accept to the end of the handshake. */
  readonly handshakeTimeoutMs: number;
}

/** How a `ws` or `wss` listener upgrades. */
export interface WebSocketSettings {
  /** The only path that is served. */
  readonly path: string;
  /** Values of the Origin header that are let in, as browsers write them; empty: all. */
  readonly origins: readonly string[];
  /** Takes up permessage-deflate where a client offers it. */
  readonly compress: boolean;
  /** Headers in which a trusted proxy tells the client's address and port; lower case; null: not looked at. */
  readonly addressHeader: string | null;
  readonly portHeader: string | null;
}

/** A listener whose clients come through a proxy that says who they are. */
export interface ProxySettings {
  /** From accept to the end of the PROXY header. */
  readonly timeoutMs: number;
}

/** Which part of a client's certificate is its username. */
export type CertificateUsername = 'cn' | 'dn' | 'crt';

/** Token bucket over the bytes received on one connection. */
export interface RateLimit {
  readonly burstBytes: number;
  readonly bytesPerSecond: number;
}

/** The options of a listener, as the code uses them. */
export interface ListenerSettings {
  /** Shown in reports; main accepts with one server per listener. */
  readonly acceptors: number;
  /** Connections at a time; more are closed right after accept; 0 = no limit. */
  readonly maxClients: number;
  /** Connections accepted per second; 0 = no limit. */
  readonly maxConnRate: number;
  readonly backlog: number;
  readonly nodelay: boolean;
  /** Put before every topic of the clients that came in here, and taken off on delivery. */
  readonly mountpoint: string;
  readonly rateLimit: RateLimit | null;
  readonly access: readonly AccessRule[];
  /** A connection that has taken no byte for so long while output waits is closed. */
  readonly sendTimeoutMs: number;
  /** Sizes of the kernel's buffers per connection; 0: the system's. */
  readonly recbufBytes: number;
  readonly sndbufBytes: number;
  /** Permissions of the socket's file, for `unix` listeners; 0 otherwise. */
  readonly mode: number;
  /** Null where a connection begins with its own bytes. */
  readonly proxy: ProxySettings | null;
  /** Networks whose PROXY headers and address headers are believed; empty: everybody who may connect. */
  readonly trustedProxies: readonly string[];
  /** Null for listeners without encryption. */
  readonly tls: TlsSettings | null;
  /** Null for listeners without WebSocket. */
  readonly webSocket: WebSocketSettings | null;
  /** Null: the username is what CONNECT says. */
  readonly certificateUsername: CertificateUsername | null;
}

/** A listener that is to be opened. */
export interface ListenerConfig extends ListenerSettings, ListenAddress {
  readonly type: ListenerType;
  readonly name: string;
}
