/** How bytes get onto a socket and off it: as they are, or encrypted (tls-wire.ts). Runs on the generator's threads. */
import koffi from 'koffi';

export const IS_LINUX = process.platform === 'linux';
const MSG_DONTWAIT = IS_LINUX ? 0x40 : 0x80;
const EAGAIN = IS_LINUX ? 11 : 35;

/** What `receive` answers instead of a number of bytes. */
export const NOTHING_NOW = 0;
export const BROKEN = -1;

export interface Wire {
  /** A connection was made on the descriptor of `slot`. */
  open(slot: number, fd: number): void;
  /** Goes on with what comes before the first byte. @returns whether that is done. @throws Error when it fails */
  shakeHands(slot: number): boolean;
  /** @returns how many of the first `length` bytes were taken; never waits. A broken connection takes all. */
  send(slot: number, fd: number, bytes: Buffer, length: number): number;
  /** @returns the bytes read into `area`, NOTHING_NOW, or BROKEN; never waits. */
  receive(slot: number, fd: number, area: Buffer): number;
  /** Whether more may be there at once, after `read` bytes were read into an area of `room`. */
  hasMore(slot: number, read: number, room: number): boolean;
  /** Called before the descriptor is closed. */
  close(slot: number): void;
}

const libc = koffi.load(null);
const sysSend = libc.func('long send(int, const void *, size_t, int)');
const sysReceive = libc.func('long recv(int, void *, size_t, int)');

export class PlainWire implements Wire {
  open(): void {}

  shakeHands(): boolean {
    return true;
  }

  send(_slot: number, fd: number, bytes: Buffer, length: number): number {
    const taken = Number(sysSend(fd, bytes, length, MSG_DONTWAIT));
    // A broken connection shows when it is read; until then what was meant for it goes nowhere.
    return taken >= 0 ? taken : koffi.errno() === EAGAIN ? 0 : length;
  }

  receive(_slot: number, fd: number, area: Buffer): number {
    const read = Number(sysReceive(fd, area, area.length, MSG_DONTWAIT));
    if (read > 0) return read;
    return read < 0 && koffi.errno() === EAGAIN ? NOTHING_NOW : BROKEN;
  }

  hasMore(_slot: number, read: number, room: number): boolean {
    return read === room;
  }

  close(): void {}
}
