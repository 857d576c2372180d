/** Lives of many clients, side by side and one after the other. Runs on the soak's thread. */
import { nowMs } from '../load-clock.js';
import { type Packet, PacketReader } from '../packet-reader.js';
import { connectPacket, DISCONNECT, PACKET } from '../packets.js';
import { Sockets } from '../sockets.js';
import { Life, MESSAGES_AWAY, type Stage } from './life.js';
import { SOAK, SOAK_PHASE, type SoakCounters } from './soak-counters.js';

/** How long a client is away with its messages waiting. */
const AWAY_MS = 1_000;
/** Between two lives in the same place. */
const PAUSE_MS = 200;
/** No answer for so long is an answer lost. */
const STUCK_MS = 60_000;
const PACKET_IDS = 0xffff;

export class Churn extends PacketReader {
  readonly #lives: Life[] = [];
  readonly #sockets: Sockets;
  /** Slot of the one who writes to those who are away. */
  readonly #feeder: number;
  #isFeederIn = false;
  #packetId = 0;
  /** By packet identifier of the feeder: the slot it has written to. */
  readonly #fedSlots = new Int32Array(PACKET_IDS + 1);
  #births = 0;

  constructor(
    private readonly counters: SoakCounters,
    private readonly prefix: string,
    port: number,
    places: number,
  ) {
    super();
    this.#sockets = new Sockets(places + 1, port, 'tcp', this);
    this.#feeder = places;
    const now = nowMs();
    for (let slot = 0; slot < places; slot++) this.#lives.push(this.#born(now + (slot * AWAY_MS) / places));
    this.#sockets.open(this.#feeder, 0);
    this.#send(this.#feeder, connectPacket(`${prefix}-feeder`, 300));
  }

  step(): void {
    const now = nowMs();
    const isEnding = Atomics.load(this.counters.phase, 0) !== SOAK_PHASE.run;
    let isAllOver = true;
    for (let slot = 0; this.#isFeederIn && slot < this.#lives.length; slot++) {
      const life = this.#lives[slot]!;
      const isUnborn = life.stage === 'birth' && !this.isOpen(slot);
      if (isUnborn && isEnding) continue;
      isAllOver = false;
      if ((isUnborn || (life.stage === 'return' && !this.isOpen(slot))) && life.dueMs <= now) {
        this.#open(slot, true);
      } else if (life.dueMs <= now && now - life.sinceMs > STUCK_MS) {
        throw new Error(`client ${life.number} has waited a minute: ${life.stage}`);
      }
    }
    if (isEnding && isAllOver && this.#isFeederIn)
      Atomics.compareExchange(this.counters.phase, 0, SOAK_PHASE.end, SOAK_PHASE.over);
    this.#sockets.poll(1);
  }

  closeAll(): void {
    this.#sockets.closeAll();
  }

  onClosed(slot: number): void {
    throw new Error(`the broker closed a connection: ${this.#lives[slot]?.stage ?? 'the feeder'}`);
  }

  protected isOpen(slot: number): boolean {
    return this.#sockets.isOpen(slot);
  }

  protected onPacket(slot: number, { bytes, header, body }: Packet): void {
    const kind = bytes[header]! >> 4;
    if (kind === PACKET.connack && bytes[body + 1] !== 0) throw new Error(`refused: ${bytes[body + 1]}`);
    if (slot === this.#feeder) {
      this.#onFeeder(kind, (bytes[body]! << 8) | bytes[body + 1]!);
      return;
    }
    const life = this.#lives[slot]!;
    if (kind === PACKET.publish) this.#onMessage(slot, life, bytes, body);
    else this.#onAnswer(slot, life, kind, bytes[body] === 1);
  }

  #onAnswer(slot: number, life: Life, kind: number, isResumed: boolean): void {
    if (kind === PACKET.connack && life.stage === 'birth') {
      this.#ask(slot, life, 'subscribed', life.subscribe());
    } else if (kind === PACKET.suback) {
      this.#ask(slot, life, 'retained', life.retain(true));
    } else if (kind === PACKET.puback && life.stage === 'retained') {
      this.#leave(slot);
      this.#feed(slot, life);
    } else if (kind === PACKET.connack && life.stage === 'return') {
      if (!isResumed) throw new Error(`the session of client ${life.number} is gone`);
      this.#wait(life, 'brought');
    } else if (kind === PACKET.puback && life.stage === 'cleared') {
      this.#leave(slot);
      this.#wait(life, 'death');
      this.#open(slot, false);
    } else if (kind === PACKET.connack && life.stage === 'death') {
      this.#leave(slot);
      this.counters.figures[SOAK.lives]! += 1;
      this.#lives[slot] = this.#born(nowMs() + PAUSE_MS);
    } else {
      throw new Error(`packet ${kind} while a client waits for: ${life.stage}`);
    }
  }

  #feed(slot: number, life: Life): void {
    this.#wait(life, 'fed');
    for (let index = 0; index < MESSAGES_AWAY; index++) {
      this.#packetId = (this.#packetId % PACKET_IDS) + 1;
      this.#fedSlots[this.#packetId] = slot;
      this.#send(this.#feeder, life.message(index, this.#packetId));
    }
  }

  #onFeeder(kind: number, packetId: number): void {
    if (kind === PACKET.connack) {
      this.#isFeederIn = true;
      return;
    }
    const life = this.#lives[this.#fedSlots[packetId]!]!;
    if (++life.taken < MESSAGES_AWAY) return;
    this.#wait(life, 'return');
    life.dueMs = nowMs() + AWAY_MS;
  }

  #onMessage(slot: number, life: Life, bytes: Buffer, body: number): void {
    const packetIdAt = body + 2 + bytes.readUInt16BE(body);
    const number = bytes.readUInt32LE(packetIdAt + 2);
    const index = bytes.readUInt32LE(packetIdAt + 6);
    if (number !== life.number || index !== life.came) {
      throw new Error(`client ${life.number} got message ${index} of ${number} in place of ${life.came}`);
    }
    life.came++;
    this.counters.figures[SOAK.messages]! += 1;
    this.#send(slot, Buffer.from([0x40, 2, bytes[packetIdAt]!, bytes[packetIdAt + 1]!]));
    if (life.came === MESSAGES_AWAY) this.#ask(slot, life, 'cleared', life.retain(false));
  }

  #born(dueMs: number): Life {
    return new Life(this.#births++, this.prefix, dueMs);
  }

  #open(slot: number, isPersistent: boolean): void {
    const life = this.#lives[slot]!;
    life.sinceMs = nowMs();
    this.#sockets.open(slot, this.#births % 250);
    this.#send(slot, life.connect(isPersistent));
  }

  #ask(slot: number, life: Life, stage: Stage, packet: Buffer): void {
    this.#wait(life, stage);
    this.#send(slot, packet);
  }

  #wait(life: Life, stage: Stage): void {
    life.stage = stage;
    life.sinceMs = nowMs();
  }

  #leave(slot: number): void {
    this.#send(slot, DISCONNECT);
    this.#sockets.close(slot);
  }

  #send(slot: number, bytes: Buffer): void {
    this.#sockets.send(slot, bytes, bytes.length);
  }
}
