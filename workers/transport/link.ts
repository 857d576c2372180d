/**
 * What a connection talks through: bytes in, bytes out, pause, close. A socket, TLS or WebSocket on top of one, or a
 * relay from another shard's edge; a gateway later. Runs on the shard's thread.
 */

/** Why a transport ended. `closed`: the other side ended it; anything else is an error code such as econnreset. */
export type LinkEnd = string;

export interface LinkHandler {
  /** `bytes` is valid during the call only and may be overwritten after it. */
  onBytes(bytes: Uint8Array, start: number, end: number): void;
  /** Everything written so far is on its way; `write` may be called again. */
  onDrain(): void;
  /**
   * Called exactly once, after which nothing else is called. A handler that has paused has not used all that came:
   * where the other side has closed in order, it hears of that when it has resumed.
   */
  onLinkClosed(end: LinkEnd): void;
}

export interface Link {
  /** Who is told what happens. Whoever builds on a link sets it, in the turn in which he got the link. */
  handler: LinkHandler;
  /** Bytes that the caller leaves free before `start` in every chunk it gives to `write`; the link writes into them. */
  readonly headroomBytes: number;
  /** What is written leaves the process at another shard, which counts it. */
  readonly isRelayed?: boolean;
  /**
   * Sends `chunk[start, end)`, with at least `headroomBytes` before `start`.
   * @returns true when they are taken and the chunk may be used again at once; false when the link keeps the chunk
   * and the caller must not write before `onDrain`.
   */
  write(chunk: Uint8Array, start: number, end: number): boolean;
  /** As `write` for several whole chunks at once, in order; they need no headroom. */
  writeAll(chunks: readonly Uint8Array[]): boolean;
  pause(): void;
  resume(): void;
  /** Sends what is written, then closes this side; whoever cannot wait for the other side calls `destroy`. */
  end(): void;
  /**
   * As `end`, once all that was written is taken and the client has said that it says nothing more: what it sends all
   * the same is not waited for. Where it is missing, `end` does.
   */
  leave?(): void;
  /** Closes now; what is not sent is lost. */
  destroy(): void;
}

/** Stands in until somebody has taken the link over; nothing can happen before that. */
export const NO_HANDLER: LinkHandler = { onBytes() {}, onDrain() {}, onLinkClosed() {} };
