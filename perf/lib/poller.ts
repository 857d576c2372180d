/**
 * Which of a thread's sockets are ready: epoll on Linux, where thousands of quiet ones cost nothing; poll elsewhere.
 * Runs on the generator's threads.
 */
import koffi from 'koffi';

/** What a socket can be watched for, and what it then is. Errors and hang-ups count as readable. */
export const READABLE = 1;
export const WRITABLE = 4;

export interface Poller {
  add(slot: number, fd: number): void;
  /** Says whether the socket is also watched for being writable; readable it always is. */
  watchWritable(slot: number, fd: number, isWatched: boolean): void;
  /** Called before the descriptor is closed. */
  remove(slot: number, fd: number): void;
  /** Calls `onReady` for each socket that is ready, after waiting for one at most `timeoutMs`. */
  wait(timeoutMs: number, onReady: (slot: number, ready: number) => void): void;
}

export function createPoller(slots: number): Poller {
  return process.platform === 'linux' ? new EpollPoller() : new PollPoller(slots);
}

const libc = koffi.load(null);

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLL_EVENTS_MAX = 512;
/** `struct epoll_event` is packed on x64 only. */
const EPOLL_EVENT_BYTES = process.arch === 'x64' ? 12 : 16;
const EPOLL_SLOT_AT = EPOLL_EVENT_BYTES - 8;

class EpollPoller implements Poller {
  readonly #control = libc.func('int epoll_ctl(int, int, int, void *)');
  readonly #wait = libc.func('int epoll_wait(int, void *, int, int)');
  readonly #epoll: number = libc.func('int epoll_create1(int)')(0);
  readonly #event = new DataView(new ArrayBuffer(EPOLL_EVENT_BYTES));
  readonly #ready = new DataView(new ArrayBuffer(EPOLL_EVENT_BYTES * EPOLL_EVENTS_MAX));

  add(slot: number, fd: number): void {
    this.#change(EPOLL_CTL_ADD, slot, fd, READABLE);
  }

  watchWritable(slot: number, fd: number, isWatched: boolean): void {
    this.#change(EPOLL_CTL_MOD, slot, fd, isWatched ? READABLE | WRITABLE : READABLE);
  }

  remove(slot: number, fd: number): void {
    this.#change(EPOLL_CTL_DEL, slot, fd, 0);
  }

  wait(timeoutMs: number, onReady: (slot: number, ready: number) => void): void {
    const count: number = this.#wait(this.#epoll, this.#ready, EPOLL_EVENTS_MAX, timeoutMs);
    for (let i = 0; i < count; i++) {
      const at = i * EPOLL_EVENT_BYTES;
      onReady(this.#ready.getInt32(at + EPOLL_SLOT_AT, true), this.#ready.getInt32(at, true));
    }
  }

  #change(operation: number, slot: number, fd: number, events: number): void {
    this.#event.setInt32(0, events, true);
    this.#event.setInt32(EPOLL_SLOT_AT, slot, true);
    this.#control(this.#epoll, operation, fd, this.#event);
  }
}

class PollPoller implements Poller {
  readonly #poll = libc.func('int poll(void *, unsigned long, int)');
  /** Pairs of words as poll(2) wants them: descriptor (-1: none); events below, results above. */
  readonly #polled: Int32Array;

  constructor(slots: number) {
    this.#polled = new Int32Array(slots * 2).fill(-1);
  }

  add(slot: number, fd: number): void {
    this.#polled[slot * 2] = fd;
    this.#polled[slot * 2 + 1] = READABLE;
  }

  watchWritable(slot: number, _fd: number, isWatched: boolean): void {
    this.#polled[slot * 2 + 1] = isWatched ? READABLE | WRITABLE : READABLE;
  }

  remove(slot: number): void {
    this.#polled[slot * 2] = -1;
    this.#polled[slot * 2 + 1] = 0;
  }

  wait(timeoutMs: number, onReady: (slot: number, ready: number) => void): void {
    const polled = this.#polled;
    if (this.#poll(polled, polled.length >> 1, timeoutMs) <= 0) return;
    for (let at = 0; at < polled.length; at += 2) {
      const ready = polled[at + 1]! >>> 16;
      if (polled[at]! >= 0 && ready !== 0) onReady(at >> 1, ready);
    }
  }
}
