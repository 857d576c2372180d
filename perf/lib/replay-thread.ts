/**
 * One thread's share of clients that get what was retained, over and over; the first thread also has the client that
 * publishes it. Each message must come once in every round. Runs on the generator's threads.
 */
import type { RetainedScenario } from '../scenarios/scenario.js';
import { CONTROL, type Counters, PHASE, STAT, type ThreadCounters } from './counters.js';
import { bucketOf } from './histogram.js';
import { nowMs } from './load-clock.js';
import { ClientIds } from './owner.js';
import { type Packet, PacketReader } from './packet-reader.js';
import {
  connectPacket,
  PACKET,
  publishTemplate,
  STAMP_BYTES,
  subscribePacket,
  unsubscribePacket,
} from './packets.js';
import { Sockets } from './sockets.js';
import type { Target } from './transport.js';

/** Messages of the one who retains them that may wait for their PUBACK. */
const RETAINING_MAX = 50;

/** Asks for the retained messages. */
class Replayer {
  /** By message: the round in which it came last. */
  readonly lastRounds: Uint32Array;
  round = 0;
  missing = 0;
  startedMs = 0;
  isSubscribed = false;

  constructor(
    /** Of the scenario's clients. */
    readonly index: number,
    messages: number,
  ) {
    this.lastRounds = new Uint32Array(messages);
  }
}

export class ReplayThread extends PacketReader {
  readonly #replayers: Replayer[] = [];
  readonly #sockets: Sockets;
  readonly #mine: ThreadCounters;
  readonly #ids: ClientIds;
  readonly #prefix: string;
  /** Slot of the one who retains; -1: on another thread. */
  readonly #retainer: number;
  #retained = 0;
  #acknowledged = 0;
  #isOpened = false;
  #areStarted = false;

  constructor(
    readonly scenario: RetainedScenario,
    readonly counters: Counters,
    thread: number,
    threads: number,
    { port, transport, owner, runId }: Target,
  ) {
    super();
    this.#mine = counters.threads[thread]!;
    this.#ids = new ClientIds(owner);
    this.#prefix = runId;
    for (let i = thread; i < scenario.clients; i += threads) {
      this.#replayers.push(new Replayer(i, scenario.messages));
    }
    this.#retainer = thread === 0 ? this.#replayers.length : -1;
    this.#sockets = new Sockets(this.#replayers.length + 1, port, transport, this);
  }

  step(): void {
    if (!this.#isOpened) this.#openAll();
    if (this.counters.phase() === PHASE.load && !this.#areStarted) {
      this.#areStarted = true;
      for (let slot = 0; slot < this.#replayers.length; slot++) this.#start(slot);
    }
    this.#sockets.poll(1);
  }

  closeAll(): void {
    this.#sockets.closeAll();
  }

  onClosed(): void {
    this.counters.countClosed();
  }

  protected isOpen(slot: number): boolean {
    return this.#sockets.isOpen(slot);
  }

  protected onPacket(slot: number, packet: Packet): void {
    const { bytes, header, body, end } = packet;
    switch (bytes[header]! >> 4) {
      case PACKET.connack:
        if (bytes[body + 1] !== 0) throw new Error(`a client was refused with code ${bytes[body + 1]}`);
        if (slot === this.#retainer) this.#retainSome();
        else this.#ready();
        break;
      case PACKET.puback:
        this.#acknowledged++;
        if (this.#acknowledged === this.scenario.messages) this.#ready();
        else this.#retainSome();
        break;
      case PACKET.suback:
        if (bytes[body + 2]! > 2) throw new Error(`a subscription was refused: ${bytes[body + 2]}`);
        this.#replayers[slot]!.isSubscribed = true;
        this.#endIfDone(slot);
        break;
      case PACKET.unsuback:
        if (this.counters.phase() === PHASE.load) this.#start(slot);
        break;
      case PACKET.publish:
        this.#onPublish(slot, bytes, header, body, end);
        break;
      default:
        throw new Error(`unexpected packet ${bytes[header]}`);
    }
  }

  #openAll(): void {
    this.#isOpened = true;
    for (let slot = 0; slot <= this.#replayers.length; slot++) {
      if (slot === this.#replayers.length && slot !== this.#retainer) continue;
      const name = slot === this.#retainer ? 'r' : `c${this.#replayers[slot]!.index}`;
      this.#sockets.open(slot, 0);
      this.#send(slot, connectPacket(this.#ids.id(`${this.#prefix}-${name}`), 300));
    }
  }

  #retainSome(): void {
    while (this.#retained < this.scenario.messages && this.#retained - this.#acknowledged < RETAINING_MAX) {
      const sequence = this.#retained++;
      const { payloadBytes } = this.scenario;
      const topic = `${this.#prefix}/r/${sequence % 10}/${sequence}`;
      const { bytes, packetIdAt, payloadAt } = publishTemplate(topic, 1, payloadBytes, true);
      bytes.writeUInt16BE(sequence + 1, packetIdAt);
      bytes.writeUInt32LE(sequence, payloadAt + 8);
      this.#send(this.#retainer, bytes);
    }
  }

  #start(slot: number): void {
    const replayer = this.#replayers[slot]!;
    replayer.round++;
    replayer.missing = this.scenario.messages;
    replayer.isSubscribed = false;
    replayer.startedMs = nowMs();
    this.counters.sent[replayer.index]! += this.scenario.messages;
    this.#send(slot, subscribePacket([`${this.#prefix}/r/#`], 0));
  }

  #onPublish(slot: number, bytes: Buffer, header: number, body: number, end: number): void {
    const replayer = this.#replayers[slot]!;
    const payload = body + 2 + ((bytes[body]! << 8) | bytes[body + 1]!);
    if ((bytes[header]! & 7) !== 1)
      throw new Error('a retained message came at another QoS, or as a new one');
    if (end - payload < STAMP_BYTES) throw new Error('a retained message without a stamp');
    const sequence = bytes.readUInt32LE(payload + 8);
    if (replayer.lastRounds[sequence] === replayer.round) {
      this.#mine.stats[STAT.duplicates]! += 1;
      return;
    }
    replayer.lastRounds[sequence] = replayer.round;
    replayer.missing--;
    this.#mine.received[replayer.index]! += 1;
    this.#mine.stats[STAT.deliveries]! += 1;
    this.#endIfDone(slot);
  }

  #endIfDone(slot: number): void {
    const replayer = this.#replayers[slot]!;
    if (replayer.missing > 0 || !replayer.isSubscribed) return;
    this.#mine.latencies[bucketOf((nowMs() - replayer.startedMs) * 1000)]! += 1;
    this.#send(slot, unsubscribePacket(`${this.#prefix}/r/#`));
  }

  #ready(): void {
    Atomics.add(this.counters.control, CONTROL.ready, 1);
  }

  #send(slot: number, bytes: Buffer): void {
    this.#sockets.send(slot, bytes, bytes.length);
  }
}
