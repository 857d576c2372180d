/** Asks a broker's API as curl would. */
import { request } from 'node:http';
import type { ExecutionContext } from 'ava';
import type { RunningBroker } from '../../src/broker.js';
import { NOT_KEPT, type TestBrokerOptions, withBroker } from './with-broker.js';

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as JSON; undefined where it is none. */
  readonly json: unknown;
}

export interface ApiOptions {
  /** Sent as JSON, or as it is where it is text. */
  readonly body?: unknown;
  /** `name:password`; null: none is sent. */
  readonly user?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `GET nodes/x/clients`, with a path below `/api/v2/`, or one that begins with a slash. */
export type AskApi = (what: string, options?: ApiOptions) => Promise<ApiAnswer>;

type ApiTest = (ask: AskApi, broker: RunningBroker, t: ExecutionContext) => Promise<void> | void;

/** `withBroker` with an API on a random port. */
export function withApi(options: TestBrokerOptions, body: ApiTest): (t: ExecutionContext) => Promise<void> {
  const config = { ...NOT_KEPT, 'listener.api.mgmt': '127.0.0.1:0', ...options.config };
  return withBroker({ ...options, config }, (broker, t) => body(asking(broker.apiPort), broker, t));
}

/** @returns how to ask the API that listens on this port of the loopback */
export function asking(port: number): AskApi {
  return (what, { body, user = 'admin:public', headers = {} } = {}) => {
    const [method = 'GET', target = ''] = what.split(/ (.*)/s);
    const path = target.startsWith('/') ? target : `/api/v2/${target}`;
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    // Node leaves the length of a DELETE's body out, and nobody could read it then.
    const length = text === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(text)) };
    const auth = user === null ? {} : { Authorization: `Basic ${Buffer.from(user).toString('base64')}` };
    return new Promise((resolve, reject) => {
      const asked = request(
        { host: '127.0.0.1', port, method, path, headers: { ...auth, ...length, ...headers } },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const answer = Buffer.concat(chunks).toString('utf8');
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: answer,
              json: parsed(answer),
            });
          });
        },
      );
      asked.on('error', reject);
      asked.end(text);
    });
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
