/** A log for code that is not ours: a name in front of each line, no more lines than others can bear. Any thread. */
import { PLUGIN_LOG_LINES_PER_SECOND } from '../limits.js';
import type { Clock } from './clock.js';
import type { LogFields } from './log.js';
import { TokenBucket } from './token-bucket.js';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof LEVELS)[number];

export type LimitedLog = Readonly<Record<Level, (message: string, fields?: LogFields) => void>>;

/** Lines above the rate are dropped, and counted in the next one that is written. */
export function limitedLog(
  name: string,
  write: (level: Level, message: string, fields: LogFields) => void,
  clock: Clock,
): LimitedLog {
  const perSecond = PLUGIN_LOG_LINES_PER_SECOND;
  const bucket = new TokenBucket(perSecond, perSecond, clock.monotonicMs());
  let dropped = 0;
  const at =
    (level: Level) =>
    (message: string, fields: LogFields = {}): void => {
      if (!bucket.trySpend(1, clock.monotonicMs())) {
        dropped++;
        return;
      }
      write(level, `${name}: ${message}`, dropped === 0 ? fields : { ...fields, linesDropped: dropped });
      dropped = 0;
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
