/** The error codes of EMQ's API, and how a handler answers with one. Main thread. */

/** Every code that an answer may carry, with what it means. EMQ's numbers. */
export const API_CODES = {
  0: 'success',
  101: 'no such node, or a part of the broker did not answer in time',
  102: 'the request was understood and cannot be carried out',
  103: 'wrong user name or password',
  104: 'empty user name or password',
  105: 'no such user',
  106: 'the user admin cannot be deleted',
  107: 'a parameter is missing',
  108: 'a parameter has the wrong type, or a value that is not allowed',
  109: 'the body is not a JSON object',
  110: 'the plugin runs already',
  111: 'the plugin does not run',
  112: 'no such client is connected',
  113: 'there is such a user already',
  114: 'the old password is wrong',
} as const;

export type ApiCode = Exclude<keyof typeof API_CODES, 0>;

/** Ends a request with `{"code", "message"}` and HTTP 200, as EMQ does. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly code: ApiCode,
    /** Left out of the answer where it is empty. */
    message = '',
  ) {
    super(message);
  }
}

export const missingParameter = (): ApiError => new ApiError(107, 'params error');
export const wrongParameter = (): ApiError => new ApiError(108, 'params type error');
export const bodyNotJson = (): ApiError => new ApiError(109, 'Body not json');
export const nodeDown = (): ApiError => new ApiError(101, 'nodedown');
