/** HostConfig.LogConfig: what may be asked for at a container's create, and what it means when the container starts. */
import { GantryError, parseBytes } from '../base/index.ts';
import { attributeChoice, type AttributeChoice } from './attributes.ts';
import { cacheSettings, jsonFileSettings, localSettings, parseBoolean } from './fileOptions.ts';
import type { FileSettings } from './logFiles.ts';
import { checkSyslogOptions, syslogSettings, type SyslogSettings } from './syslogOptions.ts';

/** HostConfig.LogConfig. */
export interface LogConfig {
  readonly Type?: string;
  readonly Config?: Readonly<Record<string, string>> | null;
}

/** The drivers that keep or pass on what a container writes. */
export const logDrivers: readonly string[] = ['journald', 'json-file', 'local', 'syslog'];

/** What an option of `LogConfig.Config` is called and what it was set to. */
export type LogOptionValues = Readonly<Record<string, string>>;

export type DriverSettings =
  | { readonly driver: 'none' }
  | { readonly driver: 'json-file'; readonly files: FileSettings; readonly attributes: AttributeChoice }
  | { readonly driver: 'local'; readonly files: FileSettings }
  | { readonly driver: 'syslog'; readonly syslog: SyslogSettings; readonly cache: FileSettings | undefined }
  | { readonly driver: 'journald'; readonly attributes: AttributeChoice; readonly cache: FileSettings | undefined };

export type LogSettings = DriverSettings & {
  /** A template; undefined: the driver's own. */
  readonly tag: string | undefined;
  /** Undefined: the container waits for its log. Else it never does, and what does not fit is dropped. */
  readonly bufferBytes: number | undefined;
};

const defaultBufferBytes = 1 << 20;

/** Docker has these, this engine has not. */
const absentDrivers: ReadonlySet<string> = new Set(['awslogs', 'etwlogs', 'fluentd', 'gcplogs', 'gelf', 'splunk']);

/** Of every driver. */
const commonOptions: ReadonlySet<string> = new Set([
  'mode',
  'max-buffer-size',
  'cache-disabled',
  'cache-max-size',
  'cache-max-file',
  'cache-compress',
]);
const describing = ['labels', 'labels-regex', 'env', 'env-regex', 'tag'];
const driverOptions: Readonly<Record<string, ReadonlySet<string>>> = {
  'json-file': new Set(['max-size', 'max-file', 'compress', ...describing]),
  local: new Set(['max-size', 'max-file', 'compress']),
  journald: new Set(describing),
  syslog: new Set([
    ...describing,
    'syslog-address',
    'syslog-facility',
    'syslog-format',
    'syslog-tls-ca-cert',
    'syslog-tls-cert',
    'syslog-tls-key',
    'syslog-tls-skip-verify',
  ]),
};

function invalid(message: string): GantryError {
  return new GantryError('invalid', message);
}

/**
 * Refuses what cannot be right, with Docker's texts: unknown drivers and options, and values that are checked at a container's
 * create. Other values are refused by `parseLogConfig` at its start. Throws `invalid`, or `notImplemented` for Docker's drivers
 * that are not there.
 */
export function checkLogConfig(config: LogConfig | null | undefined): void {
  const driver = driverOf(config);
  if (driver === 'none') return;
  const options = config?.Config ?? {};
  bufferBytesOf(options);
  if (options['cache-disabled'] !== undefined && parseBoolean(options['cache-disabled']) === undefined) {
    throw invalid(`invalid value for option cache-disabled: ${options['cache-disabled']}`);
  }
  checkNames(driver, options);
  if (driver === 'syslog') checkSyslogOptions(options);
}

function driverOf(config: LogConfig | null | undefined): string {
  return config?.Type === undefined || config.Type === '' ? 'json-file' : config.Type;
}

function checkNames(driver: string, options: LogOptionValues): void {
  const known = Object.hasOwn(driverOptions, driver) ? driverOptions[driver] : undefined;
  if (known === undefined) throw unknownDriver(driver);
  for (const name of Object.keys(options)) {
    if (commonOptions.has(name) || known.has(name)) continue;
    throw invalid(`unknown log opt '${name}' for ${driver === 'local' ? 'log driver local' : `${driver} log driver`}`);
  }
}

function unknownDriver(driver: string): GantryError {
  if (absentDrivers.has(driver)) {
    return new GantryError('notImplemented', `the log driver '${driver}' is not implemented`, {
      hint: `There are ${logDrivers.join(', ')} and none.`,
    });
  }
  return invalid(`error looking up logging plugin ${driver}: plugin ${JSON.stringify(driver)} not found`);
}

function bufferBytesOf(options: LogOptionValues): number | undefined {
  const { mode = '', 'max-buffer-size': size } = options;
  if (!['', 'blocking', 'non-blocking'].includes(mode)) throw invalid(`logger: logging mode not supported: ${mode}`);
  if (mode !== 'non-blocking') {
    if (size === undefined) return undefined;
    throw invalid("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  }
  if (size === undefined) return defaultBufferBytes;
  try {
    return parseBytes(size);
  } catch (cause) {
    throw new GantryError('invalid', `error parsing option max-buffer-size: invalid size: '${size}'`, { cause });
  }
}

/** A container's log configuration as meant. Throws an error with Docker's text for a value that is wrong. */
export function parseLogConfig(config: LogConfig | null | undefined): LogSettings {
  checkLogConfig(config);
  const options = config?.Config ?? {};
  const driver = driverOf(config);
  if (driver === 'none') return { driver, tag: undefined, bufferBytes: undefined };
  return { ...driverSettings(driver, options), tag: options['tag'] || undefined, bufferBytes: bufferBytesOf(options) };
}

function driverSettings(driver: string, options: LogOptionValues): DriverSettings {
  switch (driver) {
    case 'local':
      return { driver, files: localSettings(options) };
    case 'syslog':
      return { driver, syslog: syslogSettings(options), cache: cacheSettings(options) };
    case 'journald':
      return { driver, attributes: attributeChoice(options), cache: cacheSettings(options) };
    default:
      return { driver: 'json-file', files: jsonFileSettings(options), attributes: attributeChoice(options) };
  }
}
