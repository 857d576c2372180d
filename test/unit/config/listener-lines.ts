/** What the tests of listeners share: a configuration of `KEY=VALUE` texts, and what is said about it. */
import type { ListenerConfig } from '../../../src/config/listener-types.js';
import { loadConfig } from '../../../src/config/load.js';

/** @returns the line of every issue. */
export function linesOf(...set: string[]): string[] {
  const result = loadConfig({ set });
  return result.ok ? [] : result.issues.map(({ line }) => line);
}

/** @returns the line of every warning. */
export const warningsOf = (...set: string[]): string[] =>
  loadConfig({ set }).warnings.map(({ line }) => line);

/** @returns the listeners to open; none when anything is wrong. */
export function listenersOf(...set: string[]): readonly ListenerConfig[] {
  const result = loadConfig({ set });
  return result.ok ? result.config.listeners : [];
}

/** @returns those of the API; none when anything is wrong. */
export function apiListenersOf(...set: string[]): readonly ListenerConfig[] {
  const result = loadConfig({ set });
  return result.ok ? result.config.apiListeners : [];
}

/** @returns a listener of the type, named x, with these options, such as `verify=verify_peer`. */
export function listenerWith(type: string, ...options: string[]): ListenerConfig | undefined {
  return listenersOf(...settings(type, options)).at(-1);
}

/** @returns `listener.TYPE.x` with an address that fits the type, and with its options. */
export function settings(type: string, options: readonly string[]): string[] {
  const address = type === 'unix' ? 'x.sock' : '0';
  return [`listener.${type}.x=${address}`, ...options.map((option) => `listener.${type}.x.${option}`)];
}
