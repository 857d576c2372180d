/** One request over HTTP or HTTPS, with a deadline and a bound. Main thread. */
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';

/** Where the API is. */
export interface Server {
  /** Paths of the API come after its path. */
  readonly url: URL;
  /** Its certificate may be anybody's. */
  readonly isInsecure: boolean;
}

export interface HttpRequest {
  readonly method: string;
  /** Encoded, with its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Until the head of the answer. */
  readonly timeoutMs: number;
}

/** Why there was no answer, for `whyUnreachable`. */
export class TimedOut extends Error {
  override readonly name = 'TimedOut';
}

export class TooLong extends Error {
  override readonly name = 'TooLong';
}

export class HttpClient {
  readonly #server: Server;
  readonly #agent: HttpAgent;

  constructor(server: Server) {
    this.#server = server;
    const options = { keepAlive: true, maxSockets: 1 };
    this.#agent =
      server.url.protocol === 'https:'
        ? new HttpsAgent({ ...options, rejectUnauthorized: !server.isInsecure })
        : new HttpAgent(options);
  }

  /** Resolves with the head of the answer; its body has yet to be read. Rejects as Node.js does, or with TimedOut. */
  ask({ method, path, headers, body, timeoutMs }: HttpRequest): Promise<IncomingMessage> {
    const { url } = this.#server;
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const prefix = url.pathname.replace(/\/$/, '');
    const length = body === null ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    return new Promise((resolve, reject) => {
      const options = { host, port: url.port, agent: this.#agent, method, path: prefix + path };
      const asked = send({ ...options, headers: { ...headers, ...length } });
      const timer = setTimeout(() => asked.destroy(new TimedOut()), timeoutMs);
      asked.on('response', (response) => {
        clearTimeout(timer);
        resolve(response);
      });
      asked.on('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      asked.end(body ?? undefined);
    });
  }
}

/** @throws TimedOut, TooLong, what Node.js says of a connection that ends early */
export async function readWhole(
  response: IncomingMessage,
  timeoutMs: number,
  bytesMax: number,
): Promise<string> {
  const timer = setTimeout(() => response.destroy(new TimedOut()), timeoutMs);
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw new TooLong();
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  } finally {
    clearTimeout(timer);
  }
}
