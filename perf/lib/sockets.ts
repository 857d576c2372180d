/**
 * The sockets of one generator thread, by system call: a loop of epoll, recv and send costs a third of what node:net
 * does, so that the broker is what gets measured. Little-endian machines with Linux or macOS.
 */
import koffi from 'koffi';
import { createPoller, type Poller, WRITABLE } from './poller.js';

const IS_LINUX = process.platform === 'linux';
const AF_INET = 2;
const SOCK_STREAM = 1;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const MSG_DONTWAIT = IS_LINUX ? 0x40 : 0x80;
const EAGAIN = IS_LINUX ? 11 : 35;

const libc = koffi.load(null);
const sysSocket = libc.func('int socket(int, int, int)');
const sysSetOption = libc.func('int setsockopt(int, int, int, const void *, unsigned int)');
const sysBind = libc.func('int bind(int, const void *, unsigned int)');
const sysConnect = libc.func('int connect(int, const void *, unsigned int)');
const sysSend = libc.func('long send(int, const void *, size_t, int)');
const sysReceive = libc.func('long recv(int, void *, size_t, int)');
const sysClose = libc.func('int close(int)');

const READ_BYTES = 1 << 16;
/** Room in front of what is read, where the beginning of a packet waits for its rest. */
const CARRY_BYTES = 1 << 16;

const ON = new Int32Array([1]);
const NOTHING = Buffer.alloc(0);

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
  readonly #poller: Poller;
  readonly #carries: (Buffer | null)[];
  readonly #unsent: (Buffer | null)[];
  readonly #buffer = Buffer.alloc(CARRY_BYTES + READ_BYTES);
  readonly #readArea = this.#buffer.subarray(CARRY_BYTES);
  readonly #address: Buffer;

  constructor(
    slots: number,
    port: number,
    readonly events: SocketEvents,
  ) {
    this.#descriptors = new Int32Array(slots).fill(-1);
    this.#poller = createPoller(slots);
    this.#carries = new Array<Buffer | null>(slots).fill(null);
    this.#unsent = new Array<Buffer | null>(slots).fill(null);
    this.#address = socketAddress([127, 0, 0, 1], port);
  }

  /**
   * Connects, waiting for it. `source` spreads connections over loopback addresses, so that a connect storm does not
   * run out of ports.
   * @throws Error when the broker does not accept.
   */
  open(slot: number, source: number): void {
    const fd: number = sysSocket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) throw new Error(`socket failed, errno ${koffi.errno()}; is the limit of open files too low?`);
    sysSetOption(fd, IPPROTO_TCP, TCP_NODELAY, ON, 4);
    if (IS_LINUX && source > 0) sysBind(fd, socketAddress([127, 0, 0, 1 + (source % 250)], 0), 16);
    if (sysConnect(fd, this.#address, 16) !== 0) throw new Error(`connect failed, errno ${koffi.errno()}`);
    this.#descriptors[slot] = fd;
    this.#poller.add(slot, fd);
  }

  close(slot: number): void {
    const fd = this.#descriptors[slot]!;
    this.#poller.remove(slot, fd);
    sysClose(fd);
    this.#descriptors[slot] = -1;
    this.#carries[slot] = null;
    this.#unsent[slot] = null;
  }

  isOpen(slot: number): boolean {
    return this.#descriptors[slot]! >= 0;
  }

  /** Whether bytes wait for the broker to read. */
  isFull(slot: number): boolean {
    return this.#unsent[slot] !== null;
  }

  /** Sends the first `length` bytes; keeps a copy of what the kernel does not take now. */
  send(slot: number, bytes: Buffer, length: number): void {
    const waiting = this.#unsent[slot];
    if (waiting !== null && waiting !== undefined) {
      this.#unsent[slot] = Buffer.concat([waiting, bytes.subarray(0, length)]);
      return;
    }
    const taken = this.#trySend(slot, bytes, length);
    if (taken < length) this.#keep(slot, Buffer.from(bytes.subarray(taken, length)));
  }

  /** Waits until some socket has something, then handles every one that has. */
  poll(timeoutMs: number): void {
    this.#poller.wait(timeoutMs, this.#onReady);
  }

  readonly #onReady = (slot: number, ready: number): void => {
    if (this.isOpen(slot) && (ready & WRITABLE) !== 0) this.#sendWaiting(slot);
    if (this.isOpen(slot) && (ready & ~WRITABLE) !== 0) this.#receive(slot);
  };

  #trySend(slot: number, bytes: Buffer, length: number): number {
    const taken = Number(sysSend(this.#descriptors[slot]!, bytes, length, MSG_DONTWAIT));
    // A broken connection shows when it is read; until then what was meant for it goes nowhere.
    return taken >= 0 ? taken : koffi.errno() === EAGAIN ? 0 : length;
  }

  #keep(slot: number, rest: Buffer): void {
    this.#unsent[slot] = rest;
    this.#poller.watchWritable(slot, this.#descriptors[slot]!, true);
  }

  #sendWaiting(slot: number): void {
    const waiting = this.#unsent[slot] ?? NOTHING;
    const taken = this.#trySend(slot, waiting, waiting.length);
    const isDone = taken === waiting.length;
    this.#unsent[slot] = isDone ? null : waiting.subarray(taken);
    if (isDone) this.#poller.watchWritable(slot, this.#descriptors[slot]!, false);
  }

  #receive(slot: number): void {
    let read = READ_BYTES;
    while (read === READ_BYTES && this.isOpen(slot)) {
      read = Number(sysReceive(this.#descriptors[slot]!, this.#readArea, READ_BYTES, MSG_DONTWAIT));
      if (read > 0) this.#hand(slot, CARRY_BYTES + read);
      else if (read === 0 || koffi.errno() !== EAGAIN) {
        this.close(slot);
        this.events.onClosed(slot);
      }
    }
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
