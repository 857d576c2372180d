/** A line in the log per request, and the identifier by which it is found there. Main thread. */
import { randomUUID } from 'node:crypto';
import type { Context, Next } from 'koa';
import { normalAddress } from '../../base/access.js';
import type { Clock } from '../../base/clock.js';
import { limitedLog } from '../../base/limited-log.js';
import type { LogFields, Logger } from '../../base/log.js';
import { API_LOGGED_PATH_CHARS_MAX, API_REQUEST_ID_CHARS_MAX } from '../../limits.js';

/** Printable, and without what would need quotes somewhere. */
const SANE = new RegExp(`^[\\w.:/+=@-]{1,${API_REQUEST_ID_CHARS_MAX}}$`);

/**
 * Gives each request its `X-Request-Id` (`state.id`): the one it comes with, where that is sane. Questions are logged
 * as debug, all else as info; neither the query nor a body is. Of each kind there are so many lines in a second only:
 * reading must not hide changes, nor guessing of passwords both.
 */
export function requestLog(logger: Logger, clock: Clock) {
  const limited = (): ReturnType<typeof limitedLog> =>
    limitedLog('api', (level, message, fields) => logger[level](message, fields), clock);
  const [asked, changed, refused] = [limited(), limited(), limited()];
  return async (context: Context, next: Next): Promise<void> => {
    const startedMs = clock.monotonicMs();
    const given = context.get('X-Request-Id');
    const id = SANE.test(given) ? given : randomUUID();
    context.state['id'] = id;
    context.set('X-Request-Id', id);
    await next();
    const line = lineOf(context);
    const fields = fieldsOf(context, clock.monotonicMs() - startedMs);
    if (context.status === 401 || context.status === 403) refused.info(line, fields);
    else if (context.method === 'GET' || context.method === 'HEAD') asked.debug(line, fields);
    else changed.info(line, fields);
  };
}

const lineOf = ({ method, path }: Context): string =>
  `${method} ${path.length > API_LOGGED_PATH_CHARS_MAX ? `${path.slice(0, API_LOGGED_PATH_CHARS_MAX)}...` : path}`;

function fieldsOf({ status, state, req }: Context, ms: number): LogFields {
  return {
    status,
    code: (state['code'] as number | undefined) ?? null,
    durationMs: Math.round(ms * 10) / 10,
    user: (state['user'] as string | undefined) ?? null,
    address: normalAddress(req.socket.remoteAddress ?? ''),
    id: state['id'] as string,
  };
}
