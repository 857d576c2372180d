/** What the log says of a failure: a log line is one line. Main thread. */
import { messageOf } from '../base/errors.js';

export function describe(error: unknown): string {
  return firstLine(messageOf(error));
}

export function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
