/** The form of one row in the tables of listener options. Main thread, at start only. */
import { LISTENER_TYPES, type ListenerType } from './listener-types.js';
import type { ValueType } from './value-types.js';

/** One option of listeners: `listener.TYPE.NAME.OPTION`. */
export interface ListenerOption<T> {
  /** The types of listeners on which it means something. */
  readonly on: readonly ListenerType[];
  readonly type: ValueType<T>;
  /** As a user would write it. */
  readonly default: string;
  /** One sentence for people. */
  readonly about: string;
}

export const ALL: readonly ListenerType[] = LISTENER_TYPES;
/** Every type that speaks MQTT. */
export const EVERY: readonly ListenerType[] = ['tcp', 'ssl', 'ws', 'wss', 'unix'];
/** Those of them whose clients have an address. */
export const NETWORK: readonly ListenerType[] = ['tcp', 'ssl', 'ws', 'wss'];
export const WITH_ADDRESS: readonly ListenerType[] = [...NETWORK, 'api'];
/** Those that speak TLS; `api` does where it is given a certificate. */
export const ENCRYPTED: readonly ListenerType[] = ['ssl', 'wss', 'api'];
export const WEB: readonly ListenerType[] = ['ws', 'wss'];
export const UNIX: readonly ListenerType[] = ['unix'];

/** Describes one option. */
export function option<T>(
  on: readonly ListenerType[],
  type: ValueType<T>,
  defaultText: string,
  about: string,
): ListenerOption<T> {
  return { on, type, default: defaultText, about };
}
