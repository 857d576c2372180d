/**
 * What an endpoint is: data, from which the router, the checks of parameters and the description of the API follow.
 * Main thread.
 */
import type { ApiCode } from './api-error.js';
import type { BrokerPort } from './broker-port.js';
import type { Fields, ValuesOf } from './fields.js';
import type { Schema } from './schema.js';

/** One request, once its parameters are right. */
export interface Call<F extends Fields = Fields> {
  readonly broker: BrokerPort;
  /** What the braces of the path stand for, decoded. */
  readonly path: Readonly<Record<string, string>>;
  readonly params: ValuesOf<F>;
  /** The body's members, for endpoints that take any. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Of whoever asks. */
  readonly address: string;
}

export interface Endpoint<F extends Fields = Fields> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /**
   * Below `/api/v2/`, unless it begins with a slash. `{node}` stands for this node's name, other braces for any text,
   * with slashes too; a slash at the end is ignored. What begins with `nodes/` is found under `node/` as well.
   */
  readonly path: string;
  /** No slash may stand at the end. */
  readonly isExact?: boolean;
  /** One sentence. */
  readonly about: string;
  /** In the query of GET, in the body of all others. */
  readonly fields?: F;
  /** It takes a body with any members. */
  readonly takesAnyBody?: boolean;
  /** Nobody has to say who they are. */
  readonly isOpen?: boolean;
  /** Of `result`. */
  readonly answer: Schema;
  /** A right body. */
  readonly example?: Readonly<Record<string, unknown>>;
  /** The media type of a RawAnswer, of which `answer` is all. */
  readonly answerType?: string;
  /** With which `handle` refuses; 101, 102, and those of parameters that are wrong, follow from the rest. */
  readonly codes?: readonly ApiCode[];
  /** @returns what `result` is; undefined for `[]`; a RawAnswer in place of all. @throws ApiError */
  handle(call: Call<F>): unknown;
}

/** Lets the types of `fields` reach `handle`. */
export function endpoint<const F extends Fields>(definition: Endpoint<F>): Endpoint {
  return definition as unknown as Endpoint;
}

/** Endpoints that belong together, as the description of the API shows them. */
export interface EndpointGroup {
  readonly name: string;
  /** One sentence. */
  readonly about: string;
  readonly endpoints: readonly Endpoint[];
}
