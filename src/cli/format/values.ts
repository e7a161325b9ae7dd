/**
 * The values that templates see, and how Go prints them. JavaScript's stand for Go's: whole numbers and bigints for int, other
 * numbers for float64, arrays for slices, plain objects and Maps for maps, `GoStruct` for structs with methods, null for a nil
 * pointer, undefined for no value at all.
 */

/** A struct: named members, of which functions are methods (called with the template's arguments). */
export class GoStruct {
  /** As error messages name it, such as `*formatter.ContainerContext`. */
  readonly typeName: string;
  readonly members: Readonly<Record<string, unknown>>;
  /** A listing's row: as JSON its keys are sorted, and `<`, `>` and `&` are escaped, as docker does for these alone. */
  readonly isRow: boolean;
  /** What it is as JSON, where that has other names than templates have. */
  readonly wire: unknown;

  constructor(
    typeName: string,
    members: Readonly<Record<string, unknown>>,
    options: { readonly isRow?: boolean; readonly wire?: unknown } = {},
  ) {
    this.typeName = typeName;
    this.members = members;
    this.isRow = options.isRow ?? false;
    this.wire = options.wire;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.members, name);
  }

  /** Names and values of the members that are no methods with arguments. */
  entries(): [string, unknown][] {
    const found: [string, unknown][] = [];
    for (const [name, member] of Object.entries(this.members)) {
      if (typeof member !== 'function') found.push([name, member]);
      else if (member.length === 0) found.push([name, (member as () => unknown)()]);
    }
    return found;
  }
}

/** A slice that is nil: empty, and null as JSON. */
export class NilSlice extends Array<never> {}

/** A map that is nil: empty, and null as JSON. */
export class NilMap extends Map<string, never> {}

export type GoMap = ReadonlyMap<string, unknown>;

/** The entries of a map in the order in which Go prints them and ranges over them; undefined when it is no map. */
export function mapEntries(value: unknown): [string, unknown][] | undefined {
  if (value instanceof Map) return [...(value as GoMap)].sort(byKey);
  return isPlainObject(value) ? Object.entries(value).sort(byKey) : undefined;
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof GoStruct) &&
    !(value instanceof Map)
  );
}

export function isInteger(value: unknown): value is number | bigint {
  return typeof value === 'bigint' || Number.isInteger(value);
}

/** Whether a map has only strings, as labels do: what is missing in such a map is an empty string for Go. */
export function isStringMap(value: unknown): boolean {
  return mapEntries(value)?.every(([, entry]) => typeof entry === 'string') === true;
}

/** Whether Go's `if` takes the branch. */
export function truth(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return false;
  if (typeof value === 'number' || typeof value === 'bigint') return value !== 0 && value !== 0n;
  if (Array.isArray(value)) return value.length > 0;
  const entries = mapEntries(value);
  return entries === undefined || entries.length > 0;
}

/** The name of a value's type in error messages. */
export function typeName(value: unknown): string {
  if (value === undefined || value === null) return '<nil>';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (isInteger(value)) return 'int';
  if (typeof value === 'number') return 'float64';
  if (typeof value === 'function') return 'func()';
  if (value instanceof GoStruct) return value.typeName;
  if (Array.isArray(value)) {
    return value.length > 0 && value.every((one) => typeof one === 'string') ? '[]string' : '[]interface {}';
  }
  const entries = mapEntries(value) ?? [];
  return entries.length > 0 && isStringMap(value) ? 'map[string]string' : 'map[string]interface {}';
}

/** A float as Go's %v prints it: the shortest digits, an exponent below 1e-4 and from 1e6. */
export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const size = Math.abs(value);
  // JavaScript turns to exponents at 1e-6 and 1e21 only, so these are never in that form.
  if (size === 0 || (size >= 1e-4 && size < 1e6)) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}

/** A value as Go's print functions print it. */
export function formatValue(value: unknown): string {
  if (value === undefined || value === null) return '<nil>';
  if (isInteger(value)) return BigInt(value).toString();
  if (typeof value === 'number') return formatFloat(value);
  if (Array.isArray(value)) return `[${value.map(formatValue).join(' ')}]`;
  if (value instanceof GoStruct)
    return `{${value
      .entries()
      .map(([, member]) => formatValue(member))
      .join(' ')}}`;
  const entries = mapEntries(value);
  if (entries !== undefined) return `map[${entries.map(([key, entry]) => `${key}:${formatValue(entry)}`).join(' ')}]`;
  return typeof value === 'string' || typeof value === 'boolean' ? String(value) : `<${typeName(value)} Value>`;
}

/** A value as an action prints it. */
export function printed(value: unknown): string {
  return value === undefined ? '<no value>' : formatValue(value);
}
