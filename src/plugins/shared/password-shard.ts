/**
 * The part of a password plugin in a shard: it asks main, where the passwords are. What is no answer in time is a
 * refusal. Runs on the shard's thread.
 */
import { randomBytes } from 'node:crypto';
import { type Clock, SystemClock } from '../../base/clock.js';
import { HOOK_TIMEOUT_MS, LOGINS_WAITING_MAX } from '../../limits.js';
import { ReasonCode } from '../../protocol/mqtt/reason-code.js';
import type { AuthAnswer, ConnectAttempt, ShardContext, ShardHooks, ShardPart } from '../api.js';
import type { PasswordAnswer, PasswordQuestion, PasswordVerdict } from './password-messages.js';

const ANSWERS: Readonly<Record<PasswordVerdict, AuthAnswer>> = {
  right: { allow: true },
  wrong: { allow: false },
  unknown: 'ignore',
  busy: { allow: false, reason: ReasonCode.ServerBusy },
};

interface Waiting {
  readonly askedAtMs: number;
  readonly answer: (answer: AuthAnswer) => void;
}

export class PasswordShardPart implements ShardPart {
  readonly hooks: ShardHooks = { 'client.authenticate': (attempt) => this.#authenticate(attempt) };
  /** By the question's number, the oldest first. */
  readonly #waiting = new Map<number, Waiting>();
  /** An answer for a shard that has died must not let in a client of its successor. */
  #nextId = randomBytes(6).readUIntBE(0, 6);

  /** @param nameOf what of a client has the password */
  constructor(
    private readonly context: ShardContext,
    private readonly nameOf: (attempt: ConnectAttempt) => string | null,
    private readonly clock: Clock = new SystemClock(),
  ) {}

  onMessage(data: unknown): void {
    const { id, verdict } = data as PasswordAnswer;
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    waiting.answer(ANSWERS[verdict]);
  }

  /** Whoever waits is refused. */
  stop(): void {
    for (const { answer } of this.#waiting.values()) answer(ANSWERS.busy);
    this.#waiting.clear();
  }

  #authenticate(attempt: ConnectAttempt): AuthAnswer | Promise<AuthAnswer> {
    const name = this.nameOf(attempt);
    if (name === null || attempt.password === null) return ANSWERS.wrong;
    this.#forgetOld();
    if (this.#waiting.size >= LOGINS_WAITING_MAX) return ANSWERS.busy;
    const id = this.#nextId++;
    // A view is posted with all the buffer that it looks into.
    const password = new Uint8Array(attempt.password);
    const question: PasswordQuestion = { id, name, password, from: attempt.peerAddress };
    if (!this.context.tell(question)) return ANSWERS.busy;
    return new Promise((answer) => {
      this.#waiting.set(id, { askedAtMs: this.clock.monotonicMs(), answer });
    });
  }

  /** Those whose question or answer was lost; the client has been refused by then. */
  #forgetOld(): void {
    const oldestMs = this.clock.monotonicMs() - HOOK_TIMEOUT_MS;
    for (const [id, { askedAtMs, answer }] of this.#waiting) {
      if (askedAtMs >= oldestMs) return;
      this.#waiting.delete(id);
      answer(ANSWERS.busy);
    }
  }
}
