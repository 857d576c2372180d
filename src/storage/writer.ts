/**
 * Writes lots of rows into an lmdb environment, one transaction each, in the order in which they are given. Runs on the
 * thread that has opened the environment.
 *
 * A lot begins when the one before it is committed: lmdb does not keep the order of two that wait for its lock. It also
 * waits for room in the file, if there may be none, and while another process opens the environment.
 */
import { getSystemErrorMap } from 'node:util';
import { OPEN_GATE_RETRY_MS } from '../limits.js';
import { FileRoom, roomFor } from './file-room.js';
import { type NativeEnvironment, WriteLot } from './native-writes.js';
import type { OpenGate } from './open-gate.js';

/** A row that is written, or removed where `value` is null. Neither buffer may be changed before it is committed. */
export interface Write<Table extends string> {
  readonly table: Table;
  readonly key: Buffer;
  readonly value: Buffer | null;
}

/** What becomes of rows that were handed over. Called in later turns. */
export interface WriteEnd {
  /** They survive the end of the process, and can be read. Called once, unless `failed` is. */
  committed(): void;
  /** They survive the end of the machine. Called once, after `committed`, unless `failed` is. */
  flushed(): void;
  /** None of them is written; or, after `committed`, what the machine's end would leave is unknown. */
  failed(error: Error): void;
}

/** What is written into. */
export interface WriterTarget<Table extends string> {
  readonly native: NativeEnvironment;
  /** Bytes of the file up to the last page that was ever used. @throws Error when lmdb has given up */
  readonly reachedBytes: number;
  /** Bytes of all pages in use. Some 20 us. @throws Error likewise */
  readonly usedBytes: number;
  /** Number of the last transaction that is committed. Some 6 us. @throws Error when lmdb has given up */
  readonly lastTransaction: number;
  /** lmdb's number of a table. */
  numberOf(table: Table): number;
  /** What was written can be read from now on. */
  refresh(): void;
}

interface Lot<Table extends string> {
  readonly writes: readonly Write<Table>[];
  readonly end: WriteEnd;
  readonly keyBytes: number;
  /** Of keys and values. */
  readonly rowBytes: number;
}

/** Rows of a lot for which it is worth asking how large the store is. */
const ROWS_MANY = 128;

export class Writer<Table extends string> {
  private readonly room: FileRoom;
  /** Lots that are not committed; the first is being written, or waits for room. */
  private readonly lots: Lot<Table>[] = [];
  /** Lots that are not over. */
  private underway = 0;
  /** For the next ones. */
  private readonly memory: WriteLot[] = [];
  private onIdle: (() => void) | null = null;

  constructor(
    private readonly target: WriterTarget<Table>,
    path: string,
    private readonly gate: OpenGate,
  ) {
    this.room = new FileRoom(path);
  }

  /** Nothing is under way. */
  get isIdle(): boolean {
    return this.underway === 0;
  }

  async idle(): Promise<void> {
    if (this.isIdle) return;
    await new Promise<void>((resolve) => {
      this.onIdle = resolve;
    });
  }

  write(writes: readonly Write<Table>[], end: WriteEnd): void {
    let keyBytes = 0;
    let valueBytes = 0;
    for (const { key, value } of writes) {
      keyBytes += key.length;
      if (value !== null) valueBytes += value.length;
    }
    this.underway++;
    this.lots.push({ writes, end, keyBytes, rowBytes: keyBytes + valueBytes });
    if (this.lots.length === 1) this.begin();
  }

  /** The first one. */
  private begin(): void {
    const lot = this.lots[0];
    if (lot === undefined) return;
    const needBytes = this.needOf(lot);
    if (this.hasRoom(needBytes)) this.startAlone(lot);
    else void this.startWithRoom(lot, needBytes);
  }

  private needOf({ writes, rowBytes }: Lot<Table>): number {
    const { length } = writes;
    if (length < ROWS_MANY) return roomFor(length, rowBytes, Number.POSITIVE_INFINITY);
    try {
      return roomFor(length, rowBytes, this.target.usedBytes);
    } catch {
      // lmdb has given up, as below.
      return roomFor(length, rowBytes, 0);
    }
  }

  private hasRoom(needBytes: number): boolean {
    const { room, target } = this;
    if (room.take(needBytes)) return true;
    try {
      return room.takeBehind(target.reachedBytes, needBytes);
    } catch {
      // lmdb has given up: it is to say so.
      return true;
    }
  }

  private async startWithRoom(lot: Lot<Table>, needBytes: number): Promise<void> {
    const failure = await this.room.make(needBytes);
    if (failure === null) this.startAlone(lot);
    else this.over(() => lot.end.failed(failure), false);
  }

  private startAlone(lot: Lot<Table>): void {
    if (this.gate.enter()) this.start(lot);
    else setTimeout(() => this.startAlone(lot), OPEN_GATE_RETRY_MS);
  }

  private start({ writes, end, keyBytes }: Lot<Table>): void {
    const { target } = this;
    const memory = this.memory.pop() ?? new WriteLot();
    memory.begin(writes.length, keyBytes);
    for (const { table, key, value } of writes) memory.add(target.numberOf(table), key, value);
    const before = this.lastTransaction();
    let isCommitted = false;
    const committed = (): void => {
      if (isCommitted) return;
      isCommitted = true;
      this.gate.leave();
      target.refresh();
      this.next();
      end.committed();
    };
    const over = (status: number): void => {
      memory.clear();
      this.memory.push(memory);
      if (status !== 0) {
        // lmdb does not say that it is committed when its sync has failed by then.
        if (!isCommitted && this.lastTransaction() > before) committed();
        if (!isCommitted) this.gate.leave();
        this.over(() => end.failed(writeError(status)), isCommitted);
        return;
      }
      this.room.wasWritable();
      committed();
      this.over(() => end.flushed(), true);
    };
    memory.start(target.native, { committed, over });
  }

  /**
   * Not counted here, since a transaction that changes nothing has no number.
   * @returns NaN, which is neither more nor less than any, when lmdb has given up
   */
  private lastTransaction(): number {
    try {
      return this.target.lastTransaction;
    } catch {
      return Number.NaN;
    }
  }

  private over(tell: () => void, isCommitted: boolean): void {
    this.underway--;
    if (!isCommitted) this.next();
    tell();
    if (this.underway === 0) this.onIdle?.();
  }

  private next(): void {
    this.lots.shift();
    this.begin();
  }
}

/** `status`: a number of the system's errors, or one of lmdb's own, which are negative. */
function writeError(status: number): Error {
  const [, text = `error ${status}`] = getSystemErrorMap().get(-status) ?? [];
  return new Error(status > 0 ? text : `error ${status} of lmdb`);
}
