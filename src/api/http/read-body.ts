/** Bodies of requests: bounded, JSON whatever their type says, an object. Main thread. */
import type { IncomingMessage } from 'node:http';
import rawBody from 'raw-body';
import { API_BODY_BYTES_MAX, API_BODY_NESTING_MAX } from '../../limits.js';
import { bodyNotJson } from '../api-error.js';

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** @returns no members where there is no body. @throws ApiError 109; HttpError 413, 400 as raw-body says */
export async function readJsonObject(request: IncomingMessage): Promise<Record<string, unknown>> {
  const length = request.headers['content-length'] ?? null;
  const bytes = await rawBody(request, { limit: API_BODY_BYTES_MAX, length });
  if (bytes.length === 0) return {};
  const value = parse(bytes);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bodyNotJson();
  if (!isWithin(value, API_BODY_NESTING_MAX)) throw bodyNotJson();
  return value as Record<string, unknown>;
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(UTF8.decode(bytes));
  } catch {
    throw bodyNotJson();
  }
}

/** Later code may go through a value by recursion. */
function isWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isWithin(inner, levels - 1));
}
