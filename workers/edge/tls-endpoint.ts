/**
 * TLS of one listener on one shard: descriptors of clients in, links out. Node's TLS server does the handshakes; it
 * never listens, connections are injected. Runs on the shard's thread.
 */
import { Socket, type SocketConstructorOpts } from 'node:net';
import { Server, type TLSSocket } from 'node:tls';
import type { TlsMaterial } from '../../src/actor/shard-protocol.js';
import { TlsContexts } from '../../src/actor/tls-contexts.js';
import type { ListenerConfig } from '../../src/config/listener-types.js';
import type { Core } from '../core.js';
import type { Link } from '../transport/link.js';
import { TlsLink, tlsEnd } from '../transport/tls-link.js';
import { usernameOf } from './certificate-username.js';
import type { Handshakes, QueuedHandshake } from './handshakes.js';

export interface TlsReady {
  readonly ok: true;
  readonly link: Link;
  /** From the client's certificate, where the listener takes it from there and the client has one. */
  readonly username: string | null;
}

export interface TlsFailed {
  readonly ok: false;
  /** `closed`, `tls_error`, `tls_busy`, `bad_certificate`, `no_certificate_name`, or an error code of the socket. */
  readonly reason: string;
}

/** A layer that is being opened. */
export interface Attempt {
  /** Destroys the socket; `done` is not called any more. */
  abort(): void;
}

type Done = (outcome: TlsReady | TlsFailed) => void;

export class TlsEndpoint {
  private readonly server: Server;
  private readonly contexts: TlsContexts;

  constructor(
    readonly core: Core,
    readonly listener: ListenerConfig,
    material: TlsMaterial,
    readonly queue: Handshakes,
  ) {
    const { verifyPeer, failIfNoPeerCert } = listener.tls!;
    this.contexts = new TlsContexts(material);
    const sni = material.sni.length > 0 ? { SNICallback: this.contexts.onServerName } : {};
    this.server = new Server({
      ...this.contexts.defaults,
      ...sni,
      requestCert: verifyPeer,
      // Where a certificate may be missing, whether one that is there is good is asked after the handshake.
      rejectUnauthorized: verifyPeer && failIfNoPeerCert,
    });
    this.server.on('secureConnection', onSecured);
    this.server.on('tlsClientError', onFailed);
  }

  /**
   * Takes over `fd`, and starts a handshake when it is its turn. `head` is what has been read of the connection, with
   * the ClientHello. `done` is called once, never during this call.
   * @throws Error when `fd` is no open socket
   */
  open(fd: number, head: Buffer, done: Done): Attempt {
    const attempt = new TlsAttempt(this, fd, head, done);
    if (!this.queue.add(attempt)) attempt.fail('tls_busy');
    return attempt;
  }

  /** Certificates and ticket keys for the handshakes that start from now on. */
  update(material: TlsMaterial): void {
    this.contexts.update(material);
    this.server.setSecureContext(this.contexts.defaults);
  }

  /** To be called when no attempt is under way any more. */
  close(): void {
    this.server.removeAllListeners();
  }

  /** Node's server takes it from here. */
  inject(socket: Socket): void {
    this.server.emit('connection', socket);
  }
}

/** Carries the way back from a socket's events to its attempt. */
class RawSocket extends Socket {
  attempt: TlsAttempt | null = null;
}

/** One connection until its handshake is over. */
class TlsAttempt implements Attempt, QueuedHandshake {
  waiting = false;
  readonly socket: RawSocket;
  private reason = '';

  constructor(
    private readonly endpoint: TlsEndpoint,
    fd: number,
    private readonly head: Buffer,
    private done: Done | null,
  ) {
    // Not read before its turn comes. Node's types know the option for sockets of a server only.
    const options = { fd, readable: true, writable: true, allowHalfOpen: false, pauseOnCreate: true };
    this.socket = new RawSocket(options as SocketConstructorOpts);
    this.socket.attempt = this;
    this.socket.on('error', onRawError);
    this.socket.on('close', onRawClose);
  }

  start(): void {
    if (this.socket.destroyed) return;
    // What stands in a socket's buffer goes to TLS before what comes next, as in any socket that becomes encrypted.
    if (this.head.length > 0) this.socket.unshift(this.head);
    this.endpoint.inject(this.socket);
  }

  abort(): void {
    this.done = null;
    this.endpoint.queue.remove(this);
    this.socket.destroy();
  }

  /** Ends it. Whoever waits for the outcome hears of it when the socket is closed. */
  fail(reason: string): void {
    if (this.reason === '') this.reason = reason;
    this.endpoint.queue.remove(this);
    this.socket.destroy();
  }

  // The socket on top, which knows the reason, closes after the one below.
  onClosed(): void {
    this.endpoint.queue.remove(this);
    setImmediate(() => this.settle({ ok: false, reason: this.reason === '' ? 'closed' : this.reason }));
  }

  onSecured(tls: TLSSocket): void {
    this.endpoint.queue.remove(this);
    const { certificateUsername: kind, tls: settings } = this.endpoint.listener;
    const { verifyPeer, failIfNoPeerCert } = settings!;
    const certificate = verifyPeer ? tls.getPeerX509Certificate() : undefined;
    const isTrusted = certificate === undefined ? !(verifyPeer && failIfNoPeerCert) : tls.authorized;
    // What nobody vouches for is not even read.
    const isNamed = isTrusted && certificate !== undefined && kind !== null;
    const username = isNamed ? usernameOf(certificate, kind) : null;
    if (!isTrusted) this.fail('bad_certificate');
    else if (isNamed && username === null) this.fail('no_certificate_name');
    else if (this.done === null) this.socket.destroy();
    else {
      this.socket.attempt = null;
      this.settle({ ok: true, link: new TlsLink(tls), username });
    }
  }

  private settle(outcome: TlsReady | TlsFailed): void {
    const { done } = this;
    if (done === null) return;
    this.done = null;
    this.endpoint.core.turn.enter();
    done(outcome);
  }
}

// Node says what went wrong with the TLS socket on top; a socket without a listener would end the thread.
function onRawError(): void {}

function onRawClose(this: RawSocket): void {
  this.attempt?.onClosed();
}

function onSecured(tls: TLSSocket): void {
  attemptOf(tls)?.onSecured(tls);
}

function onFailed(error: NodeJS.ErrnoException, tls: TLSSocket): void {
  attemptOf(tls)?.fail(failureOf(error, tls));
}

function failureOf(error: NodeJS.ErrnoException, tls: TLSSocket): string {
  const isRefused =
    tls.authorizationError != null || error.code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE';
  if (isRefused) return 'bad_certificate';
  // What Node makes of a client that goes away in the middle.
  if (error.code === 'ECONNRESET') return 'closed';
  return tlsEnd(error);
}

/** The attempt whose socket lies below; Node's events name only the socket on top. */
function attemptOf(tls: TLSSocket): TlsAttempt | null {
  // Not in Node's documentation, but in every version since TLS sockets wrap others; the tests hold us to it.
  const { _parent: below } = tls as TLSSocket & { readonly _parent?: unknown };
  return below instanceof RawSocket ? below.attempt : null;
}
