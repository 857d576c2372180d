/**
 * Reads from each accepted connection until its opening is whole (before it the PROXY header, where the listener asks
 * for one) and passes the connection on. Bounded in count, bytes and time; says nothing to any client. Main thread.
 */
import type { Socket } from 'node:net';
import type { AccessRules } from '../base/access.js';
import { TimerWheel, WheelItem } from '../base/timer-wheel.js';
import type { Config } from '../config/schema.js';
import {
  HALF_READ_BUFFER_BYTES,
  HALF_READ_BYTES_MAX,
  HALF_READ_CONNECTIONS_MAX,
  HALF_READ_ENDS_PER_SWEEP_MAX,
  READ_BUFFER_BYTES,
  TIMER_WHEEL_SLOTS,
  TIMER_WHEEL_TICK_MS,
} from '../limits.js';
import { type Descriptor, descriptorOf, receiveNow } from './descriptor.js';
import type { ListenerFigures, MainCloseReason } from './listener-figures.js';
import { NO_CONNECT, OPENING_INCOMPLETE, openingBytes } from './opening.js';
import { readProxyHeader } from './proxy-header.js';
import type { RawConnection } from './raw-connection.js';

/** What is known of a connection from accept until it is handed over. */
export interface Arrived {
  readonly listener: ListenerFigures;
  /** Asked again about the address that a PROXY header tells. */
  readonly access: AccessRules;
  /** Monotonic milliseconds. */
  readonly acceptedAtMs: number;
  /** The client's own, as soon as the PROXY header is read; `unix` where there is none. */
  peerAddress: string;
  peerPort: number;
  /** Common name of the client's certificate, where a PROXY header tells it. */
  certificateName: string | null;
  /** What was read before it had a socket; null: nothing. */
  early: Buffer | null;
}

/** One that Node.js has made a socket of. Main owns it as long. */
export interface Arrival extends Arrived {
  readonly socket: Socket;
}

/** What holds a connection's descriptor. */
export interface Held {
  readonly fd: Descriptor;
  /** Closes it, at once. */
  close(): void;
}

/** Whether nobody may connect from this address. */
export type IsBanned = (peerAddress: string) => boolean;

export interface OpeningLimits {
  /** Bytes of a CONNECT packet; a larger one is passed on as soon as that is known. */
  readonly connectBytesMax: number;
  /** Milliseconds from accept to a whole opening; listeners with TLS have a limit of their own as well. */
  readonly idleTimeoutMs: number;
}

export function openingLimits(config: Config): OpeningLimits {
  return {
    connectBytesMax: config['mqtt.client.max_connect_size'],
    idleTimeoutMs: config['mqtt.client.idle_timeout'],
  };
}

/**
 * Takes a connection over, at once: when it returns, `held` must have been closed or it goes on being read. `head` is
 * everything read so far, without a PROXY header, and valid only during the call. `openingBytes` is the length of the
 * opening within it, or 0 when there is no whole one and there will be none.
 */
export type HandOver = (arrived: Arrived, held: Held, head: Buffer, openingBytes: number) => void;

class HeldSocket implements Held {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get fd(): Descriptor {
    return descriptorOf(this.#socket);
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** What is read of one connection whose opening did not come in one piece. */
class HalfRead extends WheelItem {
  readonly arrival: Arrival;
  readonly #reader: OpeningReader;
  /** What it is closed for when its time is over. */
  lateReason: MainCloseReason = 'proxy_timeout';
  /** No byte behind the PROXY header has been looked at. */
  awaitsProxy: boolean;
  /** Empty until the first piece has come. */
  buffer: Buffer = NOTHING;
  length = 0;

  constructor(arrival: Arrival, reader: OpeningReader) {
    super();
    this.arrival = arrival;
    this.#reader = reader;
    this.awaitsProxy = arrival.listener.config.proxy !== null;
  }

  override onDeadline(): void {
    this.#reader.end(this, this.lateReason);
  }
}

const NOTHING: Buffer = Buffer.alloc(0);

export class OpeningReader {
  #limits: OpeningLimits;
  readonly #isBanned: IsBanned;
  readonly #handOver: HandOver;
  /** In order of arrival: who has been here longest goes first when there are too many. */
  readonly #halfRead = new Map<Socket, HalfRead>();
  readonly #deadlines: TimerWheel;
  #bufferedBytes = 0;
  /** What is read at once of connections without a socket. */
  readonly #first = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);

  // One function each for all sockets, told apart by `this`: no closures per connection.
  readonly #onData: (this: Socket, chunk: Buffer) => void;
  readonly #onEnd: (this: Socket) => void;

  constructor(limits: OpeningLimits, nowMs: number, isBanned: IsBanned, handOver: HandOver) {
    this.#limits = limits;
    this.#isBanned = isBanned;
    this.#handOver = handOver;
    this.#deadlines = new TimerWheel({ tickMs: TIMER_WHEEL_TICK_MS, slots: TIMER_WHEEL_SLOTS, nowMs });
    const reader = this;
    this.#onData = function (this: Socket, chunk: Buffer): void {
      const half = reader.#halfRead.get(this);
      if (half !== undefined) reader.#read(half, chunk);
    };
    this.#onEnd = function (this: Socket): void {
      const half = reader.#halfRead.get(this);
      if (half !== undefined) reader.end(half, 'closed');
    };
  }

  /** For connections to come, and packets that have not begun. */
  onConfig(config: Config): void {
    this.#limits = openingLimits(config);
  }

  /** Connections whose opening is not whole. */
  get count(): number {
    return this.#halfRead.size;
  }

  /**
   * Hands a connection over whose opening came with it. @returns false when it needs a socket: its opening is not
   * whole, and what there was of it is in `early`
   */
  beginRaw(arrived: Arrived, connection: RawConnection): boolean {
    const { type, proxy } = arrived.listener.config;
    if (proxy !== null) return false;
    const bytes = receiveNow(connection.fd, this.#first);
    if (bytes <= 0) return false;
    const head = this.#first.subarray(0, bytes);
    const found = openingBytes(type, head, 0, this.#limits.connectBytesMax);
    if (found === OPENING_INCOMPLETE) {
      arrived.early = Buffer.from(head);
      return false;
    }
    if (typeof found === 'string') {
      connection.close();
      arrived.listener.closed(found);
    } else {
      this.#handOver(arrived, connection, head, found === NO_CONNECT ? 0 : found);
    }
    return true;
  }

  /** Starts to read. From here on the connection is either handed over or counted as closed. */
  begin(arrival: Arrival): void {
    if (this.#halfRead.size >= HALF_READ_CONNECTIONS_MAX) this.#endOldest();
    const { socket, listener, acceptedAtMs, early } = arrival;
    const half = new HalfRead(arrival, this);
    this.#halfRead.set(socket, half);
    const { proxy } = listener.config;
    if (proxy === null) this.#awaitOpening(half);
    else this.#deadlines.schedule(acceptedAtMs + proxy.timeoutMs, half);
    socket.on('data', this.#onData);
    // An error is always followed by 'close'; without a listener it would end the process.
    socket.on('error', this.#onEnd);
    socket.on('close', this.#onEnd);
    if (early !== null) this.#read(half, early);
    // It was accepted without being read.
    if (this.#halfRead.has(socket)) socket.resume();
  }

  /** Closes what is too slow. To be called by main's timer. */
  sweep(nowMs: number): void {
    this.#deadlines.advance(nowMs, HALF_READ_ENDS_PER_SWEEP_MAX);
  }

  /** Closes all. */
  stop(): void {
    for (const half of this.#halfRead.values()) this.end(half, 'broker_stopped');
  }

  /** Closes a connection that is still here. */
  end(half: HalfRead, reason: MainCloseReason): void {
    this.#forget(half);
    half.arrival.socket.destroy();
    half.arrival.listener.closed(reason);
  }

  #awaitOpening(half: HalfRead): void {
    const { acceptedAtMs, listener } = half.arrival;
    const { type, tls } = listener.config;
    const { idleTimeoutMs } = this.#limits;
    const timeoutMs = tls === null ? idleTimeoutMs : Math.min(tls.handshakeTimeoutMs, idleTimeoutMs);
    half.lateReason = type === 'ssl' || type === 'wss' ? 'handshake_timeout' : 'idle_timeout';
    this.#deadlines.schedule(acceptedAtMs + timeoutMs, half);
  }

  #read(half: HalfRead, chunk: Buffer): void {
    const lengthBefore = half.length;
    const bytes = lengthBefore === 0 ? chunk : this.#append(half, chunk);
    const headerBytes = half.awaitsProxy ? this.#readProxyHeader(half, bytes) : 0;
    if (headerBytes < 0) return;
    const rest = bytes.subarray(headerBytes);
    if (!half.awaitsProxy && this.#readOpening(half, rest, headerBytes > 0 ? 0 : lengthBefore)) return;
    if (lengthBefore === 0) {
      this.#append(half, rest);
    } else if (headerBytes > 0) {
      half.buffer.copyWithin(0, headerBytes, half.length);
      half.length -= headerBytes;
    }
    if (this.#bufferedBytes > HALF_READ_BYTES_MAX) this.#endOldest();
  }

  /** @returns length of the header, 0 when it is not whole, -1 when the connection has ended */
  #readProxyHeader(half: HalfRead, bytes: Buffer): number {
    const { arrival } = half;
    const header = readProxyHeader(bytes);
    if (header === 'more') return 0;
    if (header === 'wrong') {
      this.end(half, 'proxy_error');
      return -1;
    }
    half.awaitsProxy = false;
    arrival.certificateName = header.certificateName;
    if (header.source !== null) {
      arrival.peerAddress = header.source.address;
      arrival.peerPort = header.source.port;
    }
    if (!arrival.access.allows(arrival.peerAddress)) {
      this.end(half, 'access_denied');
      return -1;
    }
    if (this.#isBanned(arrival.peerAddress)) {
      this.end(half, 'banned');
      return -1;
    }
    this.#awaitOpening(half);
    return header.bytes;
  }

  /** @returns whether the connection has been passed on or has ended */
  #readOpening(half: HalfRead, bytes: Buffer, newFrom: number): boolean {
    const { type } = half.arrival.listener.config;
    const found = openingBytes(type, bytes, newFrom, this.#limits.connectBytesMax);
    if (found === OPENING_INCOMPLETE) return false;
    if (typeof found === 'string') {
      this.end(half, found);
    } else {
      this.#forget(half);
      const { arrival } = half;
      this.#handOver(arrival, new HeldSocket(arrival.socket), bytes, found === NO_CONNECT ? 0 : found);
    }
    return true;
  }

  /** @returns all that has been read. Growing by doubling keeps an opening sent byte by byte linear in cost. */
  #append(half: HalfRead, chunk: Buffer): Buffer {
    const length = half.length + chunk.length;
    if (length > half.buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, 2 * half.buffer.length, HALF_READ_BUFFER_BYTES));
      half.buffer.copy(grown, 0, 0, half.length);
      this.#bufferedBytes += grown.length - half.buffer.length;
      half.buffer = grown;
    }
    chunk.copy(half.buffer, half.length);
    half.length = length;
    return half.buffer.subarray(0, length);
  }

  #endOldest(): void {
    const oldest = this.#halfRead.values().next();
    if (oldest.done !== true) this.end(oldest.value, 'connect_overflow');
  }

  #forget(half: HalfRead): void {
    this.#halfRead.delete(half.arrival.socket);
    this.#deadlines.cancel(half);
    this.#bufferedBytes -= half.buffer.length;
  }
}
