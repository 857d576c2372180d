/**
 * Clients that all connect at once, leave when the last of them is in, and come again, while others are measured. Their
 * handshakes take time here too, so they have a thread of the generator to themselves.
 */
import { type Counters, PHASE, STAT } from './counters.js';
import { nowMs } from './load-clock.js';
import { ClientIds } from './owner.js';
import { connectPacket, DISCONNECT, PACKET } from './packets.js';
import { type SocketEvents, Sockets } from './sockets.js';
import type { Target } from './transport.js';

const CONNACK_BYTES = 4;

export class Newcomers implements SocketEvents {
  readonly #count: number;
  readonly #counters: Counters;
  readonly #stats: Float64Array;
  readonly #sockets: Sockets;
  readonly #ids: ClientIds;
  readonly #runId: string;
  #rounds = 0;
  #roundStartedMs = 0;
  /** Of this round, who has had a CONNACK, or was closed before. */
  readonly #isIn: Uint8Array;
  #arrived = 0;

  constructor(
    count: number,
    private readonly hasLogin: boolean,
    counters: Counters,
    thread: number,
    target: Target,
  ) {
    this.#count = count;
    this.#isIn = new Uint8Array(count);
    this.#counters = counters;
    this.#stats = counters.threads[thread]!.stats;
    this.#sockets = new Sockets(count, target.port, target.transport, this);
    this.#ids = new ClientIds(target.owner);
    this.#runId = target.runId;
  }

  step(): void {
    if (this.#counters.phase() === PHASE.load) {
      if (this.#rounds === 0) this.#openAll();
      else if (this.#arrived === this.#count) this.#nextRound();
    }
    this.#sockets.poll(1);
  }

  closeAll(): void {
    this.#sockets.closeAll();
  }

  onBytes(slot: number, bytes: Buffer, start: number, end: number): number {
    if (end - start < CONNACK_BYTES) return start;
    if (bytes[start]! >> 4 !== PACKET.connack || bytes[start + 3] !== 0)
      throw new Error('a newcomer was refused');
    this.#stats[STAT.connects]! += 1;
    this.#arrive(slot);
    this.#sockets.send(slot, DISCONNECT, DISCONNECT.length);
    return end;
  }

  onClosed(slot: number): void {
    if (this.#isIn[slot] === 1) return;
    this.#counters.countClosed();
    this.#arrive(slot);
  }

  #arrive(slot: number): void {
    this.#isIn[slot] = 1;
    this.#arrived++;
  }

  #nextRound(): void {
    this.#stats[STAT.rounds]! += 1;
    this.#stats[STAT.roundsMs]! += nowMs() - this.#roundStartedMs;
    this.closeAll();
    this.#openAll();
  }

  #openAll(): void {
    this.#rounds++;
    this.#arrived = 0;
    this.#isIn.fill(0);
    this.#roundStartedMs = nowMs();
    for (let slot = 0; slot < this.#count; slot++) {
      const clientId = this.#ids.id(`${this.#runId}-n${slot}-${this.#rounds}`);
      const packet = connectPacket(clientId, 60, { hasLogin: this.hasLogin });
      this.#sockets.open(slot, this.#rounds);
      this.#sockets.send(slot, packet, packet.length);
    }
  }
}
