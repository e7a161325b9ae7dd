/** Holds answers against the API document. */
import schema from '../../src/api/engine.schema.json' with { type: 'json' };
import type { SchemaNode } from '../../src/server/decode.ts';

interface CheckedNode extends SchemaNode {
  readonly enum?: readonly unknown[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, CheckedNode>>;
}

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: CheckedNode }>> }>
  >;
}

/** Every operation of the document, as `METHOD /path`. */
export const operations: ReadonlyMap<string, Operation> = new Map(
  Object.entries(schema.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => typeof operation === 'object' && 'operationId' in operation)
      .map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation as Operation] as const),
  ),
);

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (Number.isInteger(value)) return 'integer';
  return typeof value;
}

/** What is wrong with `value`, each with its place; empty when it is right. Go writes null for empty lists and maps. */
export function mistakes(node: CheckedNode, value: unknown, place = '$'): string[] {
  if (node.$ref !== undefined) {
    const name = node.$ref.slice(node.$ref.lastIndexOf('/') + 1);
    return mistakes((schema.components.schemas as Record<string, CheckedNode>)[name] ?? {}, value, place);
  }
  if (node.allOf !== undefined) return node.allOf.flatMap((part) => mistakes(part, value, place));
  if (value === null) return node.type === 'array' || node.type === 'object' ? [] : [`${place} is null`];
  if (
    node.type !== undefined &&
    typeOf(value) !== node.type &&
    !(node.type === 'number' && typeof value === 'number')
  ) {
    return [`${place} is ${typeOf(value)}, not ${node.type}`];
  }
  if (typeof value === 'string' && node.enum !== undefined && !node.enum.includes(value)) {
    return [`${place} is ${JSON.stringify(value)}, none of ${node.enum.join(', ')}`];
  }
  if (Array.isArray(value))
    return value.flatMap((item, index) => mistakes(node.items ?? {}, item, `${place}[${index}]`));
  if (typeof value !== 'object') return [];
  return objectMistakes(node, value as Readonly<Record<string, unknown>>, place);
}

function objectMistakes(node: CheckedNode, value: Readonly<Record<string, unknown>>, place: string): string[] {
  const missing = (node.required ?? [])
    .filter((key) => !Object.hasOwn(value, key))
    .map((key) => `${place}.${key} is missing`);
  const wrong = Object.entries(value).flatMap(([key, entry]) => {
    const additional = typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined;
    const property = node.properties?.[key] ?? additional;
    return property === undefined || entry === undefined ? [] : mistakes(property, entry, `${place}.${key}`);
  });
  return [...missing, ...wrong];
}

/** Mistakes of an answer to `METHOD /path` with `status`; an operation or status that the document lacks is one. */
export function answerMistakes(operationKey: string, status: number, body: unknown): string[] {
  const response = operations.get(operationKey)?.responses[String(status)];
  if (response === undefined) return [`${operationKey} has no status ${status}`];
  const content = response.content?.['application/json'] ?? Object.values(response.content ?? {})[0];
  return content === undefined ? [] : mistakes(content.schema, body);
}
