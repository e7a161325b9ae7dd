/**
 * Command-line flags by POSIX and GNU habit, with the rules and error texts that users of container engines script
 * against. A flag set is one value: parsing, help, completion and docs all read it.
 *
 * Parsing has two steps. `splitArguments` says what was typed: which flag got which text, and what is left over.
 * `parseFlags` then says what was meant: every text is read by its flag, in the order typed.
 */
import { parseBytes } from './bytes.ts';
import { parseGoDuration } from './duration.ts';
import { GantryError, messageOf } from './errors.ts';

/** One flag. The key in its FlagSet is its long name. */
export interface Flag<T> {
  /** One letter, without the dash. */
  readonly short?: string;
  /** How help names the value, such as `string`; empty for a switch. */
  readonly type: string;
  readonly usage: string;
  /** The value when the flag is not given. */
  readonly initial: T;
  /** What help shows as `(default ...)`; nothing when absent. */
  readonly shownDefault?: string;
  /** The text meant when no value is attached; a flag that has one never takes the next argument. */
  readonly bare?: string;
  readonly hidden?: boolean;
  /** Why, and what to use instead; shown as a warning when the flag is given. */
  readonly deprecated?: string;
  /** The values that completion offers. */
  readonly choices?: readonly string[];
  /** Reads one occurrence; `before` is the value so far. Throws an Error whose message says what is wrong. */
  read(text: string, before: T): T;
}

export type FlagSet = Readonly<Record<string, Flag<unknown>>>;

/** The values of a flag set, by long name. */
export type FlagValues<S extends FlagSet> = {
  readonly [K in keyof S]: S[K] extends Flag<infer T> ? T : never;
};

/** What was meant. */
export interface ParsedFlags<S extends FlagSet> {
  readonly values: FlagValues<S>;
  /** The long names of the flags that were given, whatever their values. */
  readonly changed: ReadonlySet<string>;
  readonly positionals: readonly string[];
  /** One line for each deprecated flag that was given. */
  readonly warnings: readonly string[];
}

export interface ParseOptions {
  /** Leave everything from the first positional on unread: it belongs to another program. */
  readonly stopAtPositional?: boolean;
}

/** One occurrence of a flag, as typed. */
export interface TypedFlag {
  readonly name: string;
  readonly text: string;
}

/** What was typed. When `error` is set the arguments after it have not been looked at. */
export interface TypedArguments {
  readonly flags: readonly TypedFlag[];
  readonly positionals: readonly string[];
  readonly error: string | undefined;
}

/** The text of a switch that was typed without a value. */
const bareSwitch = 'true';

class ArgumentSplitter {
  readonly #set: FlagSet;
  readonly #shorts: ReadonlyMap<string, string>;
  readonly #rest: string[];
  readonly flags: TypedFlag[] = [];
  readonly positionals: string[] = [];

  constructor(set: FlagSet, args: readonly string[]) {
    this.#set = set;
    this.#shorts = new Map(Object.entries(set).flatMap(([name, flag]) => (flag.short ? [[flag.short, name]] : [])));
    this.#rest = args.toReversed();
  }

  /** Takes all arguments; returns the error that stopped it, if one did. */
  split(stopAtPositional: boolean): string | undefined {
    for (let argument = this.#rest.pop(); argument !== undefined; argument = this.#rest.pop()) {
      if (argument === '--') {
        this.#takeRest();
      } else if (argument.startsWith('--')) {
        const error = this.#long(argument);
        if (error !== undefined) return error;
      } else if (argument.startsWith('-') && argument.length > 1) {
        const error = this.#shortCluster(argument.slice(1));
        if (error !== undefined) return error;
      } else {
        this.positionals.push(argument);
        if (stopAtPositional) this.#takeRest();
      }
    }
    return undefined;
  }

  #takeRest(): void {
    this.positionals.push(...this.#rest.toReversed());
    this.#rest.length = 0;
  }

  #long(argument: string): string | undefined {
    const equals = argument.indexOf('=');
    const name = equals === -1 ? argument.slice(2) : argument.slice(2, equals);
    if (name === '' || name.startsWith('-')) return `bad flag syntax: ${argument}`;
    if (!Object.hasOwn(this.#set, name)) return `unknown flag: --${name}`;
    const text = equals === -1 ? this.#valueOf(name) : argument.slice(equals + 1);
    if (text === undefined) return `flag needs an argument: ${argument}`;
    this.flags.push({ name, text });
    return undefined;
  }

  /** `cluster` is `itv/a:/b` of `-itv/a:/b`: switches, then at most one flag that takes what is left. */
  #shortCluster(cluster: string): string | undefined {
    for (let left = cluster; left !== '';) {
      const letter = String.fromCodePoint(left.codePointAt(0) ?? 0);
      const after = left.slice(letter.length);
      const name = this.#shorts.get(letter);
      if (name === undefined) return `unknown shorthand flag: '${letter}' in -${left}`;
      const takesAfter =
        (after.startsWith('=') && after.length > 1) || (after !== '' && this.#bareOf(name) === undefined);
      const text = takesAfter ? after.replace(/^=(?=.)/s, '') : this.#valueOf(name);
      if (text === undefined) return `flag needs an argument: '${letter}' in -${left}`;
      this.flags.push({ name, text });
      left = takesAfter ? '' : after;
    }
    return undefined;
  }

  #bareOf(name: string): string | undefined {
    return this.#set[name]?.bare;
  }

  #valueOf(name: string): string | undefined {
    return this.#bareOf(name) ?? this.#rest.pop();
  }
}

/** Step one: what was typed. Never throws; what cannot be understood is told in `error`. */
export function splitArguments(set: FlagSet, args: readonly string[], options: ParseOptions = {}): TypedArguments {
  const splitter = new ArgumentSplitter(set, args);
  const error = splitter.split(options.stopAtPositional === true);
  return { flags: splitter.flags, positionals: splitter.positionals, error };
}

/** A flag as error texts name it: `-m, --memory` or `--memory`. */
export function flagTitle(name: string, flag: Flag<unknown>): string {
  return flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
}

function readFlag(name: string, flag: Flag<unknown>, text: string, before: unknown): unknown {
  try {
    return flag.read(text, before);
  } catch (error) {
    const subject = `invalid argument ${JSON.stringify(text)} for ${JSON.stringify(flagTitle(name, flag))} flag`;
    throw new GantryError('invalid', `${subject}: ${messageOf(error)}`, { cause: error });
  }
}

/** Both steps. Throws a GantryError of kind `invalid` for the first mistake, in the order typed. */
export function parseFlags<S extends FlagSet>(
  set: S,
  args: readonly string[],
  options: ParseOptions = {},
): ParsedFlags<S> {
  const typed = splitArguments(set, args, options);
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(set)) values[name] = flag.initial;
  const changed = new Set<string>();
  for (const { name, text } of typed.flags) {
    const flag = set[name];
    if (flag === undefined) continue;
    values[name] = readFlag(name, flag, text, values[name]);
    changed.add(name);
  }
  if (typed.error !== undefined) throw new GantryError('invalid', typed.error);
  const warnings = [...changed].flatMap((name) => {
    const reason = set[name]?.deprecated;
    return reason === undefined ? [] : [`Flag --${name} has been deprecated, ${reason}`];
  });
  return { values: values as FlagValues<S>, changed, positionals: typed.positionals, warnings };
}

/** What a flag's maker may override. */
export type FlagExtras<T> = Partial<
  Pick<Flag<T>, 'short' | 'type' | 'initial' | 'shownDefault' | 'hidden' | 'deprecated' | 'choices' | 'bare'>
>;

const truths = new Map([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
]);

function readBoolean(text: string): boolean {
  const value = truths.get(text);
  if (value === undefined) throw new Error(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
  return value;
}

/** A switch: `--rm`, `--rm=false`. */
export function switchFlag(usage: string, extras: FlagExtras<boolean> = {}): Flag<boolean> {
  const shown = extras.initial === true ? { shownDefault: 'true' } : {};
  return { type: '', usage, initial: false, bare: bareSwitch, ...shown, ...extras, read: readBoolean };
}

/** One text; the last one given wins. A default that is not empty is shown quoted. */
export function textFlag(usage: string, extras: FlagExtras<string> = {}): Flag<string> {
  const shown = extras.initial === undefined ? {} : { shownDefault: JSON.stringify(extras.initial) };
  return { type: 'string', usage, initial: '', ...shown, ...extras, read: (text) => text };
}

/** Texts in the order given; `check` may refuse or rewrite one. */
export function listFlag(
  usage: string,
  extras: FlagExtras<readonly string[]> & { readonly check?: (text: string) => string } = {},
): Flag<readonly string[]> {
  const { check = (text: string): string => text, ...rest } = extras;
  return { type: 'list', usage, initial: [], ...rest, read: (text, before) => [...before, check(text)] };
}

/** Texts separated by commas, and repeated. */
export function commaListFlag(usage: string, extras: FlagExtras<readonly string[]> = {}): Flag<readonly string[]> {
  return { type: 'strings', usage, initial: [], ...extras, read: (text, before) => [...before, ...text.split(',')] };
}

/** Pairs `key=value`; a key without `=` has an empty value, and the last one of a key wins. */
export function mapFlag(
  usage: string,
  extras: FlagExtras<ReadonlyMap<string, string>> & { readonly check?: (text: string) => string } = {},
): Flag<ReadonlyMap<string, string>> {
  const { check = (text: string): string => text, ...rest } = extras;
  return {
    type: 'map',
    usage,
    initial: new Map(),
    ...rest,
    read: (text, before) => {
      const pair = check(text);
      const equals = pair.indexOf('=');
      const [key, value] = equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
      return new Map(before).set(key, value);
    },
  };
}

/** How often it was given: `-vvv` is 3; `--verbose=2` sets it. */
export function countFlag(usage: string, extras: FlagExtras<number> = {}): Flag<number> {
  return {
    type: 'count',
    usage,
    initial: 0,
    bare: '+1',
    ...extras,
    read: (text, before) => (text === '+1' ? before + 1 : readInteger(text)),
  };
}

const digitsByPrefix: readonly (readonly [RegExp, number])[] = [
  [/^0[xX]((?:_?[0-9a-fA-F])+)$/, 16],
  [/^0[bB]((?:_?[01])+)$/, 2],
  [/^0[oO]?((?:_?[0-7])+)$/, 8],
  [/^((?:0|[1-9](?:_?[0-9])*))$/, 10],
];

/** The magnitude that `digits` mean, in base 10 or by their prefix (0x, 0b, 0o, 0); undefined when they mean none. */
function readMagnitude(digits: string): number | undefined {
  for (const [pattern, base] of digitsByPrefix) {
    const found = pattern.exec(digits)?.[1];
    if (found !== undefined) return Number.parseInt(found.replaceAll('_', ''), base);
  }
  return undefined;
}

function numberError(parser: string, text: string, problem: string): Error {
  return new Error(`strconv.${parser}: parsing ${JSON.stringify(text)}: ${problem}`);
}

/** A whole number in -(2^53 - 1) to 2^53 - 1, in decimal or by prefix. Throws what is wrong with it. */
export function readInteger(text: string): number {
  const [, sign = '', digits = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  const magnitude = readMagnitude(digits);
  if (magnitude === undefined) throw numberError('ParseInt', text, 'invalid syntax');
  if (magnitude > Number.MAX_SAFE_INTEGER) throw numberError('ParseInt', text, 'value out of range');
  return sign === '-' ? 0 - magnitude : magnitude;
}

function shownNumber(initial: number | undefined): { shownDefault?: string } {
  return initial === undefined || initial === 0 ? {} : { shownDefault: String(initial) };
}

/** A whole number. */
export function integerFlag(usage: string, extras: FlagExtras<number> = {}): Flag<number> {
  return { type: 'int', usage, initial: 0, ...shownNumber(extras.initial), ...extras, read: readInteger };
}

/** A whole number in 0 to `most`. */
export function unsignedFlag(usage: string, most: number, extras: FlagExtras<number> = {}): Flag<number> {
  const read = (text: string): number => {
    const value = readMagnitude(text);
    if (value === undefined) throw numberError('ParseUint', text, 'invalid syntax');
    if (value > most) throw numberError('ParseUint', text, 'value out of range');
    return value;
  };
  return { type: 'uint', usage, initial: 0, ...shownNumber(extras.initial), ...extras, read };
}

/** A value of any kind, read by `read` each time it is given; the last one wins. */
export function valueFlag<T>(
  usage: string,
  type: string,
  initial: T,
  read: (text: string, before: T) => T,
  extras: Omit<FlagExtras<T>, 'type' | 'initial'> = {},
): Flag<T> {
  return { type, usage, initial, ...extras, read };
}

/** A size with binary suffixes (`512m`, `1.5GiB`), in bytes. */
export function bytesFlag(usage: string, extras: FlagExtras<number> = {}): Flag<number> {
  return { type: 'bytes', usage, initial: 0, ...extras, read: (text) => parseBytes(text) };
}

/** A length of time (`1h30m`, `250ms`), in nanoseconds. */
export function durationFlag(usage: string, extras: FlagExtras<bigint> = {}): Flag<bigint> {
  return { type: 'duration', usage, initial: 0n, ...extras, read: (text) => parseGoDuration(text) };
}
