/**
 * Certificates and ticket keys of all TLS listeners while the broker runs: read at start, read again when asked or when
 * a file has changed, given to the shards. What is wrong never replaces what works. Main thread.
 */
import type { TlsMaterial } from '../actor/shard-protocol.js';
import type { Clock } from '../base/clock.js';
import { BrokerError } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { OneAtATime } from '../base/one-at-a-time.js';
import type { ListenerConfig } from '../config/listener-types.js';
import { TLS_FILES_POLL_MS } from '../limits.js';
import { type AlarmEvents, ReloadAlarm } from '../sys/reload-alarm.js';
import { stateOf } from './pem-files.js';
import { TicketKeys } from './ticket-keys.js';
import { loadTlsMaterial, tlsFilesOf } from './tls-material.js';

/** What this part needs of the rest of main. */
export interface CertificateEvents extends AlarmEvents {
  /** Gives them to all shards that run. Rejects when one does not take them. */
  update(tls: readonly TlsMaterial[]): Promise<void>;
}

export class Certificates {
  readonly #listeners: readonly ListenerConfig[];
  readonly #files: readonly string[];
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #events: CertificateEvents;
  readonly #ticketKeys: TicketKeys;
  readonly #alarm: ReloadAlarm;
  /** Without ticket keys. */
  #material: readonly TlsMaterial[] = [];
  /** State of the files when they were read last, whatever came of it. */
  #readState = '';
  /** A change seen at the last look only; it counts when it is the same at the next. */
  #newState = '';
  #lookedAtMs: number;
  #isLooking = false;
  readonly #reloads = new OneAtATime(() => this.#reloadNow());

  constructor(listeners: readonly ListenerConfig[], clock: Clock, logger: Logger, events: CertificateEvents) {
    this.#listeners = listeners;
    this.#files = [...new Set(listeners.flatMap(({ tls }) => (tls === null ? [] : tlsFilesOf(tls))))];
    this.#clock = clock;
    this.#logger = logger;
    this.#events = events;
    this.#lookedAtMs = clock.monotonicMs();
    this.#ticketKeys = new TicketKeys(this.#lookedAtMs);
    this.#alarm = new ReloadAlarm('tls_reload_failed', 'certificates could not be read again', clock, events);
  }

  /** What shards need, as it is now. */
  get material(): readonly TlsMaterial[] {
    const { current: ticketKeys } = this.#ticketKeys;
    return this.#material.map((each) => {
      const { reuseSessions } = this.#listeners[each.listener]!.tls!;
      return reuseSessions ? { ...each, options: { ...each.options, ticketKeys } } : each;
    });
  }

  /** To be called before the shards are started. @throws BrokerError CERTIFICATE_FAILED */
  async load(): Promise<void> {
    this.#material = await this.#read();
  }

  /**
   * Reads all files again and gives what they hold to the shards. One at a time: all calls during one get the next.
   * @throws BrokerError CERTIFICATE_FAILED; what was in force stays so
   */
  reload(): Promise<void> {
    if (this.#files.length === 0) return Promise.resolve();
    return this.#reloads.run();
  }

  /** To be called often: looks at the files, and makes new ticket keys, when it is time. */
  sweep(nowMs: number): void {
    if (this.#material.length === 0) return;
    if (this.#ticketKeys.rotate(nowMs)) this.#sendTicketKeys();
    if (nowMs - this.#lookedAtMs < TLS_FILES_POLL_MS) return;
    this.#lookedAtMs = nowMs;
    void this.look();
  }

  /**
   * Looks at the files, and reads them when they have changed and are as the look before found them: files are written
   * one after the other, and not at once. Never rejects; resolves when that is done.
   */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const state = await this.#state();
    const isSettled = state === this.#newState;
    this.#newState = state;
    // What goes wrong is logged there.
    if (state !== this.#readState && isSettled) await this.reload().catch(ignore);
    this.#isLooking = false;
  }

  async #reloadNow(): Promise<void> {
    try {
      this.#material = await this.#read();
      await this.#events.update(this.material);
    } catch (error) {
      this.#failed(
        error instanceof BrokerError ? error : new BrokerError('CERTIFICATE_FAILED', String(error)),
      );
      throw error;
    }
    this.#logger.info('certificates have been read again', { files: this.#files.length });
    this.#alarm.succeeded();
  }

  #failed({ message, issues }: BrokerError): void {
    for (const line of issues.length > 0 ? issues : [message]) {
      this.#logger.error(`certificates could not be read again: ${line}`);
    }
    this.#alarm.failed(message);
  }

  async #read(): Promise<readonly TlsMaterial[]> {
    this.#readState = await this.#state();
    const material: TlsMaterial[] = [];
    const issues: string[] = [];
    for (const [id, listener] of this.#listeners.entries()) {
      if (listener.tls === null) continue;
      const result = await loadTlsMaterial(id, listener, this.#clock.wallMs());
      for (const warning of result.warnings) this.#logger.warn(warning);
      issues.push(...result.issues);
      if (result.material !== null) material.push(result.material);
    }
    if (issues.length === 0) return material;
    const message = issues.length === 1 ? issues[0]! : `${issues.length} errors in files of TLS listeners`;
    throw new BrokerError('CERTIFICATE_FAILED', message, issues);
  }

  async #state(): Promise<string> {
    return (await Promise.all(this.#files.map(stateOf))).join('\n');
  }

  #sendTicketKeys(): void {
    this.#events.update(this.material).catch((error: unknown) => {
      this.#logger.warn(`new ticket keys have not reached every shard: ${String(error)}`);
    });
  }
}

function ignore(): void {}
