/**
 * TLS on plain descriptors, by the OpenSSL that is a part of every Node.js: a client that costs less than the broker it
 * measures. Believes every certificate, and resumes no session. Runs on the generator's threads.
 */
import koffi from 'koffi';
import { BROKEN, IS_LINUX, NOTHING_NOW, type Wire } from './wire.js';

const F_SETFL = 4;
const O_NONBLOCK = IS_LINUX ? 0x800 : 4;

const CTRL_MODE = 33;
const CTRL_READ_AHEAD = 41;
/** A write may be taken in part, and be tried again from another place in memory. */
const MODE_PARTIAL_AND_MOVING = 1 | 2;
const ERROR_WANT_READ = 2;
const ERROR_WANT_WRITE = 3;

const node = koffi.load(null);
const sysControl = node.func('int fcntl(int, int, ...)');
const newContext = node.func('uintptr_t SSL_CTX_new(uintptr_t)');
const clientMethod = node.func('uintptr_t TLS_client_method()');
const control = node.func('long SSL_CTX_ctrl(uintptr_t, int, long, uintptr_t)');
const newSession = node.func('uintptr_t SSL_new(uintptr_t)');
const setDescriptor = node.func('int SSL_set_fd(uintptr_t, int)');
const setClient = node.func('void SSL_set_connect_state(uintptr_t)');
const shakeHands = node.func('int SSL_do_handshake(uintptr_t)');
const read = node.func('int SSL_read(uintptr_t, void *, int)');
const write = node.func('int SSL_write(uintptr_t, const void *, int)');
const errorOf = node.func('int SSL_get_error(uintptr_t, int)');
const clearErrors = node.func('void ERR_clear_error()');
const hasPending = node.func('int SSL_has_pending(uintptr_t)');
const sendClose = node.func('int SSL_shutdown(uintptr_t)');
const free = node.func('void SSL_free(uintptr_t)');

export class TlsWire implements Wire {
  readonly #context: number;
  /** By slot; 0: none. Addresses fit: they have 48 bits. */
  readonly #sessions: Float64Array;

  constructor(slots: number) {
    this.#sessions = new Float64Array(slots);
    this.#context = newContext(clientMethod());
    control(this.#context, CTRL_MODE, MODE_PARTIAL_AND_MOVING, 0);
    // One system call per read instead of one for each header and body.
    control(this.#context, CTRL_READ_AHEAD, 1, 0);
  }

  open(slot: number, fd: number): void {
    sysControl(fd, F_SETFL, 'int', O_NONBLOCK);
    const session: number = newSession(this.#context);
    this.#sessions[slot] = session;
    setDescriptor(session, fd);
    setClient(session);
  }

  shakeHands(slot: number): boolean {
    const session = this.#sessions[slot]!;
    const answer: number = shakeHands(session);
    if (answer === 1) return true;
    if (this.#mustWait(session, answer)) return false;
    throw new Error('a TLS handshake failed');
  }

  send(slot: number, _fd: number, bytes: Buffer, length: number): number {
    const session = this.#sessions[slot]!;
    let taken: number = write(session, bytes, length);
    // One record at a time is written.
    for (let more = taken; more > 0 && taken < length; taken += Math.max(0, more)) {
      more = write(session, bytes.subarray(taken), length - taken);
    }
    if (taken > 0) return taken;
    return this.#mustWait(session, taken) ? 0 : length;
  }

  receive(slot: number, _fd: number, area: Buffer): number {
    const session = this.#sessions[slot]!;
    const count: number = read(session, area, area.length);
    if (count > 0) return count;
    return this.#mustWait(session, count) ? NOTHING_NOW : BROKEN;
  }

  hasMore(slot: number): boolean {
    return hasPending(this.#sessions[slot]!) === 1;
  }

  close(slot: number): void {
    const session = this.#sessions[slot]!;
    sendClose(session);
    free(session);
    clearErrors();
    this.#sessions[slot] = 0;
  }

  /** Otherwise it is broken. */
  #mustWait(session: number, answer: number): boolean {
    const error: number = errorOf(session, answer);
    if (error === ERROR_WANT_READ || error === ERROR_WANT_WRITE) return true;
    clearErrors();
    return false;
  }
}
