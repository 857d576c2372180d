/**
 * One thread's share of a scenario's clients: what they send, and what they make of what they receive. Checks every
 * delivery for order and repetition. Runs on the generator's threads.
 */
import { type Client, clientsOf, type PlainScenario } from './clients.js';
import { CONTROL, type Counters, PHASE, STAT, type ThreadCounters } from './counters.js';
import { bucketOf } from './histogram.js';
import { nowMs } from './load-clock.js';
import { ClientIds } from './owner.js';
import { type Packet, PacketReader } from './packet-reader.js';
import { connectPacket, DISCONNECT, PACKET, STAMP_BYTES, subscribePacket } from './packets.js';
import type { Publisher } from './publisher.js';
import { Sockets } from './sockets.js';
import type { Target } from './transport.js';

/** Clients of one thread that may be waiting for CONNACK or SUBACK, so that no accept queue overflows. */
const CONNECTING_MAX = 32;
/** Filters in one SUBSCRIBE. */
const FILTERS_PER_PACKET = 500;
const SCRATCH_BYTES = 1 << 20;

export class LoadThread extends PacketReader {
  readonly #clients: Client[];
  readonly #publishers: Publisher[] = [];
  readonly #sockets: Sockets;
  readonly #mine: ThreadCounters;
  readonly #scratch = Buffer.alloc(SCRATCH_BYTES);
  readonly #scratchView = new DataView(this.#scratch.buffer, this.#scratch.byteOffset, SCRATCH_BYTES);
  /** Bytes of `#scratch` that the client being served has to send. */
  #scratchLength = 0;
  readonly #ids: ClientIds;
  readonly #connectOptions: { readonly hasLogin: boolean; readonly isPersistent: boolean };
  readonly #isAway: boolean;
  /** Subscribers that have come back. */
  #returned = 0;
  #opened = 0;
  #connecting = 0;
  #storms = 0;
  #loadStartedMs = 0;
  /** When what is being read came. */
  #arrivedMs = 0;

  constructor(
    readonly scenario: PlainScenario,
    readonly counters: Counters,
    readonly thread: number,
    loadThreads: number,
    { port, transport, owner, runId }: Target,
  ) {
    super();
    this.#mine = counters.threads[thread]!;
    this.#ids = new ClientIds(owner);
    const isFlow = scenario.kind === 'flow';
    this.#isAway = isFlow && scenario.isAway === true;
    this.#connectOptions = {
      hasLogin: isFlow && scenario.login !== undefined,
      isPersistent: isFlow && scenario.isPersistent === true,
    };
    this.#clients = clientsOf(scenario, { thread, threads: loadThreads, runId, ids: this.#ids });
    this.#sockets = new Sockets(this.#clients.length, port, transport, this);
    this.#clients.forEach((client, slot) => {
      if (client.publisher !== null) {
        client.publisher.slot = slot;
        this.#publishers.push(client.publisher);
      }
    });
  }

  /** Does a little of everything there is to do, waiting at most a millisecond. */
  step(): void {
    const phase = this.counters.phase();
    let isBusy = false;
    if (phase === PHASE.load && this.scenario.kind === 'storm') this.#reopen();
    else if (phase === PHASE.load) isBusy = this.#publish();
    else if (phase === PHASE.connect && this.scenario.kind !== 'storm') this.#openSome();
    else if (phase === PHASE.drain && this.#isAway) this.#bringBack();
    this.#sockets.poll(isBusy ? 0 : 1);
  }

  closeAll(): void {
    this.#sockets.closeAll();
  }

  override onBytes(slot: number, bytes: Buffer, start: number, end: number): number {
    this.#arrivedMs = nowMs();
    const at = super.onBytes(slot, bytes, start, end);
    if (this.#scratchLength > 0 && this.isOpen(slot)) {
      this.#sockets.send(slot, this.#scratch, this.#scratchLength);
    }
    this.#scratchLength = 0;
    return at;
  }

  onClosed(slot: number): void {
    if (this.scenario.kind === 'storm') this.#connecting--;
    this.counters.countClosed();
    this.#clients[slot]!.publisher?.end();
  }

  #openSome(): void {
    while (this.#opened < this.#clients.length && this.#connecting < CONNECTING_MAX) {
      this.#open(this.#opened++, 0, 300);
    }
  }

  #bringBack(): void {
    while (this.#returned < this.#clients.length && this.#connecting < CONNECTING_MAX) {
      const slot = this.#returned++;
      if (this.#clients[slot]!.publisher === null) this.#open(slot, 0, 300);
    }
  }

  /** Opens every client of the storm that is not connected, under a new ClientId. */
  #reopen(): void {
    for (let slot = 0; slot < this.#clients.length; slot++) {
      if (!this.#sockets.isOpen(slot)) this.#open(slot, ++this.#storms, 60);
    }
  }

  #open(slot: number, source: number, keepAliveS: number): void {
    const client = this.#clients[slot]!;
    client.openedMs = nowMs();
    this.#sockets.open(slot, source);
    const { clientId: name } = client;
    const clientId = source > 0 ? this.#ids.id(`${name}-${this.thread}-${source}`) : name;
    const packet = connectPacket(clientId, keepAliveS, this.#connectOptions);
    this.#sockets.send(slot, packet, packet.length);
    this.#connecting++;
  }

  /** @returns whether some publisher may send more at once. */
  #publish(): boolean {
    if (this.scenario.kind !== 'flow') return false;
    const now = nowMs();
    if (this.#loadStartedMs === 0) this.#loadStartedMs = now;
    const { ratePerSecond, publishers } = this.scenario;
    const isPaced = ratePerSecond > 0;
    const dueOfEach = isPaced ? ((now - this.#loadStartedMs) * ratePerSecond) / 1000 / publishers : 0;
    let isBusy = false;
    for (const publisher of this.#publishers) {
      if (this.#sockets.isFull(publisher.slot)) continue;
      // Each begins at a moment of its own: together they would be a burst.
      const due = isPaced ? Math.floor(dueOfEach + publisher.index / publishers) : Number.MAX_SAFE_INTEGER;
      const length = publisher.fill(this.#scratch, this.#scratchView, this.counters, due);
      if (length === 0) continue;
      this.#sockets.send(publisher.slot, this.#scratch, length);
      isBusy = true;
    }
    return isBusy;
  }

  protected isOpen(slot: number): boolean {
    return this.#sockets.isOpen(slot);
  }

  protected onPacket(slot: number, { bytes, header, body, end }: Packet): void {
    const client = this.#clients[slot]!;
    const arrivedMs = this.#arrivedMs;
    switch (bytes[header]! >> 4) {
      case PACKET.publish:
        this.#onPublish(client, bytes, (bytes[header]! >> 1) & 3, body, end, arrivedMs);
        break;
      case PACKET.puback:
      case PACKET.pubcomp:
        this.#onAcknowledged(client.publisher!, (bytes[body]! << 8) | bytes[body + 1]!, arrivedMs);
        break;
      case PACKET.pubrec:
        this.#acknowledge(0x62, bytes[body]!, bytes[body + 1]!);
        break;
      case PACKET.pubrel:
        this.#acknowledge(0x70, bytes[body]!, bytes[body + 1]!);
        break;
      case PACKET.connack:
        this.#onConnack(slot, client, bytes[body + 1]!, bytes[body]! === 1, arrivedMs);
        break;
      case PACKET.suback:
        this.#onSuback(slot, client, bytes, body + 2, end);
        break;
      default:
        throw new Error(`unexpected packet ${bytes[header]} to ${client.clientId}`);
    }
  }

  #onAcknowledged(publisher: Publisher, packetId: number, arrivedMs: number): void {
    const sentMs = publisher.acknowledged(packetId);
    this.#mine.stats[STAT.acknowledged]! += 1;
    if (this.#isAway) this.#count(sentMs, arrivedMs);
  }

  #onConnack(slot: number, client: Client, code: number, isResumed: boolean, arrivedMs: number): void {
    if (code !== 0) throw new Error(`${client.clientId} was refused with code ${code}`);
    if (this.#returned > 0) {
      if (!isResumed) throw new Error(`the session of ${client.clientId} is gone`);
      this.#connecting--;
      return;
    }
    this.#mine.stats[STAT.connects]! += 1;
    if (this.scenario.kind !== 'flow') this.#count(client.openedMs, arrivedMs);
    if (this.scenario.kind === 'storm') {
      this.#leave(slot);
      this.#connecting--;
    } else if (client.filters.count === 0) {
      this.#onReady();
    } else {
      this.#subscribe(slot, client);
    }
  }

  #subscribe(slot: number, client: Client): void {
    const from = client.subscribed;
    client.subscribed = Math.min(client.filters.count, from + FILTERS_PER_PACKET);
    const filters = client.filters.slice(from, client.subscribed);
    const packet = subscribePacket(filters, this.scenario.kind === 'flow' ? this.scenario.qos : 0);
    this.#sockets.send(slot, packet, packet.length);
  }

  #onSuback(slot: number, client: Client, bytes: Buffer, codes: number, end: number): void {
    for (let at = codes; at < end; at++) {
      if (bytes[at]! > 2) throw new Error(`a filter of ${client.clientId} was refused: ${bytes[at]}`);
    }
    if (client.subscribed < client.filters.count) {
      this.#subscribe(slot, client);
      return;
    }
    if (this.#isAway) this.#leave(slot);
    this.#onReady();
  }

  #leave(slot: number): void {
    this.#sockets.send(slot, DISCONNECT, DISCONNECT.length);
    this.#sockets.close(slot);
  }

  #onReady(): void {
    this.#connecting--;
    Atomics.add(this.counters.control, CONTROL.ready, 1);
  }

  #onPublish(client: Client, bytes: Buffer, qos: number, body: number, end: number, arrivedMs: number): void {
    let payload = body + 2 + ((bytes[body]! << 8) | bytes[body + 1]!);
    if (qos > 0) {
      this.#acknowledge(qos === 1 ? 0x40 : 0x50, bytes[payload]!, bytes[payload + 1]!);
      payload += 2;
    }
    if (end - payload < STAMP_BYTES) throw new Error(`a message without a stamp reached ${client.clientId}`);
    const sentMs = bytes.readDoubleLE(payload);
    const sequence = bytes.readUInt32LE(payload + 8);
    const publisher = bytes.readUInt32LE(payload + 12);
    this.#check(client.lastSequences!, publisher, sequence);
    this.#mine.received[publisher]! += 1;
    this.#mine.stats[STAT.deliveries]! += 1;
    if (!this.#isAway) this.#count(sentMs, arrivedMs);
  }

  #check(lastSequences: Uint32Array, publisher: number, sequence: number): void {
    const last = lastSequences[publisher]!;
    if (sequence === last) this.#mine.stats[STAT.duplicates]! += 1;
    else if (sequence < last) this.#mine.stats[STAT.misordered]! += 1;
    lastSequences[publisher] = sequence;
    const isShared = this.scenario.kind === 'flow' && this.scenario.topology === 'share';
    if (isShared && sequence !== last && this.counters.isSeen(publisher, sequence)) {
      this.#mine.stats[STAT.duplicates]! += 1;
    }
  }

  #count(fromMs: number, toMs: number): void {
    this.#mine.latencies[bucketOf((toMs - fromMs) * 1000)]! += 1;
  }

  #acknowledge(header: number, idHigh: number, idLow: number): void {
    const at = this.#scratchLength;
    this.#scratch[at] = header;
    this.#scratch[at + 1] = 2;
    this.#scratch[at + 2] = idHigh;
    this.#scratch[at + 3] = idLow;
    this.#scratchLength = at + 4;
  }
}
