/**
 * All bans: added and removed while the broker runs, ended when their time is up, kept in the data directory, told to
 * the shards. Main thread.
 */
import type { Clock } from '../base/clock.js';
import type { MainDocument } from '../base/document.js';
import { BrokerError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { BANS_MAX, BANS_RETRY_MS, FLAPPING_BANS_MAX } from '../limits.js';
import { type Ban, type BanChange, type BanName, checkBan } from './ban.js';
import { readBans, writeBans } from './ban-document.js';
import { BanTable } from './ban-table.js';

/** What a ban is to say. */
export interface BanRequest extends BanName {
  /** For people; at most 1,024 bytes. */
  readonly reason?: string;
  /** Milliseconds from now; left out: until it is removed. */
  readonly durationMs?: number;
}

/** What users of the library hold. */
export interface Bans {
  /**
   * Keeps new clients out and ends connections that are there. Takes the place of a ban of the same name. Resolves when
   * it is in force everywhere and written down. Rejects with a BrokerError: BAN_INVALID; SHARD_UNAVAILABLE or
   * DATA_DIR_FAILED when a shard has not answered, or it will be forgotten at the next start.
   */
  add(ban: BanRequest): Promise<Ban>;
  /** @returns whether there was such a ban; addresses may be spelled in any way. Rejects as `add`. */
  remove(name: BanName): Promise<boolean>;
  /** Those in force, also the broker's own for flapping. */
  list(): readonly Ban[];
}

/** What it does for others. */
export interface BanEvents {
  /** Tells all shards; resolves when it is in force. */
  update(change: BanChange): Promise<void>;
}

export class BanList implements Bans {
  readonly #document: MainDocument;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #events: BanEvents;
  readonly #table = new BanTable();
  /** By ClientId: made by the broker itself, not written down, oldest first. */
  readonly #flapping = new Map<string, Ban>();
  /** No ban ends before, in milliseconds since 1970. */
  #nextEndMs = Number.POSITIVE_INFINITY;
  /** The write under way, and the one that all changes during it get. */
  #writing: Promise<void> = Promise.resolve();
  #queued: Promise<void> | null = null;
  /** When what could not be written is tried again, in milliseconds since 1970. */
  #retryMs = Number.POSITIVE_INFINITY;

  /** Reads what is kept. @throws BrokerError DATA_DIR_FAILED */
  constructor(document: MainDocument, clock: Clock, logger: Logger, events: BanEvents) {
    this.#document = document;
    this.#clock = clock;
    this.#logger = logger;
    this.#events = events;
    for (const ban of readBans(document)) this.#put(ban);
  }

  async add({ kind, value, reason = '', durationMs }: BanRequest): Promise<Ban> {
    const createdAtMs = this.#clock.wallMs();
    const untilMs = durationMs === undefined ? null : createdAtMs + durationMs;
    if (untilMs !== null && !(untilMs > createdAtMs && Number.isFinite(untilMs)))
      throw invalid('it has no duration');
    const ban = checkBan({ kind, value, reason, createdAtMs, untilMs });
    if (typeof ban === 'string') throw invalid(ban);
    if (this.#table.get(ban) === null && this.#table.size - this.#flapping.size >= BANS_MAX) {
      throw invalid(`there are ${BANS_MAX} already`);
    }
    this.#put(ban);
    this.#logger.info('banned', { [kind]: ban.value, reason, untilMs });
    await Promise.all([this.#events.update({ added: [ban], removed: [] }), this.#write()]);
    return ban;
  }

  async remove(name: BanName): Promise<boolean> {
    const ban = this.#take(name);
    if (ban === null) return false;
    this.#logger.info('no longer banned', { [ban.kind]: ban.value });
    await Promise.all([this.#events.update({ added: [], removed: [ban] }), this.#write()]);
    return true;
  }

  list(): readonly Ban[] {
    const nowMs = this.#clock.wallMs();
    return [...this.#table.all()].filter(({ untilMs }) => untilMs === null || untilMs > nowMs);
  }

  /** Whether nobody may connect from this address. */
  bansAddress(peerAddress: string): boolean {
    return this.#table.findAddress(peerAddress, this.#clock.wallMs()) !== null;
  }

  /** A client has connected too often. Of too many such bans the oldest ends. */
  addFlapping(clientId: string, durationMs: number): void {
    const createdAtMs = this.#clock.wallMs();
    const untilMs = createdAtMs + durationMs;
    const ban: Ban = { kind: 'clientid', value: clientId, reason: 'flapping', createdAtMs, untilMs };
    const known = this.#table.get(ban);
    if (known !== null && known !== this.#flapping.get(clientId)) return;
    const [oldest] = this.#flapping.values();
    const isFull = oldest !== undefined && known === null && this.#flapping.size >= FLAPPING_BANS_MAX;
    if (isFull) this.#take(oldest);
    this.#put(ban);
    this.#flapping.set(clientId, ban);
    this.#logger.info('banned', { clientid: clientId, reason: 'flapping', untilMs });
    this.#tell({ added: [ban], removed: isFull ? [oldest] : [] });
  }

  /** To be called now and then: forgets bans whose time is up, writes down what could not be written before. */
  sweep(): void {
    const nowMs = this.#clock.wallMs();
    if (nowMs >= this.#retryMs) {
      this.#retryMs = Number.POSITIVE_INFINITY;
      this.#write().catch(ignore);
    }
    if (nowMs < this.#nextEndMs) return;
    const removed: Ban[] = [];
    let nextEndMs = Number.POSITIVE_INFINITY;
    for (const ban of this.#table.all()) {
      if (ban.untilMs === null) continue;
      if (ban.untilMs <= nowMs) removed.push(ban);
      else nextEndMs = Math.min(nextEndMs, ban.untilMs);
    }
    this.#nextEndMs = nextEndMs;
    // What is written down of them is left out at the next occasion: it has no effect.
    for (const ban of removed) this.#take(ban);
    if (removed.length > 0) this.#tell({ added: [], removed });
  }

  /** Resolves when everything is written that can be. */
  stop(): Promise<void> {
    return (this.#queued ?? this.#writing).catch(ignore);
  }

  #put(ban: Ban): void {
    this.#take(ban);
    this.#table.add(ban);
    if (ban.untilMs !== null) this.#nextEndMs = Math.min(this.#nextEndMs, ban.untilMs);
  }

  #take(name: BanName): Ban | null {
    const ban = this.#table.remove(name);
    if (ban?.kind === 'clientid') this.#flapping.delete(ban.value);
    return ban;
  }

  #tell(change: BanChange): void {
    this.#events.update(change).catch((error: unknown) => {
      this.#logger.warn(`a change of bans has not reached every shard: ${String(error)}`);
    });
  }

  #write(): Promise<void> {
    this.#queued ??= this.#writing.then(() => {
      this.#queued = null;
      const kept = [...this.#table.all()].filter((ban) => this.#flapping.get(ban.value) !== ban);
      const written = writeBans(this.#document, kept);
      this.#writing = written.catch(() => {
        this.#retryMs = this.#clock.wallMs() + BANS_RETRY_MS;
      });
      return written;
    });
    return this.#queued;
  }
}

function invalid(what: string): BrokerError {
  return new BrokerError('BAN_INVALID', `no ban: ${what}`);
}

function ignore(): void {}
