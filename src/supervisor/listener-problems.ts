/** Why a listener could not be opened, or does not accept, in words for people. Main thread. */
import { BrokerError } from '../base/errors.js';
import { formatAddress } from '../config/listener-address.js';
import type { ListenAddress } from '../config/listener-types.js';

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address already in use',
  EACCES: 'permission denied (ports below 1024 need a privilege)',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'no such host',
  EMFILE: 'no file descriptor left; raise `ulimit -n`',
  ENFILE: 'the system has no file descriptor left',
};

const SOCKET_REASONS: Readonly<Record<string, string>> = {
  ...REASONS,
  EACCES: 'permission denied; let the broker write to its directory',
};

/** @param key such as `listener.tcp.external`; @param cause what was thrown, or a sentence */
export function listenerFailed(key: string, address: ListenAddress, cause: unknown): BrokerError {
  const reason = describe(cause, address.path === null ? REASONS : SOCKET_REASONS);
  const value = address.path === null ? 'PORT' : 'PATH';
  const what = `${key} ${formatAddress(address)}: ${reason}`;
  return new BrokerError('LISTENER_FAILED', `${what}; change it with --set ${key}=${value}`);
}

/** Why a connection could not be accepted. */
export const acceptProblem = (error: unknown): string => describe(error, REASONS);

function describe(error: unknown, reasons: Readonly<Record<string, string>>): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return reasons[code] ?? error.message;
}
