/**
 * TLS as a shard does it, in the test's own thread: real sockets are accepted and handed over as main would, real
 * clients connect.
 */
import { once } from 'node:events';
import { connect as connectPlain, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { ExecutionContext } from 'ava';
import type { TlsMaterial } from '../../src/actor/shard-protocol.js';
import type { ListenerConfig } from '../../src/config/listener-types.js';
import { loadConfig } from '../../src/config/load.js';
import { descriptorOf, duplicateDescriptor } from '../../src/supervisor/descriptor.js';
import { loadTlsMaterial } from '../../src/supervisor/tls-material.js';
import { Handshakes } from '../../workers/edge/handshakes.js';
import { type Attempt, TlsEndpoint, type TlsFailed, type TlsReady } from '../../workers/edge/tls-endpoint.js';
import type { Link } from '../../workers/transport/link.js';
import { CERTS } from './certs.js';
import { TestShard } from './test-shard.js';
import { until } from './with-broker.js';

export interface TlsStageOptions {
  /** Options of `listener.ssl.test`, besides the address; RSA certificate by default. */
  readonly options?: Readonly<Record<string, string>>;
  readonly ticketKeys?: Uint8Array;
}

export function tlsListener(options: Readonly<Record<string, string>> = {}): ListenerConfig {
  const { certfile, keyfile } = CERTS.serverRsa;
  const values: Record<string, string> = { 'listener.ssl.test': '127.0.0.1:0' };
  for (const [name, value] of Object.entries({ certfile, keyfile, ...options })) {
    values[`listener.ssl.test.${name}`] = value;
  }
  const result = loadConfig({ values });
  if (!result.ok) throw new Error(result.issues.map(({ line }) => line).join('\n'));
  return result.config.listeners.find(({ name }) => name === 'test')!;
}

export async function tlsMaterial(listener: ListenerConfig, ticketKeys?: Uint8Array): Promise<TlsMaterial> {
  const { material, issues } = await loadTlsMaterial(0, listener, Date.now());
  if (material === null) throw new Error(issues.join('\n'));
  if (ticketKeys === undefined) return material;
  return { ...material, options: { ...material.options, ticketKeys } };
}

/** One connection as the shard sees it. */
export interface Opened {
  readonly attempt: Attempt;
  /** The head that came with it. */
  readonly head: Buffer;
  /** Null until `done` was called; a second call is an error. */
  outcome: TlsReady | TlsFailed | null;
}

export class TlsStage {
  readonly opened: Opened[] = [];
  /** Called with each connection once it is open: sets the handler of its link. */
  onReady: (link: Link) => void = () => undefined;
  /** Called before one is taken over, in the same turn. */
  beforeTaking: () => void = () => undefined;
  /** Called as soon as one was taken over. */
  onOpened: (opened: Opened) => void = () => undefined;
  private readonly server: Server;
  private readonly clients: Socket[] = [];
  private closed: Promise<void> | null = null;

  private constructor(
    readonly listener: ListenerConfig,
    readonly endpoint: TlsEndpoint,
    readonly queue: Handshakes,
    readonly shard: TestShard,
  ) {
    this.server = createServer({ pauseOnConnect: true }, (socket) => this.accept(socket));
  }

  static async open(t: ExecutionContext, { options, ticketKeys }: TlsStageOptions = {}): Promise<TlsStage> {
    const listener = tlsListener(options);
    const material = await tlsMaterial(listener, ticketKeys);
    const shard = new TestShard();
    const queue = new Handshakes(shard.parts.turn);
    const endpoint = new TlsEndpoint(shard.parts, listener, material, queue);
    const stage = new TlsStage(listener, endpoint, queue, shard);
    stage.server.listen(0, '127.0.0.1');
    await once(stage.server, 'listening');
    t.teardown(() => stage.close());
    return stage;
  }

  /** @returns a client whose handshake is done on its side, or the error it got. */
  async client(options: ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = this.startClient(options);
    await once(socket, 'secureConnect');
    return socket;
  }

  startClient(options: ConnectionOptions = {}): TLSSocket {
    const socket = connect({ port: this.port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
    this.clients.push(socket);
    return socket;
  }

  /** A client that speaks no TLS by itself. */
  async plainClient(): Promise<Socket> {
    const socket = connectPlain(this.port, '127.0.0.1');
    this.clients.push(socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  /** What came of the connection with this index. */
  async outcome(index = 0): Promise<TlsReady | TlsFailed> {
    await until(() => this.opened[index]?.outcome != null, `outcome ${index}`);
    return this.opened[index]!.outcome!;
  }

  async link(index = 0): Promise<Link> {
    const outcome = await this.outcome(index);
    if (!outcome.ok) throw new Error(`the handshake failed: ${outcome.reason}`);
    return outcome.link;
  }

  async reason(index = 0): Promise<string> {
    const outcome = await this.outcome(index);
    return outcome.ok ? 'ok' : outcome.reason;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  /** Ends everything; also called at the end of the test. */
  close(): Promise<void> {
    this.closed ??= this.closeAll();
    return this.closed;
  }

  private async closeAll(): Promise<void> {
    for (const client of this.clients) {
      client.on('error', () => undefined);
      client.destroy();
    }
    for (const { attempt, outcome } of this.opened) {
      if (outcome === null) attempt.abort();
      else if (outcome.ok) outcome.link.destroy();
    }
    this.server.close();
    // Sockets that have been destroyed close in the next turns.
    await sleep(20);
    this.endpoint.close();
    await this.shard.stop();
  }

  /** As main does it: reads the first record, then gives a descriptor of its own away. */
  private accept(socket: Socket): void {
    const pieces: Buffer[] = [];
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      pieces.push(bytes);
      const head = Buffer.concat(pieces);
      if (head.length < 5 || head.length < 5 + head.readUInt16BE(3)) return;
      socket.removeAllListeners('data');
      const fd = duplicateDescriptor(descriptorOf(socket));
      socket.destroy();
      this.take(fd, head);
    });
    socket.resume();
  }

  private take(fd: number, head: Buffer): void {
    this.beforeTaking();
    let opened: Opened | null = null;
    const attempt = this.endpoint.open(fd, head, (outcome) => {
      if (opened === null || opened.outcome !== null) throw new Error('done was called early, or twice');
      opened.outcome = outcome;
      if (outcome.ok) this.onReady(outcome.link);
    });
    opened = { attempt, head, outcome: null };
    this.opened.push(opened);
    this.onOpened(opened);
  }
}
