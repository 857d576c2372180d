/**
 * What a connection talks through: bytes in, bytes out, pause, close. A socket here; a relay from another shard's
 * edge or a gateway later. Runs on the shard's thread.
 */

/** Why a transport ended. `closed`: the other side ended it; anything else is an error code such as econnreset. */
export type LinkEnd = string;

export interface LinkHandler {
  /** `bytes` is valid during the call only and may be overwritten after it. */
  onBytes(bytes: Uint8Array, start: number, end: number): void;
  /** Everything written so far is on its way; `write` may be called again. */
  onDrain(): void;
  /** Called exactly once, after which nothing else is called. */
  onLinkClosed(end: LinkEnd): void;
}

export interface Link {
  /**
   * Sends the first `length` bytes of `chunk`.
   * @returns true when they are taken and the chunk may be used again at once; false when the link keeps the chunk
   * and the caller must not write before `onDrain`.
   */
  write(chunk: Uint8Array, length: number): boolean;
  /** As `write` for several chunks at once, in order. */
  writeAll(chunks: readonly Uint8Array[]): boolean;
  pause(): void;
  resume(): void;
  /** Sends what is written, then closes this side; whoever cannot wait for the other side calls `destroy`. */
  end(): void;
  /** Closes now; what is not sent is lost. */
  destroy(): void;
}
