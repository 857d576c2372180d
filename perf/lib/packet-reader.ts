/** Takes packets out of what a socket has received; one object stands for each in turn. On the generator’s threads. */
import type { SocketEvents } from './sockets.js';

/** Where a packet lies; valid until the next one is read. */
export interface Packet {
  readonly bytes: Buffer;
  readonly header: number;
  /** Behind the fixed header. */
  readonly body: number;
  readonly end: number;
}

const NOTHING: Buffer = Buffer.alloc(0);

export abstract class PacketReader implements SocketEvents {
  readonly #packet = { bytes: NOTHING, header: 0, body: 0, end: 0 };

  /** @throws Error for what must not come */
  protected abstract onPacket(slot: number, packet: Packet): void;
  protected abstract isOpen(slot: number): boolean;
  abstract onClosed(slot: number): void;

  onBytes(slot: number, bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (end - at >= 2) {
      let length = 0;
      let body = at + 1;
      let shift = 0;
      let byte = 128;
      while (byte >= 128 && body < end) {
        byte = bytes[body++]!;
        length |= (byte & 127) << shift;
        shift += 7;
      }
      if (byte >= 128 || end - body < length) break;
      const packet = this.#packet;
      packet.bytes = bytes;
      packet.header = at;
      packet.body = body;
      packet.end = body + length;
      at = body + length;
      this.onPacket(slot, packet);
      if (!this.isOpen(slot)) return end;
    }
    return at;
  }
}
