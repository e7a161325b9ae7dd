/** The query of a request, read the way Docker's clients write it. All functions throw `invalid` for what they cannot read. */
import { GantryError, parseTimestamp } from '../base/index.ts';
import type { Filters } from './backends.ts';

const falseWords = new Set(['', '0', 'no', 'false', 'none']);

/** Absent, empty, `0`, `no`, `false` and `none` are false, in any case; everything else is true. */
export function booleanOf(query: URLSearchParams, key: string): boolean {
  return !falseWords.has((query.get(key) ?? '').trim().toLowerCase());
}

/** Text; an empty value counts as not given. */
export function textOf(query: URLSearchParams, key: string): string | undefined {
  return query.get(key) || undefined;
}

/** A decimal integer with an optional sign; an empty value counts as not given. */
export function integerOf(query: URLSearchParams, key: string): number | undefined {
  const text = query.get(key);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (!/^[-+]?\d{1,16}$/.test(text) || !Number.isSafeInteger(value)) {
    throw new GantryError('invalid', `invalid ${key}: ${JSON.stringify(text)} is not an integer`);
  }
  return value;
}

/** Height and width of a terminal, both required, as a resize has them. */
export function terminalSizeOf(query: URLSearchParams): { height: number; width: number } {
  const height = integerOf(query, 'h');
  const width = integerOf(query, 'w');
  for (const [key, value] of [
    ['h', height],
    ['w', width],
  ] as const) {
    if (value === undefined || value < 0 || value > 65_535) {
      throw new GantryError('invalid', `invalid resize ${key}: ${JSON.stringify(query.get(key) ?? '')}`);
    }
  }
  return { height: height ?? 0, width: width ?? 0 };
}

/** A moment in nanoseconds since the epoch; absent, empty and `0` count as not given. */
export function momentOf(query: URLSearchParams, key: string): bigint | undefined {
  const text = query.get(key);
  if (text === null || text === '' || text === '0') return undefined;
  return parseTimestamp(text);
}

/** `tail` of a log: a number of lines; `all`, a negative number and what is no number mean all of them. */
export function tailOf(query: URLSearchParams): number | undefined {
  const text = query.get('tail') ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function filterValues(key: string, value: unknown): ReadonlySet<string> {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return new Set(value);
  const isSet = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isSet && Object.values(value).every((item) => typeof item === 'boolean')) return new Set(Object.keys(value));
  throw new GantryError('invalid', `invalid filter '${key}': expected a list or a set of values`);
}

/** `filters`: a JSON map of sets (`{"a":{"b":true}}`) as Go clients send it, or of lists (`{"a":["b"]}`) as others do. */
export function filtersOf(query: URLSearchParams): Filters {
  const text = query.get('filters');
  if (text === null || text === '') return new Map();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new GantryError('invalid', 'invalid filter: not JSON', { cause: error });
  }
  if (parsed === null) return new Map();
  if (typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw new GantryError('invalid', 'invalid filter: expected a JSON object');
  }
  return new Map(Object.entries(parsed).map(([key, value]) => [key, filterValues(key, value)]));
}
