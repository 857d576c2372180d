/** `trace`: what happens to a client or to messages, while it happens. Not of EMQ. Main thread. */
import type { TraceSubject } from '../../actor/trace-protocol.js';
import { TRACE_DURATION_S_MAX, TRACE_LINES_MAX } from '../../limits.js';
import { checkTopicFilter, NO_TOPIC_LIMITS } from '../../protocol/topic.js';
import { ApiError, missingParameter, wrongParameter } from '../api-error.js';
import { endpoint } from '../endpoint.js';
import { integerText, nullable, optional, string } from '../fields.js';
import { RawAnswer } from '../raw-answer.js';
import { text } from '../schema.js';
import { TraceStream } from '../trace-stream.js';

const TYPE = 'application/x-ndjson';
const EXAMPLE = '{"at":"2026-11-23T07:37:26.000Z","event":"connected","client_id":"meter-1"}\n';

export const traceEndpoints = [
  endpoint({
    method: 'GET',
    path: 'trace',
    about:
      'Watches one client, or all messages whose topics match; a line of JSON for each event, as it happens.',
    fields: {
      client: nullable(string('ClientId; the client need not be connected yet')),
      topic: nullable(string('filter')),
      duration: optional(integerText('seconds', 1, TRACE_DURATION_S_MAX), 60),
      lines: optional(integerText('after which it ends as well', 1, TRACE_LINES_MAX), 10_000),
    },
    answer: text('lines of JSON: `at`, `event`, and what belongs to the event', EXAMPLE),
    answerType: TYPE,
    codes: [107],
    handle: async ({ broker: { traces, node }, params }) => {
      const subject = subjectOf(params.client, params.topic);
      const bounds = { durationMs: params.duration * 1000, linesMax: params.lines };
      const stream = new TraceStream(() => node.nowMs());
      const trace = await traces.start(subject, bounds, stream);
      if (trace === null) throw new ApiError(102, 'too many traces run already');
      stream.begin(trace, subject, bounds);
      return new RawAnswer(TYPE, stream);
    },
  }),
];

function subjectOf(clientId: string | null, filter: string | null): TraceSubject {
  if (clientId !== null) {
    if (filter !== null) throw wrongParameter();
    return { clientId };
  }
  if (filter === null) throw missingParameter();
  if (!checkTopicFilter(filter, NO_TOPIC_LIMITS)) throw new ApiError(102, `validate topic: ${filter} fail`);
  return { filter };
}
