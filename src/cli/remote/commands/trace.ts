/** `shardmq trace`: events as the broker tells of them, until it stops. Main thread. */
import { CLI_TRACE_SECONDS, CLI_TRACE_SECONDS_MAX } from '../../../limits.js';
import { type Context, type Handlers, remark, wholeOption } from '../context.js';
import { displayText } from '../display-text.js';
import type { Row } from '../table.js';

async function trace({ words, options, api, out }: Context, subject: 'client' | 'topic'): Promise<void> {
  const duration = wholeOption(options, '--duration', 1, CLI_TRACE_SECONDS_MAX) ?? CLI_TRACE_SECONDS;
  remark(`watching ${subject} ${displayText(words[0]!)} for ${duration} s; Ctrl-C ends it`);
  for await (const line of api.stream('trace', { [subject]: words[0]!, duration })) {
    if (line !== '') await out.lines([out.isJson ? line : readable(line)]);
  }
}

/** The first values as they are, the others with their names. */
function readable(line: string): string {
  const { at, event, client_id: client, topic, ...rest } = JSON.parse(line) as Row;
  const known = [at, event, client, topic].filter((value) => value != null && value !== '');
  const others = Object.entries(rest).map(([name, value]) => `${name}=${displayText(value)}`);
  return [...known.map(displayText), ...others.map(displayText)].join('  ');
}

export const handlers: Handlers = {
  client: (context) => trace(context, 'client'),
  topic: (context) => trace(context, 'topic'),
};
