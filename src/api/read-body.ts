/** Bodies of requests: bounded, JSON whatever their type says, an object. Main thread. */
import type { IncomingMessage } from 'node:http';
import rawBody from 'raw-body';
import { API_BODY_BYTES_MAX } from '../limits.js';
import { bodyNotJson } from './api-error.js';

/** @returns no members where there is no body. @throws ApiError 109; HttpError 413, 400 as raw-body says */
export async function readJsonObject(request: IncomingMessage): Promise<Record<string, unknown>> {
  const length = request.headers['content-length'] ?? null;
  const text = await rawBody(request, { limit: API_BODY_BYTES_MAX, length, encoding: 'utf8' });
  if (text.trim() === '') return {};
  const value = parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bodyNotJson();
  return value as Record<string, unknown>;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw bodyNotJson();
  }
}
