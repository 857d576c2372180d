/**
 * Says what is wrong with a plugin's handlers without filling the log: a line per handler and interval, with the number
 * of those left out. Runs on the shard's thread.
 */
import type { LogFields } from '../../src/actor/shard-protocol.js';
import { HOOK_ERROR_CHARS_MAX, HOOK_LOG_INTERVAL_MS } from '../../src/limits.js';

export interface FaultLogNeeds {
  readonly turn: { readonly nowMs: number };
  readonly main: { log(level: 'warn', message: string, fields: LogFields): void };
}

interface Fault {
  lastMs: number;
  leftOut: number;
}

export class FaultLog {
  /** By plugin and point: as many as there are handlers. */
  private readonly faults = new Map<string, Fault>();

  constructor(private readonly core: FaultLogNeeds) {}

  say(plugin: string, point: string, message: string, error = ''): void {
    const key = `${plugin} ${point}`;
    const { nowMs } = this.core.turn;
    let fault = this.faults.get(key);
    if (fault === undefined) {
      fault = { lastMs: Number.NEGATIVE_INFINITY, leftOut: 0 };
      this.faults.set(key, fault);
    }
    if (nowMs - fault.lastMs < HOOK_LOG_INTERVAL_MS) {
      fault.leftOut++;
      return;
    }
    const fields = { plugin, hook: point, ...(error === '' ? {} : { error }), leftOut: fault.leftOut };
    fault.lastMs = nowMs;
    fault.leftOut = 0;
    this.core.main.log('warn', message, fields);
  }

  forget(plugin: string): void {
    for (const key of this.faults.keys()) {
      if (key.startsWith(`${plugin} `)) this.faults.delete(key);
    }
  }
}

/**
 * @returns what the log may say of `error`. The message of one thrown during authentication may hold what the client
 * sent, its password included: only the kind and the place are told.
 */
export function describe(error: unknown, point: string): string {
  if (!(error instanceof Error)) return point === 'client.authenticate' ? typeof error : cut(String(error));
  if (point !== 'client.authenticate') return cut(`${error.name}: ${error.message}`);
  const place = /\n\s+(at .*)/.exec(error.stack ?? '');
  return cut(`${error.name} ${place?.[1] ?? ''}`);
}

function cut(text: string): string {
  return text.length <= HOOK_ERROR_CHARS_MAX ? text : `${text.slice(0, HOOK_ERROR_CHARS_MAX)}...`;
}
