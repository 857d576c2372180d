/**
 * Stands in for a shard: answers each connection with one line of JSON about its hand-over, then echoes. The first
 * word of `node.name` makes it misbehave.
 */
import { Socket } from 'node:net';
import { threadId } from 'node:worker_threads';
import { PortServer } from '../../src/actor/port-server.js';
import type {
  ConnectionHandover,
  MainEvent,
  ShardFigures,
  ShardStart,
} from '../../src/actor/shard-protocol.js';
import { HEARTBEAT_MS } from '../../src/limits.js';
import { injectFault } from '../../workers/faults.js';

/** What the line says. */
export interface Greeting {
  readonly shard: number;
  readonly incarnation: number;
  readonly number: number;
  /** Hexadecimal. */
  readonly head: string;
  readonly assignedClientId: string | null;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly certificateUsername: string | null;
  /** Peers that this shard was joined with and has not lost. */
  readonly peers: readonly number[];
}

const BEHAVIOURS = ['good', 'failsAtStart', 'neverAdopts', 'ignoresStop'] as const;
type Behaviour = (typeof BEHAVIOURS)[number];

const NO_ROWS = { rows: [], next: null, total: 0, chars: 0 };
const NO_MARKS = { keys: [], below: [], rows: [], isComplete: true, belowFrom: 0, belowTo: 0, total: 0 };

export function run(start: ShardStart): Promise<void> {
  const word = start.config['node.name'].split('@')[0];
  const behaviour = BEHAVIOURS.find((each) => each === word) ?? 'good';
  return new Promise((resolve) => new StubShard(start, behaviour, resolve));
}

class StubShard {
  readonly #start: ShardStart;
  readonly #behaviour: Behaviour;
  readonly #server: PortServer;
  readonly #adopted: Uint32Array;
  readonly #peers = new Set<number>();
  readonly #sockets = new Set<Socket>();

  constructor(start: ShardStart, behaviour: Behaviour, resolve: () => void) {
    this.#start = start;
    this.#behaviour = behaviour;
    this.#adopted = new Uint32Array(start.handover);
    this.#server = new PortServer(
      start.port,
      {
        'peer.connect': ({ shard }) => {
          this.#peers.add(shard);
          return null;
        },
        'session.kick': () => ({ kicked: false }),
        'session.remove': () => ({ removed: false }),
        'session.forgetDecision': () => ({ isConnected: false }),
        'session.subscribe': () => 'no_session',
        'session.unsubscribe': () => 'no_session',
        'messages.publish': () => ({ why: 'done' }),
        'trace.start': () => null,
        'trace.take': () => null,
        'trace.stop': () => null,
        'session.owner': () => null,
        'message.publish': () => null,
        'list.marks': () => NO_MARKS,
        'list.rows': () => NO_ROWS,
        'list.route': () => [],
        'list.client': () => null,
        'list.session': () => null,
        'list.subscriptions': () => NO_ROWS,
        'plugin.start': () => null,
        'plugin.stop': () => null,
        'config.update': () => null,
        'tls.update': () => null,
        'access.update': () => null,
        'shard.figures': () => this.#figures(),
        'shard.stop': () => this.#stop(resolve),
        'test.advanceClock': () => null,
        'test.fault': ({ fault }) => {
          injectFault(fault);
          return null;
        },
      },
      (event) => this.#onEvent(event),
    );
    this.#server.tell({ kind: 'event', type: 'shard.started', thread: threadId });
    if (behaviour === 'failsAtStart') injectFault('throw');
    else this.#begin();
  }

  #begin(): void {
    setInterval(() => {
      this.#server.tell({ kind: 'event', type: 'shard.heartbeat', figures: this.#figures() });
    }, HEARTBEAT_MS);
    this.#server.tell({ kind: 'event', type: 'shard.ready', thread: threadId });
  }

  #onEvent(event: MainEvent): void {
    if (event.type === 'peer.lost') this.#peers.delete(event.shard);
    if (event.type === 'peers.joined') this.#server.tell({ kind: 'event', type: 'shard.open' });
    if (event.type !== 'connections.accepted') return;
    if (this.#behaviour !== 'neverAdopts') for (const each of event.handovers) this.#adopt(each);
    else this.#server.tell({ kind: 'event', type: 'log', level: 'info', message: 'ignored', fields: {} });
  }

  #adopt(handover: ConnectionHandover): void {
    const { number, fd, head, assignedClientId, peerAddress, peerPort, certificateUsername } = handover;
    Atomics.store(this.#adopted, 0, number >>> 0);
    const socket = new Socket({ fd, readable: true, writable: true });
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#server.closed(number, 'normal');
      this.#server.flush();
    });
    const { shard, incarnation } = this.#start;
    const greeting: Greeting = {
      shard,
      incarnation,
      number,
      head: Buffer.from(head, 'latin1').toString('hex'),
      assignedClientId,
      peerAddress,
      peerPort,
      certificateUsername,
      peers: [...this.#peers].sort(),
    };
    socket.write(`${JSON.stringify(greeting)}\n`);
    socket.pipe(socket);
  }

  #stop(resolve: () => void): null {
    if (this.#behaviour === 'ignoresStop') return null;
    for (const socket of this.#sockets) socket.destroy();
    resolve();
    return null;
  }

  #figures(): ShardFigures {
    return {
      clients: this.#sockets.size,
      sessions: 0,
      subscriptions: 0,
      filters: 0,
      routes: 0,
      retained: 0,
      waitingBytes: 0,
      longestTurnMs: 0,
      loopDelayMs: 0,
      heapUsedBytes: 0,
      externalBytes: 0,
      relays: 0,
      arriving: 0,
    };
  }
}
