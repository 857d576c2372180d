/** Builds the listeners from their settings. Main thread, at start only. */
import { LISTENERS_MAX } from '../limits.js';
import { type ConfigIssue, type ConfigWarning, type Entry, issueOf } from './entry.js';
import {
  type AccessRule,
  accessRule,
  BUILT_LISTENER_TYPES,
  LISTENER_OPTIONS,
  LISTENER_TYPES,
  type ListenAddress,
  type ListenerConfig,
  type ListenerSettings,
  type ListenerType,
  listenAddress,
  SHIPPED_LISTENERS,
  UNBUILT_LISTENER_OPTIONS,
} from './listener-options.js';
import { nearest } from './suggest.js';
import { INVALID, type ValueType } from './value-types.js';

const ADDRESS = listenAddress();
const ACCESS = accessRule();
const OPTION_NAMES = [
  ...Object.keys(LISTENER_OPTIONS),
  ...Object.keys(UNBUILT_LISTENER_OPTIONS),
  'access.1',
  'bind',
];

/** What was said about one listener: its option names (`bind` is the address) and the entry that set each. */
interface Draft {
  readonly prefix: string;
  readonly type: ListenerType;
  readonly name: string;
  readonly given: Map<string, Entry>;
}

export interface ListenersResult {
  readonly listeners: readonly ListenerConfig[];
  readonly issues: readonly ConfigIssue[];
  readonly warnings: readonly ConfigWarning[];
}

/** @returns the listeners to open; `entries` are those whose key begins with `listener.`, in order. */
export function buildListeners(entries: readonly Entry[]): ListenersResult {
  const builder = new ListenersBuilder();
  for (const entry of entries) builder.take(entry);
  return builder.build();
}

class ListenersBuilder {
  readonly #drafts = new Map<string, Draft>();
  readonly #issues: ConfigIssue[] = [];
  readonly #warnings: ConfigWarning[] = [];

  constructor() {
    for (const prefix of Object.keys(SHIPPED_LISTENERS)) this.#draft(prefix);
  }

  /** Files one setting; a later one replaces an earlier one. */
  take(entry: Entry): void {
    const match = /^(listener\.([^.]+)\.([^.]+))(?:\.(.+))?$/.exec(entry.key);
    if (match === null || !LISTENER_TYPES.some((type) => type === match[2])) {
      this.#issues.push(
        issueOf(entry, `a key listener.TYPE.NAME, with ${LISTENER_TYPES.join(', ')} as TYPE`),
      );
      return;
    }
    const option = match[4] ?? 'bind';
    if (!isKnownOption(option)) {
      const meant = nearest(option, OPTION_NAMES);
      const hint = meant === null ? '' : `; did you mean ${match[1]}.${meant}?`;
      this.#issues.push(issueOf(entry, `a listener option that exists${hint}`));
      return;
    }
    if (!this.#drafts.has(match[1]!) && this.#drafts.size >= LISTENERS_MAX) {
      this.#issues.push(issueOf(entry, `at most ${LISTENERS_MAX} listeners`));
      return;
    }
    this.#draft(match[1]!).given.set(option, entry);
  }

  build(): ListenersResult {
    const listeners: ListenerConfig[] = [];
    for (const draft of this.#drafts.values()) {
      const listener = this.#finish(draft);
      if (listener !== null) listeners.push(listener);
    }
    return { listeners, issues: this.#issues, warnings: this.#warnings };
  }

  #draft(prefix: string): Draft {
    let draft = this.#drafts.get(prefix);
    if (draft === undefined) {
      const [, type = '', name = ''] = prefix.split('.');
      draft = { prefix, type: type as ListenerType, name, given: new Map() };
      this.#drafts.set(prefix, draft);
    }
    return draft;
  }

  /** Reads every option, so that all mistakes are found; gives null for a listener that is not to be opened. */
  #finish(draft: Draft): ListenerConfig | null {
    const settings = this.#settings(draft);
    this.#checkUnbuilt(draft);
    const address = this.#address(draft);
    if (address === null || address === INVALID) return null;
    if (!BUILT_LISTENER_TYPES.includes(draft.type)) {
      this.#warn(
        draft.given.get('bind')!,
        `${draft.type} listeners are not built yet; this one is not opened`,
      );
      return null;
    }
    for (const [option, entry] of draft.given) {
      if (Object.hasOwn(UNBUILT_LISTENER_OPTIONS, baseName(option)))
        this.#warn(entry, 'not built yet; it has no effect');
    }
    return { type: draft.type, name: draft.name, ...address, ...settings };
  }

  #settings(draft: Draft): ListenerSettings {
    const number = (option: keyof typeof LISTENER_OPTIONS): number => this.#value<number>(draft, option) ?? 0;
    return {
      acceptors: number('acceptors'),
      maxClients: number('max_clients'),
      maxConnRate: number('max_conn_rate'),
      backlog: number('backlog'),
      nodelay: this.#value<boolean>(draft, 'nodelay') ?? true,
      mountpoint: this.#value<string>(draft, 'mountpoint') ?? '',
      rateLimit: this.#value<ListenerSettings['rateLimit']>(draft, 'rate_limit'),
      access: this.#access(draft),
      sendTimeoutMs: number('send_timeout'),
      recbufBytes: 0,
      sndbufBytes: 0,
      mode: 0,
      proxy: null,
      trustedProxies: [],
      tls: null,
      webSocket: null,
      certificateUsername: null,
    };
  }

  /** `T` is what the option's type gives. Null: not set, or set wrongly, which is then an issue. */
  #value<T>(draft: Draft, option: keyof typeof LISTENER_OPTIONS): T | null {
    const { type, default: fallback } = LISTENER_OPTIONS[option];
    const entry = draft.given.get(option);
    const text = entry?.value ?? SHIPPED_LISTENERS[draft.prefix]?.[option] ?? fallback;
    if (text === '' && option === 'rate_limit') return null;
    return this.#parse(type as ValueType<T>, text, entry);
  }

  #parse<T>(type: ValueType<T>, text: string, entry: Entry | undefined): T | null {
    const value = type.parse(text);
    if (value !== INVALID) return value as T;
    if (entry !== undefined) this.#issues.push(issueOf(entry, type.expected));
    return null;
  }

  #access(draft: Draft): readonly AccessRule[] {
    const numbered = [...draft.given].filter(([option]) => option.startsWith('access.'));
    numbered.sort(([a], [b]) => Number(a.slice(7)) - Number(b.slice(7)));
    const rules: AccessRule[] = [];
    for (const [, entry] of numbered) {
      const rule = this.#parse(ACCESS, entry.value, entry);
      if (rule !== null) rules.push(rule);
    }
    return rules;
  }

  #address(draft: Draft): ListenAddress | null | typeof INVALID {
    const entry = draft.given.get('bind');
    const text = entry?.value ?? SHIPPED_LISTENERS[draft.prefix]?.['bind'];
    if (text === undefined) {
      const first = [...draft.given.values()][0]!;
      this.#warn(first, `${draft.prefix} has options but no address, so it is not opened`);
      return null;
    }
    const address = ADDRESS.parse(text);
    if (address === INVALID) this.#issues.push(issueOf(entry!, ADDRESS.expected));
    return address;
  }

  #checkUnbuilt(draft: Draft): void {
    for (const [option, entry] of draft.given) {
      if (Object.hasOwn(UNBUILT_LISTENER_OPTIONS, option)) {
        this.#parse(UNBUILT_LISTENER_OPTIONS[option]!, entry.value, entry);
      }
    }
  }

  #warn({ key, where }: Entry, text: string): void {
    this.#warnings.push({ key, where, line: `${where}: ${key}: ${text}` });
  }
}

const baseName = (option: string): string => option.split('.', 1)[0]!;

const isKnownOption = (option: string): boolean =>
  option === 'bind' ||
  Object.hasOwn(LISTENER_OPTIONS, option) ||
  Object.hasOwn(UNBUILT_LISTENER_OPTIONS, option) ||
  /^access\.\d{1,4}$/.test(option) ||
  option.startsWith('tcp_options.');
