/** The functions of text/template and those that docker adds. */
import { toJson } from './json.ts';
import { sprintf } from './printf.ts';
import { TemplateError } from './templateError.ts';
import { formatValue, isInteger, isStringMap, mapEntries, truth, typeName } from './values.ts';

export type ParameterType = 'any' | 'string' | 'int' | 'strings';

export interface TemplateFunction {
  readonly parameters: readonly ParameterType[];
  /** Any number of values of this type may follow. */
  readonly rest?: ParameterType;
  /** Gets values of the types above; throws TemplateError. */
  call(...values: unknown[]): unknown;
}

export type Functions = Readonly<Record<string, TemplateFunction>>;

function fail(message: string): never {
  throw new TemplateError(message);
}

function isBasic(value: unknown): value is string | number | bigint | boolean {
  return ['string', 'number', 'bigint', 'boolean'].includes(typeof value);
}

function kindOf(value: unknown): string {
  return typeof value === 'bigint' ? 'number' : typeof value;
}

function isNil(value: unknown): boolean {
  return value === undefined || value === null;
}

function equal(first: unknown, ...others: unknown[]): boolean {
  if (others.length === 0) fail('missing argument for comparison');
  return others.some((other) => {
    if (isNil(first) || isNil(other)) return isNil(first) && isNil(other);
    if (!isBasic(first)) fail(`non-comparable type ${formatValue(first)}: ${typeName(first)}`);
    if (!isBasic(other)) fail(`non-comparable type ${formatValue(other)}: ${typeName(other)}`);
    if (kindOf(first) !== kindOf(other)) fail('incompatible types for comparison');
    return first === other || (typeof first !== typeof other && String(first) === String(other));
  });
}

function less(a: unknown, b: unknown): boolean {
  for (const value of [a, b]) if (!isBasic(value) || typeof value === 'boolean') fail('invalid type for comparison');
  if (kindOf(a) !== kindOf(b)) fail('incompatible types for comparison');
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(String(b))) < 0;
  return (a as number | bigint) < (b as number | bigint);
}

function position(index: unknown, length: number, inclusive: boolean): number {
  if (isNil(index)) fail('cannot index slice/array with nil');
  if (!isInteger(index)) fail(`cannot index slice/array with type ${typeName(index)}`);
  const at = Number(index);
  if (at < 0 || at > length || (at === length && !inclusive)) fail(`index out of range: ${at}`);
  return at;
}

function indexOnce(item: unknown, key: unknown): unknown {
  if (isNil(item)) fail('index of untyped nil');
  if (Array.isArray(item)) return (item as unknown[])[position(key, item.length, false)];
  if (typeof item === 'string') {
    const bytes = Buffer.from(item);
    return bytes[position(key, bytes.length, false)];
  }
  const entries = mapEntries(item);
  if (entries === undefined) fail(`can't index item of type ${typeName(item).replace(/^\*/, '')}`);
  if (typeof key !== 'string') fail(`value has type ${typeName(key)}; should be string`);
  const found = entries.find(([name]) => name === key);
  if (found !== undefined) return found[1] ?? undefined;
  return isStringMap(item) ? '' : undefined;
}

function slice(item: unknown, ...indexes: unknown[]): unknown {
  if (isNil(item)) fail('slice of untyped nil');
  if (indexes.length > 3) fail(`too many slice indexes: ${indexes.length}`);
  const source = typeof item === 'string' ? Buffer.from(item) : item;
  if (!Array.isArray(source) && !Buffer.isBuffer(source)) fail(`can't slice item of type ${typeName(item)}`);
  if (Buffer.isBuffer(source) && indexes.length === 3) fail('cannot 3-index slice a string');
  const [start = 0, end = source.length] = indexes.map((index) => position(index, source.length, true));
  if (start > end) fail(`invalid slice index: ${start} > ${end}`);
  return Buffer.isBuffer(source) ? source.subarray(start, end).toString() : source.slice(start, end);
}

function length(item: unknown): number {
  if (isNil(item)) fail('len of nil pointer');
  if (typeof item === 'string') return Buffer.byteLength(item);
  if (Array.isArray(item)) return item.length;
  const entries = mapEntries(item);
  return entries === undefined ? fail(`len of type ${typeName(item)}`) : entries.length;
}

/** Spaces between values of which neither is a string. */
function print(...values: unknown[]): string {
  let text = '';
  for (const [index, value] of values.entries()) {
    if (index > 0 && typeof value !== 'string' && typeof values[index - 1] !== 'string') text += ' ';
    text += formatValue(value);
  }
  return text;
}

/** What html, js and urlquery escape: one string as it is, else everything printed. */
function printedText(values: readonly unknown[]): string {
  return values.length === 1 && typeof values[0] === 'string' ? values[0] : print(...values);
}

const htmlEscapes: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  "'": '&#39;',
  '"': '&#34;',
  '\0': '\ufffd',
};

const jsEscapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
};

function escapeJs(text: string): string {
  return text.replaceAll(/[\\'"<>&=]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return jsEscapes[character] ?? `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`;
  });
}

function escapeQuery(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}

function truncate(text: string, size: number): string {
  const bytes = Buffer.from(text);
  if (size < 0) fail(`runtime error: slice bounds out of range [:${size}]`);
  return bytes.length < size ? text : bytes.subarray(0, size).toString();
}

function split(text: string, separator: string): string[] {
  return separator === '' ? Array.from(text) : text.split(separator);
}

function padWithSpace(text: string, before: number, after: number): string {
  if (text === '') return text;
  if (before < 0 || after < 0) fail('strings: negative Repeat count');
  return ' '.repeat(before) + text + ' '.repeat(after);
}

const text = (call: (value: string) => unknown): TemplateFunction => ({
  parameters: ['string'],
  call: (value) => call(String(value)),
});
const compare = (call: (a: unknown, b: unknown) => boolean): TemplateFunction => ({ parameters: ['any', 'any'], call });
const printing = (call: (...values: unknown[]) => string): TemplateFunction => ({ parameters: [], rest: 'any', call });

/** Functions by name. `and` and `or` are here for their arity only: they do not evaluate what they do not need. */
export const standardFunctions: Functions = {
  and: {
    parameters: ['any'],
    rest: 'any',
    call: (...values) => values.find((value) => !truth(value)) ?? values.at(-1),
  },
  or: { parameters: ['any'], rest: 'any', call: (...values) => values.find(truth) ?? values.at(-1) },
  not: { parameters: ['any'], call: (value) => !truth(value) },
  eq: { parameters: ['any'], rest: 'any', call: equal },
  ne: compare((a, b) => !equal(a, b)),
  lt: compare(less),
  le: compare((a, b) => less(a, b) || equal(a, b)),
  gt: compare((a, b) => !less(a, b) && !equal(a, b)),
  ge: compare((a, b) => !less(a, b)),
  len: { parameters: ['any'], call: length },
  index: { parameters: ['any'], rest: 'any', call: (item, ...keys) => keys.reduce(indexOnce, item) },
  slice: { parameters: ['any'], rest: 'any', call: slice },
  print: printing(print),
  println: printing((...values) => `${values.map(formatValue).join(' ')}\n`),
  printf: { parameters: ['string'], rest: 'any', call: (format, ...values) => sprintf(String(format), values) },
  html: printing((...values) => printedText(values).replaceAll(/[<>&'"\0]/g, (one) => htmlEscapes[one] ?? one)),
  js: printing((...values) => escapeJs(printedText(values))),
  urlquery: printing((...values) => escapeQuery(printedText(values))),
  json: { parameters: ['any'], call: (value) => toJson(value) },
  split: { parameters: ['string', 'string'], call: (value, by) => split(String(value), String(by)) },
  join: { parameters: ['strings', 'string'], call: (list, by) => (list as string[]).join(String(by)) },
  title: text((value) => value.replaceAll(/(?<![\p{L}\p{N}_])\p{L}/gu, (letter) => letter.toUpperCase())),
  lower: text((value) => value.toLowerCase()),
  upper: text((value) => value.toUpperCase()),
  pad: {
    parameters: ['string', 'int', 'int'],
    call: (value, before, after) => padWithSpace(String(value), Number(before), Number(after)),
  },
  truncate: { parameters: ['string', 'int'], call: (value, size) => truncate(String(value), Number(size)) },
};

/** In a table's header row these leave the titles as they are. */
export const headerFunctions: Functions = {
  ...standardFunctions,
  json: text((value) => value),
  title: text((value) => value),
  lower: text((value) => value),
  upper: text((value) => value),
  truncate: { parameters: ['string', 'int'], call: (value) => value },
  split: { parameters: ['string', 'string'], call: (value) => value },
  join: { parameters: ['string', 'string'], call: (value) => value },
};
