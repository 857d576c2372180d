/** Answers that slow readers leave in memory. */
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import test from 'ava';
import { ApiError } from '../../src/api/api-error.js';
import { Untaken } from '../../src/api/http/untaken.js';
import { API_SHORT_ANSWER_BYTES, API_UNTAKEN_BYTES_MAX } from '../../src/limits.js';

const LARGE = API_UNTAKEN_BYTES_MAX / 2;

const response = (destroyed = false): ServerResponse =>
  Object.assign(new EventEmitter(), { req: { socket: { destroyed } } }) as unknown as ServerResponse;

test('answers that nobody takes fill the memory so far only; then long ones are refused, and short ones given', (t) => {
  const untaken = new Untaken();
  const first = response();
  untaken.add(first, LARGE);
  untaken.add(response(), LARGE);
  const refused = t.throws(() => untaken.add(response(), API_SHORT_ANSWER_BYTES + 1), {
    instanceOf: ApiError,
  });
  t.is(refused.code, 102);
  t.notThrows(() => untaken.add(response(), API_SHORT_ANSWER_BYTES));
  first.emit('close');
  t.notThrows(() => untaken.add(response(), LARGE - API_SHORT_ANSWER_BYTES));
});

test('an answer of any length may be alone, and one whose reader has gone does not count', (t) => {
  const untaken = new Untaken();
  untaken.add(response(true), API_UNTAKEN_BYTES_MAX);
  t.notThrows(() => untaken.add(response(), 2 * API_UNTAKEN_BYTES_MAX));
  t.throws(() => untaken.add(response(), LARGE), { instanceOf: ApiError });
});
