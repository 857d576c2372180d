/**
 * The seam where extensions decide who may connect, publish and subscribe. A hook that is null costs one comparison.
 * Answers may come at once or later; who waits for one checks again that its session is still there. Runs on the
 * shard's thread.
 */
import type { ReasonCode } from '../../src/protocol/mqtt/reason-code.js';

/** What is known of a client that wants to connect. */
export interface ConnectAttempt {
  readonly clientId: string;
  readonly username: string | null;
  readonly password: Uint8Array | null;
  readonly peerAddress: string;
  readonly protocolVersion: number;
}

/** `reason` 0 lets it pass; anything else is the reason code of the refusal. */
export type Answer = (reason: ReasonCode) => void;

export interface Hooks {
  /** Called before any session is touched. */
  readonly authenticate: ((attempt: ConnectAttempt, answer: Answer) => void) | null;
  /** Called for each PUBLISH, in order; the connection reads no further until the answer is there. */
  readonly authorizePublish: ((clientId: string, topic: string, answer: Answer) => void) | null;
  /** Called for each filter of a SUBSCRIBE, in order. */
  readonly authorizeSubscribe: ((clientId: string, filter: string, answer: Answer) => void) | null;
  /**
   * Extended authentication of MQTT 5. @returns whether `method` is known; the broker knows none of its own, so
   * CONNECT with one is refused with 0x8C.
   */
  readonly authenticationMethod: ((method: string) => boolean) | null;
  /** A message was lost on its way to `clientId`: its queue overflowed, or it expired there. */
  readonly messageDropped:
    | ((clientId: string, topic: string, reason: 'queue_full' | 'expired') => void)
    | null;
}

/** What a module that replaces the hooks exports. */
export interface HooksModule {
  createHooks(): Hooks;
}

/** Lets everybody do everything. */
export const NO_HOOKS: Hooks = {
  authenticate: null,
  authorizePublish: null,
  authorizeSubscribe: null,
  authenticationMethod: null,
  messageDropped: null,
};
