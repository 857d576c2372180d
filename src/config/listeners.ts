/** Builds the listeners from their settings. Main thread, at start only. */
import { resolve } from 'node:path';
import { LISTENERS_MAX } from '../limits.js';
import type { ConfigIssue, ConfigWarning, Entry } from './entry.js';
import { Draft, Findings } from './listener-draft.js';
import { findOption } from './listener-names.js';
import { SHIPPED_LISTENERS } from './listener-options.js';
import { finishListener } from './listener-reader.js';
import { LISTENER_TYPES, type ListenerConfig, type ListenerType } from './listener-types.js';

export interface ListenersResult {
  /** Those that speak MQTT. */
  readonly listeners: readonly ListenerConfig[];
  readonly apiListeners: readonly ListenerConfig[];
  readonly issues: readonly ConfigIssue[];
  readonly warnings: readonly ConfigWarning[];
}

/**
 * @param entries those whose key begins with `listener.`, in order
 * @returns the listeners to open
 */
export function buildListeners(entries: readonly Entry[]): ListenersResult {
  const builder = new ListenersBuilder();
  for (const entry of entries) builder.take(entry);
  return builder.build();
}

class ListenersBuilder {
  readonly #drafts = new Map<string, Draft>();
  readonly #findings = new Findings();

  constructor() {
    for (const prefix of Object.keys(SHIPPED_LISTENERS)) this.#draft(prefix);
  }

  /** Files one setting; a later one replaces an earlier one. */
  take(entry: Entry): void {
    const [, prefix, type, words = 'bind'] =
      /^(listener\.([^.]+)\.[^.]+)(?:\.(.+))?$/.exec(entry.key) ?? ([] as undefined[]);
    if (prefix === undefined || !isListenerType(type)) {
      this.#findings.issue(entry, `a key listener.TYPE.NAME, with ${LISTENER_TYPES.join(', ')} as TYPE`);
      return;
    }
    const found = findOption(words, type, prefix);
    if ('expected' in found) this.#findings.issue(entry, found.expected);
    else if (!this.#drafts.has(prefix) && this.#drafts.size >= LISTENERS_MAX)
      this.#findings.issue(entry, `at most ${LISTENERS_MAX} listeners`);
    else this.#draft(prefix).set(found.option, entry);
  }

  build(): ListenersResult {
    const listeners: ListenerConfig[] = [];
    const places = new Map<string, Draft>();
    for (const draft of this.#drafts.values()) {
      const listener = finishListener(draft, this.#findings);
      if (listener === null) continue;
      listeners.push(listener);
      this.#takePlace(places, listener, draft);
    }
    const { issues, warnings } = this.#findings;
    return {
      listeners: listeners.filter(({ type }) => type !== 'api'),
      apiListeners: listeners.filter(({ type }) => type === 'api'),
      issues,
      warnings,
    };
  }

  /** Two sockets with one path would both open, and the first would never be heard of again. */
  #takePlace(places: Map<string, Draft>, listener: ListenerConfig, draft: Draft): void {
    if (listener.path === null) return;
    const place = resolve(listener.path);
    const other = places.get(place);
    if (other !== undefined)
      this.#findings.issue(draft.given.get('bind')!, `a path of its own; ${other.prefix} has it already`);
    places.set(place, draft);
  }

  #draft(prefix: string): Draft {
    let draft = this.#drafts.get(prefix);
    if (draft === undefined) {
      draft = new Draft(prefix, this.#findings);
      this.#drafts.set(prefix, draft);
    }
    return draft;
  }
}

const isListenerType = (word: string | undefined): word is ListenerType =>
  LISTENER_TYPES.some((type) => type === word);
