/**
 * Reads from each accepted connection until its CONNECT packet is whole, takes the ClientId out of it and passes
 * the connection on. Bounded in count, bytes and time; says nothing to any client. Main thread.
 */
import type { Socket } from 'node:net';
import { HALF_READ_BUFFER_BYTES, HALF_READ_BYTES_MAX, HALF_READ_CONNECTS_MAX } from '../limits.js';
import { connectPacketBytes, LENGTH_UNKNOWN, NOT_CONNECT } from '../protocol/mqtt/connect-frame.js';
import type { ListenerFigures } from './listener-figures.js';

/** A connection from accept until it is handed over. Main owns its socket as long. */
export interface Arrival {
  readonly socket: Socket;
  readonly listener: ListenerFigures;
  /** Monotonic milliseconds. */
  readonly acceptedAtMs: number;
  readonly peerAddress: string;
  readonly peerPort: number;
}

export interface ConnectLimits {
  /** Bytes of a CONNECT packet; a larger one is passed on as soon as that is known. */
  readonly connectBytesMax: number;
  /** Milliseconds from accept to a whole CONNECT. */
  readonly idleTimeoutMs: number;
}

/**
 * Takes a connection over, at once: when it returns, `socket` must have been destroyed or it goes on being read.
 * `head` is everything read so far and valid only during the call. `packetBytes` is the length of the CONNECT
 * within it, or 0 when there is no whole one and there will be none.
 */
export type HandOver = (arrival: Arrival, head: Buffer, packetBytes: number) => void;

/** What is read of one connection that did not send its CONNECT in one piece. */
interface HalfRead {
  readonly arrival: Arrival;
  /** Empty until the first piece has come. */
  buffer: Buffer;
  length: number;
}

const NOTHING: Buffer = Buffer.alloc(0);

export class ConnectReader {
  readonly #limits: ConnectLimits;
  readonly #handOver: HandOver;
  /** In order of arrival, so the first is always the one that times out next. */
  readonly #halfRead = new Map<Socket, HalfRead>();
  #bufferedBytes = 0;

  // One function each for all sockets, told apart by `this`: no closures per connection.
  readonly #onData: (this: Socket, chunk: Buffer) => void;
  readonly #onEnd: (this: Socket) => void;

  constructor(limits: ConnectLimits, handOver: HandOver) {
    this.#limits = limits;
    this.#handOver = handOver;
    const reader = this;
    this.#onData = function (this: Socket, chunk: Buffer): void {
      reader.#read(this, chunk);
    };
    this.#onEnd = function (this: Socket): void {
      reader.#end(this, 'closed');
    };
  }

  /** Connections that have not sent a whole CONNECT. */
  get count(): number {
    return this.#halfRead.size;
  }

  /** Starts to read. From here on the connection is either handed over or counted as closed. */
  begin(arrival: Arrival): void {
    if (this.#halfRead.size >= HALF_READ_CONNECTS_MAX) this.#endOldest();
    const { socket } = arrival;
    this.#halfRead.set(socket, { arrival, buffer: NOTHING, length: 0 });
    socket.on('data', this.#onData);
    // An error is always followed by 'close'; without a listener it would end the process.
    socket.on('error', this.#onEnd);
    socket.on('close', this.#onEnd);
    // It was accepted without being read.
    socket.resume();
  }

  /** Closes what is too slow. */
  sweep(nowMs: number): void {
    for (const [socket, { arrival }] of this.#halfRead) {
      if (arrival.acceptedAtMs + this.#limits.idleTimeoutMs > nowMs) return;
      this.#end(socket, 'idle_timeout');
    }
  }

  /** Closes all. */
  stop(): void {
    for (const socket of this.#halfRead.keys()) this.#end(socket, 'broker_stopped');
  }

  #read(socket: Socket, chunk: Buffer): void {
    const half = this.#halfRead.get(socket);
    if (half === undefined) return;
    const isFirst = half.length === 0;
    const head = isFirst ? chunk : this.#append(half, chunk);
    const packetBytes = connectPacketBytes(head, head.length);
    if (packetBytes === NOT_CONNECT || packetBytes > this.#limits.connectBytesMax) {
      this.#pass(half, head, 0);
    } else if (packetBytes !== LENGTH_UNKNOWN && packetBytes <= head.length) {
      this.#pass(half, head, packetBytes);
    } else if (isFirst) this.#append(half, chunk);
    if (this.#bufferedBytes > HALF_READ_BYTES_MAX) this.#endOldest();
  }

  /** @returns all that has been read. Growing by doubling keeps a CONNECT sent byte by byte linear in cost. */
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

  #pass(half: HalfRead, head: Buffer, packetBytes: number): void {
    this.#forget(half);
    this.#handOver(half.arrival, head, packetBytes);
  }

  #endOldest(): void {
    const oldest = this.#halfRead.keys().next();
    if (oldest.done !== true) this.#end(oldest.value, 'connect_overflow');
  }

  #end(socket: Socket, reason: 'closed' | 'idle_timeout' | 'connect_overflow' | 'broker_stopped'): void {
    const half = this.#halfRead.get(socket);
    if (half === undefined) return;
    this.#forget(half);
    socket.destroy();
    half.arrival.listener.closed(reason);
  }

  #forget(half: HalfRead): void {
    this.#halfRead.delete(half.arrival.socket);
    this.#bufferedBytes -= half.buffer.length;
  }
}
