import { GoStruct, isPlainObject, NilMap, NilSlice } from './values.ts';

const escapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

function quote(text: string, escapeHtml: boolean): string {
  const pattern = escapeHtml ? /[<>&\u2028\u2029]/g : /[\u2028\u2029]/g;
  return JSON.stringify(text.toWellFormed()).replaceAll(pattern, (character) => escapes[character] ?? character);
}

/**
 * A value as Go's encoding/json writes it: no spaces, objects in the order they came (so that what was a struct stays one), Maps
 * and rows with sorted keys.
 */
export function toJson(value: unknown, escapeHtml = false): string {
  if (typeof value === 'string') return quote(value, escapeHtml);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof NilSlice || value instanceof NilMap) return 'null';
  if (Array.isArray(value)) return `[${value.map((one) => toJson(one, escapeHtml)).join(',')}]`;
  if (value instanceof GoStruct) return structToJson(value, escapeHtml);
  if (value instanceof Map) return objectToJson(sorted([...(value as ReadonlyMap<string, unknown>)]), escapeHtml);
  if (isPlainObject(value)) return objectToJson(Object.entries(value), escapeHtml);
  return typeof value === 'function' ? 'null' : (JSON.stringify(value) ?? 'null');
}

function structToJson(struct: GoStruct, escapeHtml: boolean): string {
  if (struct.wire !== undefined) return toJson(struct.wire, escapeHtml);
  return struct.isRow ? objectToJson(sorted(struct.entries()), true) : objectToJson(struct.entries(), escapeHtml);
}

function sorted(entries: [string, unknown][]): [string, unknown][] {
  return entries.sort(([a], [b]) => (a < b ? -1 : 1));
}

function objectToJson(entries: readonly (readonly [string, unknown])[], escapeHtml: boolean): string {
  const pairs = entries.flatMap(([key, entry]) =>
    entry === undefined ? [] : [`${quote(key, escapeHtml)}:${toJson(entry, escapeHtml)}`],
  );
  return `{${pairs.join(',')}}`;
}
