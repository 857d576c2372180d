/**
 * One thread's share of a day's devices and of who serves them: moves devices through their lives at the scenario's
 * pace, and checks all that arrives. Runs on the generator's threads.
 */
import type { DayScenario } from '../../scenarios/scenario.js';
import { CONTROL, type Counters, PHASE, STAT, type ThreadCounters } from '../counters.js';
import { bucketOf } from '../histogram.js';
import { nowMs } from '../load-clock.js';
import { ClientIds } from '../owner.js';
import { type Packet, PacketReader } from '../packet-reader.js';
import { connectPacket, DISCONNECT, PACKET, publishTemplate, subscribePacket } from '../packets.js';
import { Sockets } from '../sockets.js';
import type { Target } from '../transport.js';
import { Device } from './device.js';
import { Fleet, Pace, STREAM, type Stream, streamAt } from './fleet.js';
import { type ServerPart, serverParts } from './server-part.js';
import { Arrived, stamped } from './stamps.js';
import { Viewer } from './viewer.js';

const CONNECTING_MAX = 32;
/** How long a device is away. */
const AWAY_MS = 500;

export class DayThread extends PacketReader {
  readonly #devices: Device[] = [];
  readonly #parts: readonly ServerPart[];
  readonly #viewer: Viewer;
  readonly #sockets: Sockets;
  readonly #mine: ThreadCounters;
  readonly #fleet: Fleet;
  readonly #arrived = new Arrived();
  readonly #acknowledgement = Buffer.from([0x40, 2, 0, 0]);
  readonly #ids: ClientIds;
  readonly #telemetry: Pace;
  readonly #reports: Pace;
  readonly #commands: Pace;
  readonly #leaves: Pace;
  /** Whose turn it is. */
  #telemetryTurn = 0;
  #reportTurn = 0;
  #commandTurn = 0;
  #leaveTurn = 0;
  #sequence = 0;
  #commandSequence = 0;
  #opened = 0;
  #connecting = 0;
  #startMs = 0;

  constructor(
    readonly scenario: DayScenario,
    readonly counters: Counters,
    readonly thread: number,
    readonly threads: number,
    { port, transport, owner, runId }: Target,
  ) {
    super();
    const { devices, telemetryPerSecond, reportsPerSecond, commandsPerSecond, reconnectsPerSecond } =
      scenario;
    this.#mine = counters.threads[thread]!;
    this.#ids = new ClientIds(owner);
    this.#fleet = new Fleet(scenario, runId);
    for (let i = thread; i < devices; i += threads) {
      this.#devices.push(new Device(i, this.#ids.id(`${runId}-d${i}`), this.#fleet));
    }
    this.#parts = serverParts(scenario, thread, threads);
    this.#viewer = new Viewer(this.#fleet);
    this.#sockets = new Sockets(this.#devices.length + this.#parts.length, port, transport, this);
    const mine = this.#devices.length;
    this.#telemetry = new Pace(telemetryPerSecond * mine);
    this.#reports = new Pace(reportsPerSecond * mine);
    this.#leaves = new Pace(reconnectsPerSecond * mine);
    this.#commands = new Pace(commandsPerSecond * devices);
  }

  step(): void {
    const phase = this.counters.phase();
    if (phase === PHASE.connect) this.#openSome();
    else if (phase === PHASE.load) this.#live(nowMs());
    if (phase === PHASE.load || phase === PHASE.drain) this.#bringBack(phase === PHASE.drain);
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
    const kind = bytes[header]! >> 4;
    if (kind === PACKET.publish) {
      this.#arrived.read(bytes, header, body, end);
      this.#onPublish(slot);
      return;
    }
    const device = this.#devices[slot];
    if (kind === PACKET.connack && bytes[body + 1] !== 0) throw new Error('a client of the day was refused');
    if (kind === PACKET.suback && bytes[body + 2]! > 2) throw new Error('a filter of the day was refused');
    if (device === undefined) this.#onPart(slot, kind);
    else this.#onDevice(slot, device, kind, bytes[body]! === 1);
  }

  /** Those who watch come first, so that nothing is missed. */
  #openSome(): void {
    const { length } = this.#parts;
    const total = this.#devices.length + length;
    while (this.#opened < total && this.#connecting < CONNECTING_MAX) {
      const turn = this.#opened;
      if (turn >= length && this.#parts.some(({ isReady }) => !isReady)) return;
      this.#opened++;
      this.#connecting++;
      if (turn < length) this.#openPart(this.#devices.length + turn, this.#parts[turn]!);
      else this.#openDevice(turn - length);
    }
  }

  #openPart(slot: number, { name }: ServerPart): void {
    this.#sockets.open(slot, 0);
    this.#send(slot, connectPacket(this.#ids.id(`${this.#fleet.runId}-${name}`), 300));
  }

  #openDevice(slot: number): void {
    this.#sockets.open(slot, 0);
    this.#send(slot, this.#devices[slot]!.connect());
  }

  #onPart(slot: number, kind: number): void {
    const part = this.#parts[slot - this.#devices.length]!;
    const { role } = part;
    if (kind === PACKET.connack) {
      if (role === 'dashboard') this.#send(slot, subscribePacket([this.#fleet.telemetryFilter], 0));
      else if (role === 'backEnd') this.#send(slot, subscribePacket([this.#fleet.reportFilter], 1));
      else if (role === 'watcher') this.#send(slot, subscribePacket([this.#fleet.willFilter], 1));
      else this.#partIsReady(part);
    } else if (role === 'viewer' && part.isReady) {
      this.#sendMaybe(slot, kind === PACKET.suback ? this.#viewer.onSuback() : this.#viewer.onUnsuback());
    } else if (kind === PACKET.suback) {
      this.#partIsReady(part);
    }
  }

  #partIsReady(part: ServerPart): void {
    part.isReady = true;
    this.#connecting--;
    Atomics.add(this.counters.control, CONTROL.ready, 1);
  }

  #onDevice(slot: number, device: Device, kind: number, isResumed: boolean): void {
    if (kind === PACKET.connack && device.connects === 1) {
      this.#send(slot, subscribePacket([this.#fleet.topic(device.number, 'command')], 1));
    } else if (kind === PACKET.connack) {
      if (!isResumed) throw new Error(`the session of ${device.clientId} is gone`);
      this.#send(slot, device.retainState(nowMs()));
    } else if (kind === PACKET.suback) {
      this.#send(slot, device.retainState(nowMs()));
    } else if (kind === PACKET.puback) {
      device.inflight--;
      if (device.state === 'connecting') this.#deviceIsReady(device);
      else if (device.state === 'leaving' && device.inflight === 0) this.#leave(slot, device);
    }
  }

  #deviceIsReady(device: Device): void {
    device.state = 'online';
    this.#connecting--;
    if (device.connects === 1) Atomics.add(this.counters.control, CONTROL.ready, 1);
  }

  /** What is due is done. */
  #live(now: number): void {
    if (this.#startMs === 0) this.#startMs = now;
    const elapsedMs = now - this.#startMs;
    const { length } = this.#devices;
    for (let due = this.#telemetry.due(elapsedMs); due > 0; due--) {
      this.#publishTelemetry(this.#telemetryTurn++ % length, now);
    }
    for (let due = this.#reports.due(elapsedMs); due > 0; due--) {
      this.#publishReport(this.#reportTurn++ % length, now);
    }
    // One after the other in another order than they speak in.
    for (let due = this.#leaves.due(elapsedMs); due > 0; due--) {
      this.#beginLeaving((this.#leaveTurn++ * 7919) % length, now);
    }
    const servers = this.#devices.length;
    for (const [i, { role }] of this.#parts.entries()) {
      if (role === 'commander') this.#command(servers + i, this.#commands.due(elapsedMs), now);
      else if (role === 'viewer') this.#view(servers + i, now);
    }
  }

  #publishTelemetry(slot: number, now: number): void {
    const device = this.#devices[slot]!;
    if (device.state !== 'online' || this.#sockets.isFull(slot)) return;
    this.#send(slot, device.telemetry(now, ++this.#sequence));
    this.#sent(STREAM.telemetry, this.scenario.dashboards);
  }

  #publishReport(slot: number, now: number): void {
    const device = this.#devices[slot]!;
    if (device.state !== 'online') return;
    this.#send(slot, device.report(now, ++this.#sequence));
    this.#sent(STREAM.reports, 1);
  }

  /** Its last report is acknowledged when the broker has all that it has sent. */
  #beginLeaving(slot: number, now: number): void {
    const device = this.#devices[slot]!;
    if (device.state !== 'online') return;
    this.#publishReport(slot, now);
    device.state = 'leaving';
    device.leavesSilently = device.connects % 2 === 1;
  }

  #leave(slot: number, device: Device): void {
    if (device.leavesSilently) this.#sent(STREAM.wills, 1);
    else this.#send(slot, DISCONNECT);
    this.#sockets.close(slot);
    device.state = 'away';
    device.returnMs = nowMs() + AWAY_MS;
  }

  #bringBack(areAllWanted: boolean): void {
    const now = nowMs();
    for (let slot = 0; slot < this.#devices.length && this.#connecting < CONNECTING_MAX; slot++) {
      const device = this.#devices[slot]!;
      if (device.state !== 'away' || !(areAllWanted || device.returnMs <= now)) continue;
      this.#connecting++;
      this.#openDevice(slot);
    }
  }

  #command(slot: number, count: number, now: number): void {
    const { devices, payloadBytes } = this.scenario;
    for (let i = 0; i < count; i++) {
      const device = (this.#commandTurn++ * 7919) % devices;
      const sequence = ++this.#commandSequence;
      const template = publishTemplate(this.#fleet.topic(device, 'command'), 1, payloadBytes);
      this.#send(slot, stamped(template, (sequence % 0xffff) + 1, now, sequence, device));
      this.#sent(STREAM.commands, 1);
    }
  }

  #view(slot: number, now: number): void {
    const packet = this.#viewer.begin(now);
    if (packet === null) return;
    this.#sent(STREAM.states, this.#viewer.missing);
    this.#send(slot, packet);
  }

  #onPublish(slot: number): void {
    const { qos, packetId, device, sequence, isRepeated } = this.#arrived;
    if (qos > 0) {
      this.#acknowledgement.writeUInt16BE(packetId, 2);
      this.#send(slot, this.#acknowledgement);
    }
    if (slot < this.#devices.length) {
      this.#onCommand(this.#devices[slot]!, sequence, isRepeated);
      return;
    }
    const part = this.#parts[slot - this.#devices.length]!;
    const sender = device % this.threads;
    if (part.role === 'viewer') {
      if (this.#viewer.isFirst(device)) this.#received(streamAt(STREAM.states, this.thread, this.threads));
      this.#sendMaybe(slot, this.#viewer.next());
      return;
    }
    const stream =
      part.role === 'dashboard' ? STREAM.telemetry : part.role === 'backEnd' ? STREAM.reports : STREAM.wills;
    const at = streamAt(stream, sender, this.threads);
    this.#check(part.lastSequences[device]!, sequence);
    part.lastSequences[device] = sequence;
    if (stream === STREAM.reports && this.counters.isSeen(at, sequence))
      this.#mine.stats[STAT.duplicates]! += 1;
    this.#received(at);
    if (stream !== STREAM.wills) this.#count();
  }

  /** What it has had and not been able to acknowledge comes again, marked as such. */
  #onCommand(device: Device, sequence: number, isRepeated: boolean): void {
    if (isRepeated && sequence <= device.lastSequence) return;
    this.#check(device.lastSequence, sequence);
    device.lastSequence = sequence;
    const { threads } = this;
    this.#received(streamAt(STREAM.commands, commanderThread(this.scenario, threads), threads));
  }

  #check(last: number, sequence: number): void {
    if (sequence === last) this.#mine.stats[STAT.duplicates]! += 1;
    else if (sequence < last) this.#mine.stats[STAT.misordered]! += 1;
  }

  #count(): void {
    this.#mine.latencies[bucketOf((nowMs() - this.#arrived.sentMs) * 1000)]! += 1;
  }

  #sent(stream: Stream, count: number): void {
    this.counters.sent[streamAt(stream, this.thread, this.threads)]! += count;
  }

  #received(at: number): void {
    this.#mine.received[at]! += 1;
    this.#mine.stats[STAT.deliveries]! += 1;
  }

  #sendMaybe(slot: number, packet: Buffer | null): void {
    if (packet !== null) this.#send(slot, packet);
  }

  #send(slot: number, bytes: Buffer): void {
    this.#sockets.send(slot, bytes, bytes.length);
  }
}

function commanderThread(scenario: DayScenario, threads: number): number {
  return (scenario.dashboards + scenario.backEnds + 2) % threads;
}
