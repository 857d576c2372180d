/** Errors as plain data: what crosses between threads, and what users of the library catch. Any thread. */

/** Every error code the broker gives, with what it means. */
export const ERROR_CODES = {
  CONFIG_INVALID: 'the configuration has errors; `issues` lists them',
  CERTIFICATE_FAILED:
    'a certificate, a key or another file of a TLS listener is of no use; `issues` lists what is wrong',
  ACL_FAILED: 'the file of access rules is missing, empty or wrong; the message says where',
  BAN_INVALID: 'a ban names nobody, or there are too many',
  PASSWORD_PUBLIC:
    'the API would listen to other machines while a user of it has a password that everybody knows; the message says how to change it',
  LISTENER_FAILED: 'a listener could not be opened',
  DATA_DIR_FAILED: 'the data directory could not be read or written',
  BACKUP_FAILED: 'a backup could not be made or restored; what was there before is as it was',
  PLATFORM_UNSUPPORTED: 'this operating system or Node.js version is not supported',
  SHARD_UNAVAILABLE: 'a shard did not answer within the deadline, or has ended',
  SHARD_FAILED: 'shards crashed too often; the broker has stopped',
  REQUEST_FAILED: 'a shard could not carry out the request',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An error between threads: no class, no stack, only what the other side can act on. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly message: string;
}

/** The only error class that `startBroker` and the broker's methods throw. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    /** One line per problem, for CONFIG_INVALID and CERTIFICATE_FAILED. */
    readonly issues: readonly string[] = [],
  ) {
    super(message);
  }
}

/** @returns the plain form of anything that was thrown. */
export function toErrorData(error: unknown, code: ErrorCode = 'REQUEST_FAILED'): ErrorData {
  if (error instanceof BrokerError) return { code: error.code, message: error.message };
  return { code, message: messageOf(error) };
}

/** @returns what anything that was thrown says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
