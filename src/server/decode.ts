/**
 * Reads JSON bodies as Go reads them into the API's structures: keys match in any case, null is the zero value, unknown
 * keys are dropped and a value of the wrong type is refused. The structures come from the API document.
 *
 * Enumerations and ranges are not held against the document: it calls values wrong that every client sends (an empty
 * CgroupnsMode), and the engine's refusals name the choices.
 */
import schema from '../api/requests.schema.json' with { type: 'json' };
import type {
  ContainerConfig,
  ContainerCreateRequest,
  ContainerUpdateRequest,
  ExecCreateRequest,
  ExecStartRequest,
} from '../api/index.ts';
import { GantryError } from '../base/index.ts';

/** The part of OpenAPI's schema language that the document uses. */
export interface SchemaNode {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly allOf?: readonly SchemaNode[];
}

interface Field {
  readonly name: string;
  readonly shape: () => Shape;
}

type Shape =
  | { readonly kind: 'any' | 'boolean' | 'string' | 'number' | 'strings' }
  | { readonly kind: 'integer'; readonly least: number; readonly most: number }
  | { readonly kind: 'array'; readonly item: () => Shape }
  | { readonly kind: 'map'; readonly item: () => Shape }
  | { readonly kind: 'struct'; readonly fields: ReadonlyMap<string, Field> };

/** Lists that Go reads from a single string, too. */
const stringOrList = new Set(['Cmd', 'Entrypoint', 'Shell']);

const integerRanges: Readonly<Record<string, readonly [least: number, most: number]>> = {
  uint8: [0, 2 ** 8 - 1],
  uint16: [0, 2 ** 16 - 1],
  uint32: [0, 2 ** 32 - 1],
  uint64: [0, 2 ** 64],
};

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

const named = new Map<string, Shape>();

function shapeOfReference(reference: string): Shape {
  const name = reference.slice(reference.lastIndexOf('/') + 1);
  const known = named.get(name);
  if (known !== undefined) return known;
  const shape = shapeOf((schema.schemas as Record<string, SchemaNode>)[name] ?? {});
  named.set(name, shape);
  return shape;
}

function fieldsOf(node: SchemaNode): Map<string, Field> {
  const fields = new Map<string, Field>();
  for (const [name, property] of Object.entries(node.properties ?? {})) {
    const shape = once((): Shape => (stringOrList.has(name) ? { kind: 'strings' } : shapeOf(property)));
    fields.set(name.toLowerCase(), { name, shape });
  }
  return fields;
}

function mergedShape(parts: readonly Shape[]): Shape {
  const structs = parts.filter((part) => part.kind === 'struct');
  if (structs.length === 0) return parts[0] ?? { kind: 'any' };
  return { kind: 'struct', fields: new Map(structs.flatMap((part) => [...part.fields])) };
}

function shapeOf(node: SchemaNode): Shape {
  if (node.$ref !== undefined) return shapeOfReference(node.$ref);
  if (node.allOf !== undefined) return mergedShape(node.allOf.map(shapeOf));
  if (node.type === 'array') return { kind: 'array', item: once(() => shapeOf(node.items ?? {})) };
  if (node.type === 'boolean' || node.type === 'string' || node.type === 'number') return { kind: node.type };
  if (node.type === 'integer') {
    const [least, most] = integerRanges[node.format ?? ''] ?? [-(2 ** 63), 2 ** 63];
    return { kind: 'integer', least, most };
  }
  const additional = node.additionalProperties;
  if (typeof additional === 'object') return { kind: 'map', item: once(() => shapeOf(additional)) };
  if (node.type === 'object' || node.properties !== undefined) return { kind: 'struct', fields: fieldsOf(node) };
  return { kind: 'any' };
}

const zeroValues = { boolean: false, string: '', number: 0, integer: 0, any: null } as const;

/** What Go holds in the place of a null inside a list or a map. */
function zeroOf(shape: Shape): unknown {
  if (shape.kind === 'array' || shape.kind === 'strings') return [];
  if (shape.kind === 'map' || shape.kind === 'struct') return {};
  return zeroValues[shape.kind];
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function wrongType(path: string, value: unknown, wanted: string): GantryError {
  return new GantryError('invalid', `invalid JSON: ${path} is of type ${wanted}, not ${typeName(value)}`);
}

function decodeItem(shape: Shape, value: unknown, path: string): unknown {
  return value === null ? zeroOf(shape) : decodeValue(shape, value, path);
}

function decodeInteger(shape: Extract<Shape, { kind: 'integer' }>, value: unknown, path: string): number {
  if (typeof value !== 'number') throw wrongType(path, value, 'integer');
  if (!Number.isInteger(value) || value < shape.least || value > shape.most) {
    throw new GantryError(
      'invalid',
      `invalid JSON: ${path} is an integer from ${shape.least} to ${shape.most}, not ${value}`,
    );
  }
  return value;
}

function decodeObject(shape: Extract<Shape, { kind: 'map' | 'struct' }>, value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongType(path, value, 'object');
  // Object.fromEntries defines its keys, so that `__proto__` is one like any other.
  if (shape.kind === 'map') {
    const item = shape.item();
    return Object.fromEntries(
      Object.entries(value).map(([key, entry]) => [key, decodeItem(item, entry, `${path}.${key}`)]),
    );
  }
  const decoded: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(value)) {
    const field = shape.fields.get(key.toLowerCase());
    if (field === undefined || entry === null) continue;
    decoded[field.name] = decodeValue(field.shape(), entry, `${path}.${field.name}`);
  }
  return decoded;
}

function decodeValue(shape: Shape, value: unknown, path: string): unknown {
  switch (shape.kind) {
    case 'any':
      return value;
    case 'boolean':
    case 'string':
    case 'number':
      if (typeof value !== shape.kind) throw wrongType(path, value, shape.kind);
      return value;
    case 'integer':
      return decodeInteger(shape, value, path);
    case 'strings':
      if (typeof value === 'string') return [value];
      return decodeValue({ kind: 'array', item: () => ({ kind: 'string' }) }, value, path);
    case 'array': {
      if (!Array.isArray(value)) throw wrongType(path, value, 'array');
      const item = shape.item();
      return value.map((entry, index) => decodeItem(item, entry, `${path}[${index}]`));
    }
    default:
      return decodeObject(shape, value, path);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new GantryError('invalid', `invalid JSON: ${error instanceof Error ? error.message : 'unreadable'}`, {
      cause: error,
    });
  }
}

type Decoder<T> = (text: string) => T;

/** A reader of one kind of body; null is an empty one. Throws `invalid`. */
function decoderOf(name: string, node: SchemaNode): Decoder<unknown> {
  const shape = once(() => shapeOf(node));
  return (text) => decodeItem(shape(), parseJson(text), name);
}

const { ContainerCreate, ContainerUpdate, ContainerExec, ExecStart, ImageCommit } = schema.bodies;

export const decodeContainerCreate = decoderOf('ContainerConfig', ContainerCreate) as Decoder<ContainerCreateRequest>;
export const decodeContainerUpdate = decoderOf('UpdateConfig', ContainerUpdate) as Decoder<ContainerUpdateRequest>;
export const decodeCommit = decoderOf('ContainerConfig', ImageCommit) as Decoder<ContainerConfig>;
export const decodeExecCreate = decoderOf('ExecConfig', ContainerExec) as Decoder<ExecCreateRequest>;
export const decodeExecStart = decoderOf('ExecStartConfig', ExecStart) as Decoder<ExecStartRequest>;
