/** Commands that ask a broker, as a user types them, and something that answers like a broker. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import { CliProcess, type Ended } from './run-cli.js';

/** Types a command; the words are divided by blanks. */
export type Type = (line: string | readonly string[], env?: NodeJS.ProcessEnv) => Promise<Ended>;

/** @returns how to ask the API on this port of the loopback, as `admin` with the first password. */
export function typing(port: number): Type {
  return (line, env = {}) => {
    const words = typeof line === 'string' ? line.split(' ') : line;
    return new CliProcess(words, { ...accessTo(port), ...env }).ended();
  };
}

export const accessTo = (port: number): Record<string, string> => ({
  SHARDMQ_API_URL: `http://127.0.0.1:${port}`,
  SHARDMQ_API_PASSWORD: 'public',
});

export interface Stub {
  readonly port: number;
  /** `METHOD path` of each, with its body behind it where there is one. */
  readonly requests: string[];
}

/** A status, a whole text; undefined: it never answers. */
export type StubAnswer =
  | { readonly status?: number; readonly type?: string; readonly text: string }
  | undefined;

/** Answers every request as it is told, until the test ends. */
export async function stubApi(
  t: ExecutionContext,
  answer: (what: string, request: IncomingMessage) => StubAnswer,
): Promise<Stub> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const what = `${request.method} ${request.url}`;
      requests.push([what, Buffer.concat(chunks).toString()].join(' ').trim());
      const said = answer(what, request);
      if (said === undefined) return;
      response.writeHead(said.status ?? 200, { 'Content-Type': said.type ?? 'application/json' });
      response.end(said.text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, requests };
}

/** An answer with code 0. */
export const says = (result: unknown): StubAnswer => ({ text: JSON.stringify({ code: 0, result }) });
