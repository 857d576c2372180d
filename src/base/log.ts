/**
 * The log: one line per event, JSON for machines and short text on a terminal. Main thread; shards send theirs
 * to it.
 */
import { pino } from 'pino';
import { SystemClock } from './clock.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal';
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** Where log lines go. Users of the library may pass their own. Must not throw. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  fatal(message: string, fields?: LogFields): void;
  /** `log.level` is this now. Left out: which lines are written is decided elsewhere. */
  setLevel?(level: LogLevel | 'silent'): void;
}

/** Takes the text of finished lines. */
export interface LineSink {
  write(line: string): void;
}

export interface LogOptions {
  /** The least severe level written. */
  readonly level: LogLevel | 'silent';
  /** Short lines for people; otherwise a JSON object per line. */
  readonly readable: boolean;
  readonly sink: LineSink;
}

const SEVERITY: Readonly<Record<LogLevel | 'silent', number>> = {
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
  fatal: 60,
  silent: 100,
};

const CLOCK = new SystemClock();

const nothing = (): void => undefined;

/** Drops everything: what the library uses unless told otherwise. */
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
};

/** Builds a logger over `sink`. */
export function createLogger(options: LogOptions): Logger {
  return options.readable ? readableLogger(options) : jsonLogger(options);
}

function jsonLogger({ level, sink }: LogOptions): Logger {
  const log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
  const at =
    (name: LogLevel) =>
    (message: string, fields: LogFields = {}): void =>
      log[name](fields, message);
  const setLevel = (next: LogLevel | 'silent'): void => {
    log.level = next;
  };
  return { ...loggerOf(at), setLevel };
}

function readableLogger({ level, sink }: LogOptions): Logger {
  let least = SEVERITY[level];
  const at = (name: LogLevel): Logger['info'] => {
    return (message, fields = {}) => {
      if (SEVERITY[name] >= least) sink.write(readableLine(name, message, fields, new Date(CLOCK.wallMs())));
    };
  };
  const setLevel = (next: LogLevel | 'silent'): void => {
    least = SEVERITY[next];
  };
  return { ...loggerOf(at), setLevel };
}

const loggerOf = (at: (name: LogLevel) => Logger['info']): Logger => ({
  debug: at('debug'),
  info: at('info'),
  warn: at('warn'),
  error: at('error'),
  fatal: at('fatal'),
});

// ClientIds and topics reach the log: a control character in one must not forge a line or steer a terminal.
const escapeControls = (text: string): string =>
  text.replace(/[\p{Cc}\u2028\u2029]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

const readableValue = (value: LogFields[string]): string =>
  typeof value === 'string' && !/^[\w./:@$+#,-]+$/.test(value)
    ? escapeControls(JSON.stringify(value))
    : String(value);

/** @returns `12:34:56 warn  message key=value`, ended by a newline. */
export function readableLine(level: LogLevel, message: string, fields: LogFields, at: Date): string {
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
  let line = `${time} ${level.padEnd(5)} ${escapeControls(message)}`;
  for (const [key, value] of Object.entries(fields)) line += ` ${key}=${readableValue(value)}`;
  return `${line}\n`;
}
