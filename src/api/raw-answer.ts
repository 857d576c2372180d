/** What an endpoint answers where it is not `{"code": 0, "result": ...}`. Main thread. */
import type { Readable } from 'node:stream';

/** A whole answer with HTTP 200: text, or a stream that ends by itself and is destroyed when its reader goes. */
export class RawAnswer {
  constructor(
    /** As the header Content-Type has it. */
    readonly type: string,
    readonly body: string | Readable,
  ) {}
}
