/** The options of the drivers that keep files. All functions throw an error with Docker's text for what they cannot read. */
import { messageOf, parseDecimalBytes } from '../base/index.ts';
import type { FileSettings } from './logFiles.ts';

type Options = Readonly<Record<string, string>>;

const jsonFileDefaults = { maxSizeBytes: 10_000_000, maxFiles: 3 };
const localDefaults: FileSettings = { maxSizeBytes: 20 * 1024 * 1024, maxFiles: 5, compress: true };
/** Each may be open for each reader. */
const mostFiles = 1000;

/** The driver json-file: rotated at 10 MB, three files, unless the options say otherwise; `max-size=-1` is never. */
export function jsonFileSettings(options: Options): FileSettings {
  const maxSizeBytes = jsonFileSize(options['max-size']);
  const maxFiles = wholeNumber(options['max-file']) ?? jsonFileDefaults.maxFiles;
  if (maxFiles < 1) throw new Error('max-file cannot be less than 1');
  refuseTooMany(maxFiles);
  const compress = strictBoolean(options['compress']) ?? false;
  if (compress && (maxFiles < 2 || maxSizeBytes === undefined)) {
    throw new Error('compress cannot be true when max-file is less than 2 or max-size is not set');
  }
  return { maxSizeBytes, maxFiles, compress };
}

function jsonFileSize(text: string | undefined): number | undefined {
  if (text === undefined) return jsonFileDefaults.maxSizeBytes;
  if (text === '-1') return undefined;
  const sizeBytes = parseDecimalBytes(text);
  if (sizeBytes <= 0) throw new Error('max-size must be a positive number');
  return sizeBytes;
}

/** The driver local: 20 MiB, five files, compressed. A size of 0 is never rotated. */
export function localSettings(options: Options): FileSettings {
  return compactSettings(options, '');
}

/** The copy that readers get of a log that a driver only passes on; undefined when it is not wanted. */
export function cacheSettings(options: Options): FileSettings | undefined {
  const disabled = options['cache-disabled'];
  return disabled !== undefined && parseBoolean(disabled) === true ? undefined : compactSettings(options, 'cache-');
}

function compactSettings(options: Options, prefix: string): FileSettings {
  const maxSizeBytes = compactSize(`${prefix}max-size`, options[`${prefix}max-size`]);
  const maxFiles = prefixed(`invalid value for ${prefix}max-file`, () => wholeNumber(options[`${prefix}max-file`]));
  const compress = prefixed(`error reading ${prefix}compress log option`, () =>
    strictBoolean(options[`${prefix}compress`]),
  );
  const settings = {
    maxSizeBytes,
    maxFiles: maxFiles ?? localDefaults.maxFiles,
    compress: compress ?? localDefaults.compress,
  };
  if (settings.compress && settings.maxFiles <= 1) {
    throw new Error('compression cannot be enabled when max file count is 1');
  }
  if (settings.maxFiles < 1) throw new Error('max file count cannot be less than 1');
  refuseTooMany(settings.maxFiles);
  return settings;
}

function compactSize(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return localDefaults.maxSizeBytes;
  const sizeBytes = prefixed(`invalid value for ${name}: ${text}`, () => parseDecimalBytes(text));
  return sizeBytes === 0 ? undefined : sizeBytes;
}

function refuseTooMany(maxFiles: number): void {
  if (maxFiles > mostFiles) throw new Error(`max-file cannot be more than ${mostFiles}`);
}

function prefixed<T>(prefix: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new Error(`${prefix}: ${messageOf(cause)}`, { cause });
  }
}

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[+-]?\d{1,15}$/.test(text)) {
    throw new Error(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Number(text);
}

function strictBoolean(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  const value = parseBoolean(text);
  if (value === undefined) throw new Error(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
  return value;
}

/** A boolean as Go's tools spell it; undefined when it is none. */
export function parseBoolean(text: string): boolean | undefined {
  if (/^(?:1|t|T|true|True|TRUE)$/.test(text)) return true;
  return /^(?:0|f|F|false|False|FALSE)$/.test(text) ? false : undefined;
}
