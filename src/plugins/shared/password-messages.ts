/** What the parts of a password plugin say to each other. */

/** From a shard: a client wants in. */
export interface PasswordQuestion {
  /** Never the same again, also after a restart of the shard. */
  readonly id: number;
  readonly name: string;
  readonly password: Uint8Array;
  /** Address of the client. */
  readonly from: string;
}

/** `unknown`: there is no such name. `busy`: nobody looked, since too many asked. */
export type PasswordVerdict = 'right' | 'wrong' | 'unknown' | 'busy';

/** From main. */
export interface PasswordAnswer {
  readonly id: number;
  readonly verdict: PasswordVerdict;
}
