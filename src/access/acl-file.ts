/**
 * The file of access rules: read before the broker starts, and again on request. A file that is not right is never in
 * force, not even the part of it that is. Main thread.
 */
import { isUtf8 } from 'node:buffer';
import { open, stat } from 'node:fs/promises';
import { resolve as resolvePath } from 'node:path';
import { BrokerError, messageOf } from '../base/errors.js';
import type { Logger } from '../base/log.js';
import { OneAtATime } from '../base/one-at-a-time.js';
import { ACL_FILE_BYTES_MAX } from '../limits.js';
import { parseAclConf } from './acl-conf.js';
import type { AclRule } from './acl-rule.js';

/** What it does for others. */
export interface AclFileEvents {
  /** Gives the rules to all shards; resolves when they are in force. */
  update(rules: readonly AclRule[]): Promise<void>;
  /** A reload has failed, and why. */
  reloadFailed(reason: string): void;
  reloaded(): void;
}

const NEWLINE = 0x0a;
const NOT_A_RULE = 'what stands here is no access rule';

export class AclFile {
  /** Those in force, or about to be. */
  rules: readonly AclRule[] = [];
  #path: string;
  readonly #logger: Logger;
  readonly #events: AclFileEvents;
  readonly #reloads = new OneAtATime(() => this.#reloadNow());

  /** @param path `mqtt.acl_file`; empty: there are no rules */
  constructor(path: string, logger: Logger, events: AclFileEvents) {
    this.#path = path;
    this.#logger = logger;
    this.#events = events;
  }

  /** To be called before the shards are started. @throws BrokerError ACL_FAILED */
  async load(): Promise<void> {
    this.rules = await this.#read();
  }

  /**
   * Reads the file again and gives its rules to the shards. One at a time: all calls during one get the next.
   * @throws BrokerError ACL_FAILED; the rules in force stay so
   */
  reload(): Promise<void> {
    if (this.#path === '' && this.rules.length === 0) return Promise.resolve();
    return this.#reloads.run();
  }

  /**
   * Whether that file could take the place of this one. Whoever asks over the network may name any file: they are told
   * where it is wrong, and not what stands there.
   * @throws BrokerError ACL_FAILED
   */
  async check(path: string): Promise<void> {
    await new AclFile(path, this.#logger, this.#events).#read(NOT_A_RULE);
  }

  /** Takes that file in the place of this one, as `reload` does. */
  use(path: string): Promise<void> {
    this.#path = path;
    return this.reload();
  }

  async #reloadNow(): Promise<void> {
    let what = 'could not be read again';
    try {
      this.rules = await this.#read();
      what = 'have been read again, and may not be in force in every shard';
      await this.#events.update(this.rules);
    } catch (error) {
      const reason = messageOf(error);
      this.#logger.error(`access rules ${what}: ${reason}`);
      this.#events.reloadFailed(reason);
      throw error;
    }
    this.#logger.info('access rules have been read again', { file: this.#path, rules: this.rules.length });
    this.#events.reloaded();
  }

  /** @param whatIsWrong in place of what was found in the file */
  async #read(whatIsWrong?: string): Promise<readonly AclRule[]> {
    if (this.#path === '') return [];
    const conf = parseAclConf(await this.#text());
    if (!conf.ok) throw this.#failed(whatIsWrong ?? conf.error.message, conf.error.line, conf.error.column);
    for (const { line, column, message } of conf.warnings) {
      this.#logger.warn(`${this.#path}:${line}:${column}: ${message}`);
    }
    return conf.rules;
  }

  async #text(): Promise<string> {
    const bytes = await this.#bytes();
    if (bytes.length > ACL_FILE_BYTES_MAX) throw this.#failed(`longer than ${ACL_FILE_BYTES_MAX} bytes`);
    if (!isUtf8(bytes)) throw this.#failed('not UTF-8', firstBadLine(bytes));
    return bytes.toString('utf8').replace(/^\uFEFF/, '');
  }

  /** One byte more than allowed where there is more. */
  async #bytes(): Promise<Buffer> {
    // Whole, so that what goes wrong says where it was looked for.
    const path = resolvePath(this.#path);
    try {
      if (!(await stat(path)).isFile()) throw new Error('it is not a file');
      const file = await open(path, 'r');
      try {
        const buffer = Buffer.alloc(ACL_FILE_BYTES_MAX + 1);
        let length = 0;
        for (let read = -1; read !== 0 && length < buffer.length; length += read) {
          ({ bytesRead: read } = await file.read(buffer, length, buffer.length - length));
        }
        return buffer.subarray(0, length);
      } finally {
        await file.close();
      }
    } catch (error) {
      throw this.#failed(`cannot be read: ${messageOf(error)}`);
    }
  }

  #failed(what: string, line?: number, column?: number): BrokerError {
    const place = [this.#path, line, column].filter((each) => each !== undefined).join(':');
    return new BrokerError('ACL_FAILED', `mqtt.acl_file: ${place}: ${what}`);
  }
}

/** @returns the number of the first line that is not UTF-8 */
function firstBadLine(bytes: Buffer): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const newlineAt = bytes.indexOf(NEWLINE, start);
    const end = newlineAt < 0 ? bytes.length : newlineAt;
    if (!isUtf8(bytes.subarray(start, end))) break;
    start = end + 1;
  }
  return line;
}
