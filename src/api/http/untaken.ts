/** How much has been answered that nobody has taken yet. Main thread. */
import type { ServerResponse } from 'node:http';
import { API_SHORT_ANSWER_BYTES, API_UNTAKEN_BYTES_MAX } from '../../limits.js';
import { ApiError } from '../api-error.js';

export class Untaken {
  #bytes = 0;

  /** Counts an answer until it has gone, or its reader. @throws ApiError 102 where it is too much for the memory */
  add(response: ServerResponse, bytes: number): void {
    if (response.req.socket.destroyed) return;
    const isMuch = bytes > API_SHORT_ANSWER_BYTES && this.#bytes > 0;
    if (isMuch && this.#bytes + bytes > API_UNTAKEN_BYTES_MAX)
      throw new ApiError(102, 'too many answers wait for their readers');
    this.#bytes += bytes;
    response.once('close', () => {
      this.#bytes -= bytes;
    });
  }
}
