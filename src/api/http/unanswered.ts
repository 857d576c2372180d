/** Requests of one listener that are not answered yet, by connection. Main thread. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { API_PIPELINED_MAX } from '../../limits.js';

export class Unanswered {
  readonly #all = new Set<ServerResponse>();
  readonly #bySocket = new WeakMap<Socket, Set<ServerResponse>>();

  /** Remembers it until it is closed. @returns false: its connection has sent too many ahead */
  add(response: ServerResponse, socket: Socket): boolean {
    const own = this.#of(socket);
    if (own.size >= API_PIPELINED_MAX) return false;
    own.add(response);
    this.#all.add(response);
    response.once('close', () => {
      own.delete(response);
      this.#all.delete(response);
    });
    return true;
  }

  /** Their connections end with them. */
  letEnd(): void {
    for (const response of this.#all) response.shouldKeepAlive = false;
  }

  #of(socket: Socket): Set<ServerResponse> {
    const known = this.#bySocket.get(socket);
    if (known !== undefined) return known;
    const own = new Set<ServerResponse>();
    this.#bySocket.set(socket, own);
    // Node.js tells only the one that it sends; those behind it would stay for ever.
    socket.once('close', () => {
      for (const response of [...own]) if (response.socket === null) response.emit('close');
    });
    return own;
  }
}
