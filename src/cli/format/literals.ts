import { TemplateError } from './templateError.ts';

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

const escape = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|(.))/gs;

/** The text of a quoted string or character constant of Go. Throws TemplateError, `invalid syntax`. */
export function unquote(literal: string): string {
  const body = literal.slice(1, -1);
  if (literal.startsWith('`')) return body.replaceAll('\r', '');
  return body.replaceAll(escape, (_, hex, short, long, octal, simple) => {
    const digits: string | undefined = hex ?? short ?? long;
    if (digits !== undefined) return character(Number.parseInt(digits, 16));
    if (octal !== undefined) return character(Number.parseInt(octal, 8));
    const other = literal.startsWith('"') ? "'" : '"';
    const found = Object.hasOwn(simpleEscapes, simple) && simple !== other ? simpleEscapes[simple] : undefined;
    if (found === undefined) throw new TemplateError('invalid syntax');
    return found;
  });
}

function character(code: number): string {
  if (code > 0x10_ff_ff) throw new TemplateError('invalid syntax');
  return String.fromCodePoint(code);
}

/** The code of a character constant. Throws TemplateError. */
export function characterCode(literal: string): number {
  const text = unquote(literal);
  const code = text.codePointAt(0);
  if (code === undefined || String.fromCodePoint(code) !== text) {
    throw new TemplateError(`malformed character constant: ${literal}`);
  }
  return code;
}

/** The value of a number: bigint beyond what a JavaScript number counts exactly. Undefined when it is none. */
export function parseNumber(literal: string): number | bigint | undefined {
  const text = literal.replaceAll('_', '');
  const sign = text.startsWith('-') ? -1 : 1;
  const digits = text.replace(/^[+-]/, '');
  const legacyOctal = /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits;
  const value = Number(legacyOctal) * sign;
  if (Number.isNaN(value) || !Number.isFinite(value)) return undefined;
  if (!/^(?:\d+|0[xXbBoO].+)$/.test(legacyOctal) || Number.isSafeInteger(value)) return value;
  return BigInt(legacyOctal) * BigInt(sign);
}
