/**
 * Asks the handlers of one point one after the other. As long as they answer at once, so does the chain; from the first
 * that does not, it goes on when that answer is there. Runs on the shard's thread.
 */
import { isPromise } from '../../src/base/guarded.js';
import { type Desk, FAILED, type Handler, REMOVED } from './desk.js';
import { Pending } from './pending.js';

/** `I` is asked about and stays; `A` is the answer so far, which each handler may change. */
export abstract class Chain<F, I, A> {
  constructor(
    private readonly handlers: readonly Handler<F>[],
    private readonly desk: Desk,
  ) {}

  protected abstract ask(call: F, input: I, answer: A): unknown;
  /** @returns the answer after what a handler has `given`; undefined: no handler may give that. */
  protected abstract take(answer: A, given: unknown): A | undefined;
  /** The answer after a handler that threw, hung, or gave what it may not. */
  protected abstract failed(answer: A): A;
  /** Nobody else is asked. */
  protected abstract isFinal(answer: A): boolean;

  run(input: I, start: A): A | Pending<A> {
    return this.goOn(0, input, start);
  }

  private goOn(first: number, input: I, start: A): A | Pending<A> {
    let answer = start;
    for (let at = first; at < this.handlers.length; at++) {
      const handler = this.handlers[at]!;
      const { owner } = handler;
      if (!owner.isActive && !owner.isReplaced) continue;
      const given = owner.isActive ? this.call(handler, input, answer) : FAILED;
      if (isPromise(given)) return this.wait(at, given, input, answer);
      answer = this.after(handler, answer, given);
      if (this.isFinal(answer)) return answer;
    }
    return answer;
  }

  private wait(at: number, given: PromiseLike<unknown>, input: I, answer: A): Pending<A> {
    const handler = this.handlers[at]!;
    const pending = new Pending<A>();
    this.desk.wait(handler, given, (later) => {
      const next = later === REMOVED ? answer : this.after(handler, answer, later);
      pending.settleWith(this.isFinal(next) ? next : this.goOn(at + 1, input, next));
    });
    return pending;
  }

  private call(handler: Handler<F>, input: I, answer: A): unknown {
    const { desk } = this;
    const wasCalling = desk.isCalling;
    desk.isCalling = true;
    try {
      return this.ask(handler.call, input, answer);
    } catch (error) {
      desk.threw(handler, error);
      return FAILED;
    } finally {
      desk.isCalling = wasCalling;
    }
  }

  private after(handler: Handler<F>, answer: A, given: unknown): A {
    if (given === FAILED) return this.failed(answer);
    const next = this.take(answer, given);
    if (next !== undefined) return next;
    this.desk.fault(handler, 'hook gave a wrong answer');
    return this.failed(answer);
  }
}
