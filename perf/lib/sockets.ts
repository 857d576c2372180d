/**
 * The sockets of one generator thread, by system call: a loop of epoll, recv and send costs a third of what node:net
 * does, so that the broker is what gets measured. Little-endian machines with Linux or macOS.
 */
import koffi from 'koffi';
import { createPoller, type Poller, WRITABLE } from './poller.js';
import { TlsWire } from './tls-wire.js';
import { isEncrypted, isWebSocket, type Transport } from './transport.js';
import { Framer, Unframer, upgradeAnswerBytes, upgradeRequest } from './web-socket.js';
import { BROKEN, IS_LINUX, NOTHING_NOW, PlainWire, type Wire } from './wire.js';

const AF_INET = 2;
const SOCK_STREAM = 1;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;

const libc = koffi.load(null);
const sysSocket = libc.func('int socket(int, int, int)');
const sysSetOption = libc.func('int setsockopt(int, int, int, const void *, unsigned int)');
const sysBind = libc.func('int bind(int, const void *, unsigned int)');
const sysConnect = libc.func('int connect(int, const void *, unsigned int)');
const sysClose = libc.func('int close(int)');

const READ_BYTES = 1 << 16;
/** Room in front of what is read, where the beginning of a packet waits for its rest. */
const CARRY_BYTES = 1 << 16;

const ON = new Int32Array([1]);
const NOTHING = Buffer.alloc(0);

/** How far a connection has come; bytes of MQTT flow in the last stage. */
const STAGE = { handshake: 0, upgrade: 1, open: 2 } as const;

/** What the thread does with its sockets' bytes. Slots are small integers that it chooses itself. */
export interface SocketEvents {
  /** @returns where the first incomplete packet begins; what lies behind is handed over again with more. */
  onBytes(slot: number, bytes: Buffer, start: number, end: number): number;
  /** The other side has closed, or the connection broke. */
  onClosed(slot: number): void;
}

export class Sockets {
  /** Descriptor by slot; -1: none. */
  readonly #descriptors: Int32Array;
  readonly #stages: Uint8Array;
  readonly #poller: Poller;
  readonly #wire: Wire;
  readonly #carries: (Buffer | null)[];
  readonly #unsent: (Buffer | null)[];
  readonly #buffer = Buffer.alloc(CARRY_BYTES + READ_BYTES);
  readonly #readArea = this.#buffer.subarray(CARRY_BYTES);
  readonly #address: Buffer;
  /** Null without WebSocket; then `#unframers` is empty. */
  readonly #framer: Framer | null;
  readonly #unframers: Unframer[] = [];
  readonly #upgradeRequest: Buffer;

  constructor(
    slots: number,
    port: number,
    transport: Transport,
    readonly events: SocketEvents,
  ) {
    this.#descriptors = new Int32Array(slots).fill(-1);
    this.#stages = new Uint8Array(slots);
    this.#poller = createPoller(slots);
    this.#wire = isEncrypted(transport) ? new TlsWire(slots) : new PlainWire();
    this.#carries = new Array<Buffer | null>(slots).fill(null);
    this.#unsent = new Array<Buffer | null>(slots).fill(null);
    this.#address = socketAddress([127, 0, 0, 1], port);
    this.#framer = isWebSocket(transport) ? new Framer() : null;
    this.#upgradeRequest = upgradeRequest(port);
  }

  /**
   * Connects, waiting for it; what comes before MQTT goes on in `poll`. `source` spreads connections over loopback
   * addresses, so that a connect storm does not run out of ports.
   * @throws Error when the broker does not accept.
   */
  open(slot: number, source: number): void {
    const fd: number = sysSocket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) throw new Error(`socket failed, errno ${koffi.errno()}; is the limit of open files too low?`);
    sysSetOption(fd, IPPROTO_TCP, TCP_NODELAY, ON, 4);
    if (IS_LINUX && source > 0) sysBind(fd, socketAddress([127, 0, 0, 1 + (source % 250)], 0), 16);
    if (sysConnect(fd, this.#address, 16) !== 0) throw new Error(`connect failed, errno ${koffi.errno()}`);
    this.#descriptors[slot] = fd;
    this.#stages[slot] = STAGE.handshake;
    if (this.#framer !== null) this.#unframers[slot] = new Unframer();
    this.#poller.add(slot, fd);
    this.#wire.open(slot, fd);
    this.#shakeHands(slot);
  }

  close(slot: number): void {
    const fd = this.#descriptors[slot]!;
    this.#poller.remove(slot, fd);
    this.#wire.close(slot);
    sysClose(fd);
    this.#descriptors[slot] = -1;
    this.#carries[slot] = null;
    this.#unsent[slot] = null;
  }

  closeAll(): void {
    for (let slot = 0; slot < this.#descriptors.length; slot++) if (this.isOpen(slot)) this.close(slot);
  }

  isOpen(slot: number): boolean {
    return this.#descriptors[slot]! >= 0;
  }

  /** Whether bytes wait for the broker to read. */
  isFull(slot: number): boolean {
    return this.#unsent[slot] !== null;
  }

  /** Sends the first `length` bytes; keeps a copy of what cannot leave now. */
  send(slot: number, bytes: Buffer, length: number): void {
    if (this.#framer === null) this.#sendRaw(slot, bytes, length);
    else this.#sendRaw(slot, this.#framer.frame(bytes, length), this.#framer.length);
  }

  /** Waits until some socket has something, then handles every one that has. */
  poll(timeoutMs: number): void {
    this.#poller.wait(timeoutMs, this.#onReady);
  }

  readonly #onReady = (slot: number, ready: number): void => {
    if (this.isOpen(slot) && (ready & WRITABLE) !== 0) this.#sendWaiting(slot);
    if (!this.isOpen(slot) || (ready & ~WRITABLE) === 0) return;
    if (this.#stages[slot] !== STAGE.handshake || this.#shakeHands(slot)) this.#receive(slot);
  };

  #sendRaw(slot: number, bytes: Buffer, length: number): void {
    const waiting = this.#unsent[slot]!;
    if (waiting !== null || this.#stages[slot] !== STAGE.open) {
      this.#unsent[slot] = Buffer.concat([waiting ?? NOTHING, bytes.subarray(0, length)]);
      return;
    }
    const taken = this.#wire.send(slot, this.#descriptors[slot]!, bytes, length);
    if (taken === length) return;
    this.#unsent[slot] = Buffer.from(bytes.subarray(taken, length));
    this.#poller.watchWritable(slot, this.#descriptors[slot]!, true);
  }

  #sendWaiting(slot: number): void {
    const waiting = this.#unsent[slot] ?? NOTHING;
    const taken = this.#wire.send(slot, this.#descriptors[slot]!, waiting, waiting.length);
    const isDone = taken === waiting.length;
    this.#unsent[slot] = isDone ? null : waiting.subarray(taken);
    this.#poller.watchWritable(slot, this.#descriptors[slot]!, !isDone);
  }

  /** @returns whether it is done; what comes after it has been sent then. */
  #shakeHands(slot: number): boolean {
    if (!this.#wire.shakeHands(slot)) return false;
    if (this.#framer === null) {
      this.#begin(slot);
    } else {
      this.#stages[slot] = STAGE.upgrade;
      const request = this.#upgradeRequest;
      this.#wire.send(slot, this.#descriptors[slot]!, request, request.length);
    }
    return true;
  }

  #begin(slot: number): void {
    this.#stages[slot] = STAGE.open;
    if (this.#unsent[slot] !== null) this.#sendWaiting(slot);
  }

  #receive(slot: number): void {
    for (;;) {
      const read = this.#wire.receive(slot, this.#descriptors[slot]!, this.#readArea);
      if (read === NOTHING_NOW) return;
      if (read === BROKEN) this.#broken(slot);
      else this.#take(slot, CARRY_BYTES + read);
      if (!this.isOpen(slot) || !this.#wire.hasMore(slot, read, READ_BYTES)) return;
    }
  }

  #take(slot: number, readEnd: number): void {
    let end = readEnd;
    if (this.#stages[slot] === STAGE.upgrade) end = this.#upgrade(slot, end);
    if (this.#framer !== null) end = this.#unframers[slot]!.unframe(this.#buffer, CARRY_BYTES, end);
    if (end < 0) this.#broken(slot);
    else if (end > CARRY_BYTES) this.#hand(slot, end);
  }

  /** @returns where the bytes end that lie behind the answer to the upgrade. */
  #upgrade(slot: number, end: number): number {
    const head = Buffer.concat([this.#carries[slot] ?? NOTHING, this.#buffer.subarray(CARRY_BYTES, end)]);
    const headBytes = upgradeAnswerBytes(head);
    this.#carries[slot] = headBytes === 0 ? head : null;
    if (headBytes === 0) return CARRY_BYTES;
    this.#begin(slot);
    return CARRY_BYTES + head.copy(this.#readArea, 0, headBytes);
  }

  #broken(slot: number): void {
    this.close(slot);
    this.events.onClosed(slot);
  }

  #hand(slot: number, end: number): void {
    const carry = this.#carries[slot];
    let start = CARRY_BYTES;
    if (carry !== null && carry !== undefined) {
      start -= carry.length;
      this.#buffer.set(carry, start);
      this.#carries[slot] = null;
    }
    const rest = this.events.onBytes(slot, this.#buffer, start, end);
    if (rest < end && this.isOpen(slot)) this.#carries[slot] = Buffer.from(this.#buffer.subarray(rest, end));
  }
}

/** @returns a `struct sockaddr_in`; macOS has its length in front of a shorter family. */
function socketAddress(host: readonly number[], port: number): Buffer {
  const family = IS_LINUX ? [AF_INET, 0] : [16, AF_INET];
  return Buffer.from([...family, port >> 8, port & 0xff, ...host, 0, 0, 0, 0, 0, 0, 0, 0]);
}
