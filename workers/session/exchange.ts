/** Where the exchange of a message with QoS 1 or 2 stands that goes to a client. Used in the session's shard. */

/** Where one packet id stands. */
export const FREE = 0;
/** PUBLISH sent with QoS 1: PUBACK is awaited. */
export const PUBLISHED_QOS1 = 1;
/** PUBLISH sent with QoS 2: PUBREC is awaited. */
export const PUBLISHED_QOS2 = 2;
/** PUBREC has come and the message is gone: PUBCOMP is awaited. */
export const RELEASED = 3;
// What is kept waits for the commit that holds what would be said: a crash in between must not make it untrue.
/** A message with QoS 2 and its packet id: PUBLISH waits. */
export const HELD = 4;
/** It is safe, and has not been sent yet. */
export const READY = 5;
/** PUBREC has come: PUBREL waits. */
export const RELEASING = 6;

/** One subscription identifier per matching subscription; null: none. */
export type Identifiers = readonly number[] | null;

/** Its packet id awaits PUBCOMP, and there is no message any more. */
export function isReleased(state: number): boolean {
  return state === RELEASED || state === RELEASING;
}

/** Its message has never been sent. */
export function isUnsent(state: number): boolean {
  return state === HELD || state === READY;
}
