/** `shardmq trace`: events as the broker tells of them, until it stops. Main thread. */
import { CLI_TRACE_SECONDS, TRACE_DURATION_S_MAX } from '../../../limits.js';
import { rowOf } from '../answers.js';
import { CliError } from '../cli-error.js';
import { type Context, type Handlers, remark, wholeOption } from '../context.js';
import { displayText } from '../display-text.js';
import type { Row } from '../table.js';

const ENDS: Readonly<Record<string, string>> = {
  time: 'the time is over',
  lines: 'there may be no more lines',
};

async function trace(context: Context, subject: 'client' | 'topic'): Promise<void> {
  const { words, options, api, out } = context;
  const duration = wholeOption(options, '--duration', 1, TRACE_DURATION_S_MAX) ?? CLI_TRACE_SECONDS;
  for await (const line of api.stream('trace', { [subject]: words[0]!, duration }, duration * 1000)) {
    if (line === '') continue;
    const event = rowOf(JSON.parse(line));
    if (out.isJson) await out.json([event]);
    else if (event['event'] === 'started') {
      remark(`watching ${subject} ${displayText(words[0]!)} for ${duration} s; Ctrl-C ends it`);
    } else if (event['event'] !== 'ended') await out.lines([readable(event)]);
    if (event['event'] === 'ended') return ended(event);
  }
  throw new CliError('the broker has ended the trace without a word; is it stopping?');
}

/** @throws CliError where it is not as it should be */
function ended({ reason, lines, missed }: Row): void {
  const end = ENDS[String(reason)];
  if (end === undefined) throw new CliError(`the trace has ended early: ${displayText(reason)}`);
  remark(
    `${end}: ${displayText(lines)} events${missed === 0 ? '' : `, and ${displayText(missed)} too many to be told`}`,
  );
}

/** The first values as they are, the others with their names. */
function readable({ at, event, client_id: client, topic, ...rest }: Row): string {
  const known = [at, event, client, topic].filter((value) => value != null);
  const others = Object.entries(rest).filter(([, value]) => value !== null);
  return [...known.map(displayText), ...others.map(([name, value]) => `${name}=${displayText(value)}`)].join(
    '  ',
  );
}

export const handlers: Handlers = {
  client: (context) => trace(context, 'client'),
  topic: (context) => trace(context, 'topic'),
};
