/** The form of one row in the tables of listener options. Main thread, at start only. */
import type { ListenerType } from './listener-types.js';
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

/** Every type that speaks MQTT. */
export const EVERY: readonly ListenerType[] = ['tcp', 'ssl', 'ws', 'wss', 'unix'];
/** Those whose clients have an address. */
export const NETWORK: readonly ListenerType[] = ['tcp', 'ssl', 'ws', 'wss'];
export const ENCRYPTED: readonly ListenerType[] = ['ssl', 'wss'];
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
