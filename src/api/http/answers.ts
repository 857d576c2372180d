/** How answers and errors look on the wire. Main thread. */
import type { Context, Next } from 'koa';
import { BrokerError } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';
import { ApiError, nodeDown } from '../api-error.js';
import { RawAnswer } from '../raw-answer.js';
import { Untaken } from './untaken.js';

/** DEL is escaped as well. */
const ASCII_MAX = 0x7e;
/** Characters that an escape has more than what it stands for. */
const ESCAPE_EXTRA = 5;
const HEX = Buffer.from('0123456789abcdef');

/** Turns what a handler has left in `state.answer`, or thrown, into the answer; nobody answered: 404. */
export function shapeAnswers(logger: Logger) {
  const untaken = new Untaken();
  return async (context: Context, next: Next): Promise<void> => {
    try {
      await next();
      const answer: unknown = context.state['answer'];
      if (answer instanceof RawAnswer) sayRaw(context, answer, untaken);
      else if (answer !== undefined) sayJson(context, answer, untaken);
      else if (context.status === 404) sayNothing(context, 404);
    } catch (error) {
      if (isHttpError(error)) sayNothing(context, error.status);
      else sayError(context, asApiError(error, context, logger), untaken);
    }
  };
}

/** An error as raw-body has it: the request is too large (413), or broken off (400). */
const isHttpError = (error: unknown): error is Error & { readonly status: number } =>
  error instanceof Error && 'status' in error && (error.status === 413 || error.status === 400);

function asApiError(error: unknown, context: Context, logger: Logger): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof BrokerError && error.code === 'SHARD_UNAVAILABLE') return nodeDown();
  // A disk that is full, say: whoever asked for the change is to know why it was not made.
  const isUnstored = error instanceof BrokerError && error.code === 'DATA_DIR_FAILED';
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  logger.error(`api: a request failed: ${what}`, { id: context.state['id'] as string });
  return new ApiError(102, isUnstored ? error.message : undefined);
}

function sayError(context: Context, { code, message }: ApiError, untaken: Untaken): void {
  context.state['code'] = code;
  sayJson(context, message === '' ? { code } : { code, message }, untaken);
}

function sayJson(context: Context, value: unknown, untaken: Untaken): void {
  say(context, 'application/json', asciiJson(value), untaken);
  context.state['code'] ??= 0;
}

function sayRaw(context: Context, { type, body }: RawAnswer, untaken: Untaken): void {
  if (typeof body === 'string') {
    say(context, type, Buffer.from(body), untaken);
    return;
  }
  context.status = 200;
  context.set('Content-Type', type);
  context.body = body;
  // Koa waits for a connection to say so, which an answer behind others does not have.
  if (context.req.socket.destroyed) body.destroy();
  else context.res.once('close', () => body.destroy());
}

function say(context: Context, type: string, body: Buffer, untaken: Untaken): void {
  untaken.add(context.res, body.length);
  context.status = 200;
  context.set('Content-Type', type);
  context.body = body;
}

/** EMQ's 404, and what is closed with no word. */
function sayNothing(context: Context, status: number): void {
  context.status = status;
  context.set('Content-Type', 'text/plain');
  context.body = Buffer.alloc(0);
  if (status !== 404) context.set('Connection', 'close');
}

/** JSON in which all that is no ASCII is escaped, as EMQ does. Texts may have millions of such characters. */
export function asciiJson(value: unknown): Buffer {
  const text = JSON.stringify(value);
  let escaped = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > ASCII_MAX) escaped++;
  if (escaped === 0) return Buffer.from(text, 'latin1');
  const bytes = Buffer.allocUnsafe(text.length + escaped * ESCAPE_EXTRA);
  let end = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit <= ASCII_MAX) bytes[end++] = unit;
    else end = writeEscape(unit, bytes, end);
  }
  return bytes;
}

/** Writes `\uXXXX`. @returns where it ends */
function writeEscape(unit: number, bytes: Buffer, at: number): number {
  bytes[at] = 0x5c;
  bytes[at + 1] = 0x75;
  for (let digit = 0; digit < 4; digit++) bytes[at + 5 - digit] = HEX[(unit >>> (digit * 4)) & 15]!;
  return at + 6;
}
