/**
 * A SUBSCRIBE or UNSUBSCRIBE on its way, filter by filter, in slices where there are many. Runs on the shard's thread.
 */
import { FILTERS_PER_TURN_MAX, SUBSCRIBE_SLICE } from '../../src/limits.js';
import type { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';
import { SubscribeReader, VALIDATE_MORE } from '../../src/protocol/mqtt/subscribe-reader.js';
import type { Session } from '../session/session.js';
import type { Runnable } from '../turn.js';
import type { Connection } from './connection.js';
import { HANDLED, HANDLED_STALL } from './packet-handler.js';
import type { SubscribeFlow } from './subscribe-flow.js';

/** What `advance` says, beside reason codes. */
const DONE = 0;
const MORE = -1;
/** A hook has not answered yet. */
const WAIT = -2;

/** In the place of a packet: a filter that a plugin subscribes its client to, or unsubscribes it from. */
export class OneFilter {
  readonly packetId = 0;
  readonly identifier = 0;
  private isRead = false;

  constructor(
    readonly filter: string,
    readonly options: number,
  ) {}

  validateSome(): number {
    return 0;
  }

  next(): boolean {
    const isFirst = !this.isRead;
    this.isRead = true;
    return isFirst;
  }

  keep(): void {}
}

/** One packet on its way; most are done in the turn they come in. */
export abstract class FilterJob implements Runnable {
  queued = false;
  protected readonly codes: number[] = [];
  /** The client has sent it, and waits for an acknowledgement. */
  protected readonly isPacket: boolean;
  private isValidated = false;

  constructor(
    protected readonly flow: SubscribeFlow,
    protected readonly connection: Connection,
    protected readonly session: Session,
    protected readonly reader: SubscribeReader | OneFilter,
  ) {
    this.isPacket = reader instanceof SubscribeReader;
  }

  /** @returns HANDLED, HANDLED_STALL or a reason code. */
  start(): number {
    const found = this.advance();
    if (found === DONE) return HANDLED;
    if (found > 0) return found;
    // The packet lies in the read buffer, which is everybody's.
    this.reader.keep();
    if (found === MORE) this.flow.core.turn.queue(this);
    return HANDLED_STALL;
  }

  run(): boolean {
    if (!this.isAlive()) return false;
    const found = this.advance();
    if (found === MORE) return true;
    // The connection waits for its own packets only.
    if (found === WAIT || !this.isPacket) return false;
    if (found > 0) this.connection.disconnect(found as ReasonCode, 'protocol_error');
    else this.connection.unstall();
    return false;
  }

  /** @returns DONE, MORE, WAIT or a reason code. */
  private advance(): number {
    const { turn } = this.flow.core;
    while (!this.isValidated) {
      const found = this.reader.validateSome(SUBSCRIBE_SLICE);
      if (found > 0) return found;
      this.isValidated = found !== VALIDATE_MORE;
      if (turn.overTime) return MORE;
    }
    for (let count = 1; this.reader.next(); count++) {
      if (!this.take()) return WAIT;
      if (!this.isAlive()) return DONE;
      if (count % SUBSCRIBE_SLICE === 0 && (count >= FILTERS_PER_TURN_MAX || turn.overTime)) return MORE;
    }
    if (!this.flush()) return WAIT;
    if (this.isAlive()) this.finish();
    return DONE;
  }

  /** An answer has come for which it has waited: `use` it, and go on. */
  protected resume(use: () => void): void {
    if (!this.isAlive()) return;
    use();
    this.flow.core.turn.queue(this);
  }

  protected isAlive(): boolean {
    return this.connection.isOpen && !this.connection.isClosing && !this.session.ended;
  }

  /** Handles the filter that the reader stands on. @returns false when the job has to wait for an answer. */
  protected abstract take(): boolean;
  /** Handles what `take` has put aside. @returns as `take`. */
  protected abstract flush(): boolean;
  protected abstract finish(): void;
}
