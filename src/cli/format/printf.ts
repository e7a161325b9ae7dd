/** Go's fmt.Sprintf, as far as templates use it (https://pkg.go.dev/fmt, "Printing"). */
import { formatFloat, formatValue, GoStruct, isInteger, mapEntries, typeName } from './values.ts';

interface Flags {
  readonly minus: boolean;
  readonly plus: boolean;
  readonly sharp: boolean;
  readonly space: boolean;
  readonly zero: boolean;
  readonly width: number | undefined;
  readonly precision: number | undefined;
}

const directive = /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d*))?(.?)/gsu;
/** Wider than this is a mistake, and memory. Go refuses it, too. */
const widest = 1_000_000;

/** Formats; what does not fit is said in the text, as Go does. */
export function sprintf(format: string, values: readonly unknown[]): string {
  let next = 0;
  const star = (text: string | undefined): number | undefined => {
    if (text === undefined) return undefined;
    const size = Number(text === '*' ? values[next++] : text);
    return Number.isInteger(size) && Math.abs(size) <= widest ? size : undefined;
  };
  const text = format.replaceAll(directive, (_, flagText: string, widthText, precisionText, verb: string) => {
    const width = star(widthText);
    const precision = star(precisionText === '' ? '0' : precisionText);
    if (verb === '%') return '%';
    if (verb === '') return '%!(NOVERB)';
    if (next >= values.length) return `%!${verb}(MISSING)`;
    const has = (flag: string): boolean => flagText.includes(flag);
    const minus = has('-') || (width !== undefined && width < 0);
    const flags = { minus, plus: has('+'), sharp: has('#'), space: has(' '), zero: has('0') && !minus };
    const size = width === undefined ? undefined : Math.abs(width);
    return formatVerb(verb, values[next++], { ...flags, width: size, precision });
  });
  if (next >= values.length) return text;
  const extra = values.slice(next).map((value) => described(value));
  return `${text}%!(EXTRA ${extra.join(', ')})`;
}

function described(value: unknown): string {
  return value === undefined || value === null ? '<nil>' : `${typeName(value)}=${formatValue(value)}`;
}

function bad(verb: string, value: unknown): string {
  return `%!${verb}(${described(value)})`;
}

function pad(text: string, flags: Flags): string {
  const missing = (flags.width ?? 0) - Array.from(text).length;
  if (missing <= 0) return text;
  return flags.minus ? text + ' '.repeat(missing) : ' '.repeat(missing) + text;
}

function padNumber(text: string, flags: Flags): string {
  const missing = (flags.width ?? 0) - text.length;
  if (!flags.zero || missing <= 0) return pad(text, flags);
  const sign = /^[-+ ]/.exec(text)?.[0] ?? '';
  return sign + '0'.repeat(missing) + text.slice(sign.length);
}

function signed(text: string, flags: Flags): string {
  if (text.startsWith('-') || text.startsWith('+')) return text;
  if (flags.plus) return `+${text}`;
  return flags.space ? ` ${text}` : text;
}

function formatVerb(verb: string, value: unknown, flags: Flags): string {
  if (verb === 'T') return pad(typeName(value), flags);
  if (value === undefined || value === null) return verb === 'v' ? pad('<nil>', flags) : bad(verb, value);
  if (typeof value === 'string') return formatString(verb, value, flags);
  if (typeof value === 'boolean') return verb === 'v' || verb === 't' ? pad(String(value), flags) : bad(verb, value);
  if (isInteger(value)) return formatInteger(verb, BigInt(value), flags);
  if (typeof value === 'number') return formatNumber(verb, value, flags);
  return formatCompound(verb, value, flags);
}

function formatCompound(verb: string, value: unknown, flags: Flags): string {
  const each = (one: unknown): string => formatVerb(verb, one, flags);
  if (Array.isArray(value)) {
    if (verb === 'v' && flags.sharp) return `${typeName(value)}{${value.map(each).join(', ')}}`;
    return `[${value.map(each).join(' ')}]`;
  }
  if (value instanceof GoStruct) {
    const members = value.entries();
    const named = flags.plus && verb === 'v';
    return `{${members.map(([name, member]) => (named ? `${name}:${each(member)}` : each(member))).join(' ')}}`;
  }
  const entries = mapEntries(value);
  if (entries === undefined) return bad(verb, value);
  const pairs = entries.map(([key, entry]) => `${each(key)}:${each(entry)}`);
  return verb === 'v' && flags.sharp ? `${typeName(value)}{${pairs.join(', ')}}` : `map[${pairs.join(' ')}]`;
}

function formatString(verb: string, value: string, flags: Flags): string {
  const cut = flags.precision === undefined ? value : Array.from(value).slice(0, flags.precision).join('');
  switch (verb) {
    case 'v':
      return pad(flags.sharp ? quoteGo(cut) : cut, flags);
    case 's':
      return pad(cut, flags);
    case 'q':
      return pad(flags.sharp && !cut.includes('`') ? `\`${cut}\`` : quoteGo(cut), flags);
    case 'x':
      return pad(Buffer.from(value).toString('hex'), flags);
    case 'X':
      return pad(Buffer.from(value).toString('hex').toUpperCase(), flags);
    default:
      return bad(verb, value);
  }
}

const prefixes: Readonly<Record<string, string>> = { b: '0b', o: '0', O: '0o', x: '0x', X: '0X' };
const bases: Readonly<Record<string, number>> = { b: 2, o: 8, O: 8, d: 10, v: 10, x: 16, X: 16 };

function formatInteger(verb: string, value: bigint, flags: Flags): string {
  const base = bases[verb];
  if (base === undefined) return formatCharacter(verb, value, flags);
  const size = (value < 0n ? -value : value).toString(base);
  const digits = (verb === 'X' ? size.toUpperCase() : size).padStart(flags.precision ?? 0, '0');
  const prefix = flags.sharp || verb === 'O' ? (prefixes[verb] ?? '') : '';
  return padNumber(signed(`${value < 0n ? '-' : ''}${prefix}${digits}`, flags), flags);
}

function formatCharacter(verb: string, value: bigint, flags: Flags): string {
  const code = value >= 0n && value <= 0x10_ff_ffn ? Number(value) : 0xfffd;
  const character = String.fromCodePoint(code);
  if (verb === 'c') return pad(character, flags);
  if (verb === 'U') return pad(`U+${value.toString(16).toUpperCase().padStart(4, '0')}`, flags);
  if (verb === 'q') return pad(character === "'" ? "'\\''" : `'${quoteGo(character).slice(1, -1)}'`, flags);
  return bad(verb, value);
}

function formatNumber(verb: string, value: number, flags: Flags): string {
  const text = floatText(verb, value, flags.precision);
  return text === undefined ? bad(verb, value) : padNumber(signed(text, flags), flags);
}

function floatText(verb: string, value: number, precision: number | undefined): string | undefined {
  switch (verb) {
    case 'v':
      return formatFloat(value);
    case 'f':
    case 'F':
      return value.toFixed(Math.min(precision ?? 6, 100));
    case 'e':
      return twoDigits(value.toExponential(Math.min(precision ?? 6, 100)));
    case 'E':
      return twoDigits(value.toExponential(Math.min(precision ?? 6, 100))).toUpperCase();
    case 'g':
    case 'G': {
      const text = precision === undefined ? formatFloat(value) : shortest(value, Math.min(precision || 1, 100));
      return verb === 'G' ? text.toUpperCase() : text;
    }
    default:
      return undefined;
  }
}

/** Exponents have two digits at least. */
function twoDigits(text: string): string {
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}

function shortest(value: number, precision: number): string {
  const text = value.toExponential(precision - 1);
  const exponent = Number(text.split('e')[1]);
  const isShort = exponent >= -4 && exponent < precision;
  const full = isShort ? value.toFixed(Math.max(precision - 1 - exponent, 0)) : text;
  const [mantissa = '', power] = full.split('e');
  const trimmed = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
  return power === undefined ? trimmed : twoDigits(`${trimmed}e${power}`);
}

const quoteEscapes: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

/** A string as Go's strconv.Quote writes it. */
export function quoteGo(text: string): string {
  const quoted = text.toWellFormed().replaceAll(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (character) => {
    const simple = quoteEscapes[character];
    if (simple !== undefined) return simple;
    const hex = (character.codePointAt(0) ?? 0).toString(16);
    if (hex.length <= 2 && Number.parseInt(hex, 16) < 0x80) return `\\x${hex.padStart(2, '0')}`;
    return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
  });
  return `"${quoted}"`;
}
