/**
 * What a request still sends when its answer is there already (a body nobody wanted, or one too long). It is read and
 * dropped, within bounds: a connection that is closed with bytes unread would take the answer with it. Main thread.
 */
import type { IncomingMessage } from 'node:http';
import type { Context, Next } from 'koa';
import { API_BODY_BYTES_MAX, API_DROPPED_BODY_BYTES_MAX, API_DROPPED_BODY_MS } from '../../limits.js';

/** Where the rest is too long, or slow, the connection ends with the answer. */
export async function dropLeftover(context: Context, next: Next): Promise<void> {
  await next();
  const { req } = context;
  if (req.complete || !hasBody(req)) return;
  if (waitsInVain(req) || !(await endsSoon(req))) context.set('Connection', 'close');
}

/** It asks whether to send its body, and will not be told to. */
export const waitsInVain = ({ headers }: IncomingMessage): boolean =>
  headers.expect !== undefined && Number(headers['content-length'] ?? 0) > API_BODY_BYTES_MAX;

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

function endsSoon(request: IncomingMessage): Promise<boolean> {
  return new Promise((resolve) => {
    let bytes = 0;
    const done = (isWhole: boolean): void => {
      clearTimeout(timer);
      request.off('data', count).off('end', whole).off('close', broken);
      resolve(isWhole);
    };
    const count = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > API_DROPPED_BODY_BYTES_MAX) done(false);
    };
    const whole = (): void => done(true);
    const broken = (): void => done(false);
    const timer = setTimeout(broken, API_DROPPED_BODY_MS);
    request.on('data', count).on('end', whole).on('close', broken).resume();
  });
}
