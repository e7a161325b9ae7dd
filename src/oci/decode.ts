import { GantryError, messageOf } from '../base/index.ts';
import { isDigest } from './digest.ts';
import type { Digest } from './digest.ts';

/**
 * Turns a JSON value of unknown shape into a typed one or throws `invalid`; `at` is the value's path, for the error's text.
 * Fields that a shape does not name are dropped.
 */
export type Decoder<T> = (value: unknown, at: string) => T;

type Decoded<Shape> = { readonly [Key in keyof Shape]: Shape[Key] extends Decoder<infer T> ? T : never };

const depthMax = 32;

/** Throws `invalid`: what stands at `at` is not what was wanted. */
export function refuse(at: string, wanted: string): never {
  throw new GantryError('invalid', `${at === '' ? 'the document' : at}: want ${wanted}`);
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A string of at most `lengthMax` UTF-16 units. */
export function string(lengthMax = 64 * 1024): Decoder<string> {
  return (value, at) =>
    typeof value === 'string' && value.length <= lengthMax
      ? value
      : refuse(at, `a string of at most ${lengthMax} characters`);
}

export const boolean: Decoder<boolean> = (value, at) => (typeof value === 'boolean' ? value : refuse(at, 'a boolean'));

/** A whole number from `least` on that JavaScript holds exactly. */
export function integer(least = Number.MIN_SAFE_INTEGER): Decoder<number> {
  return (value, at) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= least
      ? value
      : refuse(at, `a whole number${least === 0 ? ' of at least 0' : ''}`);
}

export const digest: Decoder<Digest> = (value, at) =>
  typeof value === 'string' && isDigest(value) ? value : refuse(at, 'a digest, sha256: and 64 hex digits');

/** Exactly `wanted`. */
export function literal<const T extends string | number>(wanted: T): Decoder<T> {
  return (value, at) => (value === wanted ? wanted : refuse(at, JSON.stringify(wanted)));
}

export function array<T>(item: Decoder<T>, countMax: number): Decoder<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) return refuse(at, 'an array');
    if (value.length > countMax) return refuse(at, `at most ${countMax} items`);
    return value.map((each, index) => item(each, `${at}[${index}]`));
  };
}

/** An object with free keys. */
export function record<T>(item: Decoder<T>, countMax = 10_000): Decoder<Readonly<Record<string, T>>> {
  return (value, at) => {
    if (!isPlainObject(value)) return refuse(at, 'an object');
    const entries = Object.entries(value);
    if (entries.length > countMax) return refuse(at, `at most ${countMax} keys`);
    return Object.fromEntries(entries.map(([key, each]) => [key, item(each, `${at}[${JSON.stringify(key)}]`)]));
  };
}

/** An object with the fields of `shape`; a field that decodes to undefined is left out. */
export function object<Shape extends Readonly<Record<string, Decoder<unknown>>>>(
  shape: Shape,
): Decoder<Decoded<Shape>> {
  return (value, at) => {
    if (!isPlainObject(value)) return refuse(at, 'an object');
    const fields = Object.entries(shape).flatMap(([key, decode]) => {
      const given = Object.hasOwn(value, key) ? value[key] : undefined;
      const decoded = decode(given, at === '' ? key : `${at}.${key}`);
      return decoded === undefined ? [] : [[key, decoded] as const];
    });
    return Object.fromEntries(fields) as Decoded<Shape>;
  };
}

/** A field that may be missing; null counts as missing. */
export function optional<T>(decode: Decoder<T>): Decoder<T | undefined> {
  return (value, at) => (value === undefined || value === null ? undefined : decode(value, at));
}

function checkDepth(value: unknown, left: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (left === 0) refuse('', `at most ${depthMax} levels of nesting`);
  for (const each of Object.values(value)) checkDepth(each, left - 1);
}

/** The JSON document in `bytes`: at most `limitBytes` long and 32 levels deep. `what` names it in errors. */
export function parseJson(bytes: Uint8Array, what: string, limitBytes: number): unknown {
  if (bytes.length > limitBytes)
    throw new GantryError('invalid', `invalid ${what}: ${bytes.length} bytes are more than the limit of ${limitBytes}`);
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
    checkDepth(value, depthMax);
    return value;
  } catch (error) {
    throw invalidDocument(what, error);
  }
}

/** Decodes a document, with `what` in front of the error's text. */
export function decodeDocument<T>(decode: Decoder<T>, value: unknown, what: string): T {
  try {
    return decode(value, '');
  } catch (error) {
    throw invalidDocument(what, error);
  }
}

function invalidDocument(what: string, cause: unknown): GantryError {
  return new GantryError('invalid', `invalid ${what}: ${messageOf(cause)}`, { cause });
}
