/** What the log says of a failure: a log line is one line. Main thread. */

export function describe(error: unknown): string {
  return firstLine(error instanceof Error ? error.message : String(error));
}

export function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
