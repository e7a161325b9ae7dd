import { GantryError, parseDecimalBytes } from '../base/index.ts';

/** HostConfig.LogConfig. */
export interface LogConfig {
  readonly Type?: string;
  readonly Config?: Readonly<Record<string, string>> | null;
}

/** The drivers that there are. */
export const logDrivers: readonly string[] = ['json-file', 'none'];

/** What an entry's attributes are chosen from. */
export interface LogSubject {
  readonly labels: Readonly<Record<string, string>>;
  /** `NAME=value` each. */
  readonly environment: readonly string[];
}

export type LogSettings =
  | { readonly driver: 'none' }
  | {
      readonly driver: 'json-file';
      /** Undefined: never rotated. */
      readonly maxSizeBytes: number | undefined;
      readonly maxFiles: number;
      readonly compress: boolean;
      /** Names of labels and of environment variables that become attributes. */
      readonly labels: readonly string[];
      readonly environment: readonly string[];
    };

const defaultMaxSizeBytes = 10_000_000;
const defaultMaxFiles = 3;
/** Each may be open for each reader. */
const mostFiles = 1000;

const jsonFileOptions: ReadonlySet<string> = new Set(['max-size', 'max-file', 'compress', 'mode', 'labels', 'env']);
const absentOptions: ReadonlySet<string> = new Set(['max-buffer-size', 'tag', 'labels-regex', 'env-regex']);

function invalid(message: string): GantryError {
  return new GantryError('invalid', message);
}

/** Checks a container's log configuration and gives it as meant. Throws `invalid`, or `notImplemented` for what is to come. */
export function parseLogConfig(config: LogConfig | null | undefined): LogSettings {
  const driver = config?.Type === undefined || config.Type === '' ? 'json-file' : config.Type;
  if (driver === 'none') return { driver };
  if (driver !== 'json-file') throw invalid(`logger: no log driver named '${driver}' is registered`);
  return parseJsonFile(config?.Config ?? {});
}

function parseJsonFile(options: Readonly<Record<string, string>>): LogSettings {
  for (const key of Object.keys(options)) {
    if (absentOptions.has(key)) {
      throw new GantryError('notImplemented', `log opt '${key}' is not implemented for json-file log driver`);
    }
    if (!jsonFileOptions.has(key)) throw invalid(`unknown log opt '${key}' for json-file log driver`);
  }
  checkMode(options['mode']);
  const maxSizeBytes = parseMaxSize(options['max-size']);
  const maxFiles = parseMaxFiles(options['max-file']);
  const compress = parseCompress(options['compress']);
  if (compress && (maxFiles < 2 || maxSizeBytes === undefined)) {
    throw invalid('compress cannot be true when max-file is less than 2 or max-size is not set');
  }
  const labels = splitNames(options['labels']);
  return { driver: 'json-file', maxSizeBytes, maxFiles, compress, labels, environment: splitNames(options['env']) };
}

function checkMode(mode: string | undefined): void {
  if (mode === undefined || mode === '' || mode === 'blocking') return;
  if (mode === 'non-blocking') {
    throw new GantryError('notImplemented', "log opt 'mode=non-blocking' is not implemented");
  }
  throw invalid(`logger: logging mode not supported: ${mode}`);
}

function parseMaxSize(text: string | undefined): number | undefined {
  if (text === undefined) return defaultMaxSizeBytes;
  if (text === '-1') return undefined;
  const size = parseDecimalBytes(text);
  if (size <= 0) throw invalid('max-size must be a positive number');
  return size;
}

function parseMaxFiles(text: string | undefined): number {
  if (text === undefined) return defaultMaxFiles;
  if (!/^[+-]?\d{1,9}$/.test(text)) throw invalid(`invalid max-file ${JSON.stringify(text)}: expected a number`);
  const count = Number(text);
  if (count < 1) throw invalid('max-file cannot be less than 1');
  if (count > mostFiles) throw invalid(`max-file cannot be more than ${mostFiles}`);
  return count;
}

function parseCompress(text: string | undefined): boolean {
  if (text === undefined || /^(?:0|f|F|false|False|FALSE)$/.test(text)) return false;
  if (/^(?:1|t|T|true|True|TRUE)$/.test(text)) return true;
  throw invalid(`invalid compress ${JSON.stringify(text)}: expected true or false`);
}

function splitNames(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((name) => name !== '');
}

/** The attributes that the options `labels` and `env` put on each entry. */
export function logAttributes(settings: LogSettings, subject: LogSubject): Record<string, string> {
  const attributes: Record<string, string> = {};
  if (settings.driver !== 'json-file') return attributes;
  for (const name of settings.labels) {
    const value = Object.hasOwn(subject.labels, name) ? subject.labels[name] : undefined;
    if (value !== undefined) attributes[name] = value;
  }
  for (const name of settings.environment) {
    const found = subject.environment.findLast((entry) => entry.startsWith(`${name}=`));
    if (found !== undefined) attributes[name] = found.slice(name.length + 1);
  }
  return attributes;
}
