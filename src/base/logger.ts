/** Severity of a line of the daemon's own log, least first. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'fatal'];

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** The daemon's own log. Fields are written as logfmt after the message; never pass a secret. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

function quoted(value: string | number | boolean): string {
  const text = String(value);
  return /[\s"=\\]/.test(text) || text === '' ? JSON.stringify(text) : text;
}

/** A logger that writes one logfmt line per event through `write`, leaving out what is below `level`. */
export function createLogger(level: LogLevel, write: (line: string) => void): Logger {
  const least = logLevels.indexOf(level);
  const at =
    (own: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (logLevels.indexOf(own) < least) return;
      const pairs = Object.entries(fields).flatMap(([key, value]) =>
        value === undefined ? [] : [` ${key}=${quoted(value)}`],
      );
      write(`time=${new Date().toISOString()} level=${own} msg=${quoted(message)}${pairs.join('')}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** A logger that keeps nothing. */
export const silentLogger: Logger = createLogger('fatal', () => {});
