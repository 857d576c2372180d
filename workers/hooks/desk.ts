/**
 * Calls plugins' handlers and waits for their answers, each with a deadline: what throws, hangs or answers twice ends
 * here. Runs on the shard's thread.
 */
import type { TimerWheel } from '../../src/base/timer-wheel.js';
import { WheelItem } from '../../src/base/timer-wheel.js';
import { HOOK_TIMEOUT_MS } from '../../src/limits.js';
import type { Turn } from '../turn.js';
import { describe, FaultLog, type FaultLogNeeds } from './fault-log.js';

/** In place of an answer: the handler threw, hung, or was replaced. */
export const FAILED = Symbol('failed');
/** In place of an answer: the plugin was removed meanwhile. */
export const REMOVED = Symbol('removed');

/** A plugin whose hooks are registered. */
export class Owner {
  /** False once it is removed: none of its handlers is called any more. */
  isActive = true;
  /** Others have taken its place, and nobody knows what they would have said: what it was to answer has failed. */
  isReplaced = false;
  readonly questions = new Set<Question>();

  constructor(
    readonly plugin: string,
    readonly priority: number,
  ) {}
}

/** What one plugin does at one point. */
export interface Handler<F> {
  readonly owner: Owner;
  readonly point: string;
  readonly call: F;
}

/** An answer that one handler owes. */
class Question extends WheelItem {
  isAnswered = false;

  constructor(
    private readonly desk: Desk,
    readonly handler: Handler<unknown>,
    readonly listener: (given: unknown) => void,
  ) {
    super();
  }

  override onDeadline(): void {
    this.desk.fault(this.handler, 'hook does not answer');
    this.desk.answered(this, FAILED);
  }
}

export interface DeskNeeds extends FaultLogNeeds {
  readonly turn: Turn;
  readonly wheel: TimerWheel;
}

export class Desk {
  /** A handler is on the stack: what it asks of the broker has to wait. */
  isCalling = false;
  private readonly faults: FaultLog;

  constructor(private readonly core: DeskNeeds) {
    this.faults = new FaultLog(core);
  }

  /** Hears `given`, which a handler has returned to be answered later: with what comes of it, or FAILED, or REMOVED. */
  wait(handler: Handler<unknown>, given: PromiseLike<unknown>, listener: (given: unknown) => void): void {
    const question = new Question(this, handler, listener);
    handler.owner.questions.add(question);
    this.core.wheel.schedule(this.core.turn.nowMs + HOOK_TIMEOUT_MS, question);
    Promise.resolve(given).then(
      (answer) => this.answered(question, answer),
      (error: unknown) => {
        if (!question.isAnswered) this.threw(handler, error);
        this.answered(question, FAILED);
      },
    );
  }

  answered(question: Question, given: unknown): void {
    if (question.isAnswered) return;
    question.isAnswered = true;
    question.handler.owner.questions.delete(question);
    this.core.wheel.cancel(question);
    this.core.turn.enter();
    question.listener(given);
  }

  /** Nothing of this plugin is waited for any more. */
  close(owner: Owner): void {
    owner.isActive = false;
    const given = owner.isReplaced ? FAILED : REMOVED;
    for (const question of [...owner.questions]) this.answered(question, given);
    this.faults.forget(owner.plugin);
  }

  threw(handler: Handler<unknown>, error: unknown): void {
    this.faults.say(handler.owner.plugin, handler.point, 'hook failed', describe(error, handler.point));
  }

  fault(handler: Handler<unknown>, message: string): void {
    this.faults.say(handler.owner.plugin, handler.point, message);
  }
}
