/**
 * An answer that comes later. Whoever asks gets the answer itself, or one of these: what is answered at once costs no
 * closure and no promise. Runs on the shard's thread.
 */
export class Pending<T> {
  private listener: ((answer: T) => void) | null = null;
  private isSettled = false;

  /** One listener, which is told once: later, and inside a turn. */
  whenAnswered(listener: (answer: T) => void): void {
    this.listener = listener;
  }

  /** The first answer counts. */
  settle(answer: T): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.listener?.(answer);
  }

  /** As `settle`, once that answer is there. */
  settleWith(answer: T | Pending<T>): void {
    if (answer instanceof Pending) answer.whenAnswered((later) => this.settle(later));
    else this.settle(answer);
  }

  /** @returns what `to` makes of the answer, which may take its time again. Takes the place of the listener. */
  map<U>(to: (answer: T) => U | Pending<U>): Pending<U> {
    const mapped = new Pending<U>();
    this.whenAnswered((answer) => mapped.settleWith(to(answer)));
    return mapped;
  }
}
