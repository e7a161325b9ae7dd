import { type Functions, type ParameterType, type TemplateFunction } from './functions.ts';
import { type Command, describeCommand, describeOperand, type Node, type Operand, type Pipe } from './nodes.ts';
import type { ParsedTemplate } from './parser.ts';
import { TemplateError } from './templateError.ts';
import { GoStruct, isInteger, mapEntries, printed, truth, typeName } from './values.ts';

export interface ExecuteOptions {
  readonly functions: Functions;
  /** A key that a map does not have is an error instead of `<no value>`. */
  readonly missingKeyIsError: boolean;
}

/** The value that a pipeline hands to its next stage as the last argument; absent in the first stage. */
type Final = { readonly value: unknown } | undefined;
type Jump = 'break' | 'continue' | undefined;

/** What an error is about. */
interface Place {
  readonly at: number;
  readonly text: string;
}

const deepestCalls = 1000;

export interface Execution {
  /** As far as it came. */
  readonly text: string;
  readonly error: TemplateError | undefined;
}

/** Executes a parsed template. Errors have Go's texts. */
export function evaluate(template: ParsedTemplate, data: unknown, options: ExecuteOptions): Execution {
  const evaluator = new Evaluator(template, options);
  try {
    evaluator.run(template.nodes, data);
    return { text: evaluator.output, error: undefined };
  } catch (error) {
    if (error instanceof TemplateError) return { text: evaluator.output, error };
    throw error;
  }
}

class Evaluator {
  output = '';
  readonly #template: ParsedTemplate;
  readonly #options: ExecuteOptions;
  #variables: { readonly name: string; value: unknown }[] = [];
  #templateName = '';
  #depth = 0;
  /** What was evaluated last: where Go places errors that have no node of their own. */
  #last: Place = { at: 0, text: '' };

  constructor(template: ParsedTemplate, options: ExecuteOptions) {
    this.#template = template;
    this.#options = options;
  }

  run(nodes: readonly Node[], data: unknown): void {
    this.#variables = [{ name: '$', value: data }];
    this.#walk(nodes, data);
  }

  #walk(nodes: readonly Node[], dot: unknown): Jump {
    for (const node of nodes) {
      const jump = this.#node(node, dot);
      if (jump !== undefined) return jump;
    }
    return undefined;
  }

  #node(node: Node, dot: unknown): Jump {
    switch (node.kind) {
      case 'text':
        this.output += node.text;
        return undefined;
      case 'action': {
        const value = this.#pipe(node.pipe, dot);
        if (node.pipe.variables.length === 0) this.output += printed(value);
        return undefined;
      }
      case 'break':
      case 'continue':
        return node.kind;
      case 'template':
        this.#call(node, dot);
        return undefined;
      default:
        return this.#scoped(() => (node.kind === 'range' ? this.#range(node, dot) : this.#choice(node, dot)));
    }
  }

  #scoped<T>(work: () => T): T {
    const { length } = this.#variables;
    const result = work();
    this.#variables.length = length;
    return result;
  }

  #choice(node: Extract<Node, { kind: 'if' | 'with' | 'range' }>, dot: unknown): Jump {
    const value = this.#pipe(node.pipe, dot);
    if (truth(value)) return this.#walk(node.list, node.kind === 'with' ? value : dot);
    return node.elseList === undefined ? undefined : this.#walk(node.elseList, dot);
  }

  #range(node: Extract<Node, { kind: 'if' | 'with' | 'range' }>, dot: unknown): Jump {
    const value = this.#pipe({ ...node.pipe, variables: [] }, dot);
    let isEmpty = true;
    for (const [key, element] of this.#items(value, node.pipe)) {
      isEmpty = false;
      if (this.#scoped(() => this.#iteration(node, key, element)) === 'break') break;
    }
    return isEmpty && node.elseList !== undefined ? this.#walk(node.elseList, dot) : undefined;
  }

  #iteration(node: Extract<Node, { kind: 'if' | 'with' | 'range' }>, key: unknown, element: unknown): Jump {
    const { variables } = node.pipe;
    const values = variables.length > 1 ? [key, element] : [element];
    for (const [index, name] of variables.entries()) this.#set(name, values[index], node.pipe.isAssignment);
    return this.#walk(node.list, element);
  }

  *#items(value: unknown, pipe: Pipe): Generator<readonly [unknown, unknown]> {
    if (value === undefined || value === null) return;
    if (Array.isArray(value)) yield* (value as unknown[]).entries();
    else if (isInteger(value)) for (let index = 0; index < value; index++) yield [index, index];
    else {
      const entries = mapEntries(value);
      if (entries === undefined)
        this.#fail({ at: pipe.at, text: pipeText(pipe) }, `range can't iterate over ${printed(value)}`);
      yield* entries ?? [];
    }
  }

  #call(node: Extract<Node, { kind: 'template' }>, dot: unknown): void {
    const place = { at: node.at, text: `{{template ${JSON.stringify(node.name)}}}` };
    const nodes = this.#template.defined.get(node.name);
    if (nodes === undefined) this.#fail(place, `template ${JSON.stringify(node.name)} not defined`);
    if (++this.#depth > deepestCalls) this.#fail(place, `exceeded maximum template depth (${deepestCalls})`);
    const data = node.pipe === undefined ? undefined : this.#pipe(node.pipe, dot);
    const outer = { variables: this.#variables, name: this.#templateName };
    this.#variables = [{ name: '$', value: data }];
    this.#templateName = node.name;
    this.#walk(nodes, data);
    this.#variables = outer.variables;
    this.#templateName = outer.name;
    this.#depth--;
  }

  #set(name: string, value: unknown, isAssignment: boolean): void {
    if (!isAssignment) {
      this.#variables.push({ name, value });
      return;
    }
    const found = this.#variables.findLast((variable) => variable.name === name);
    if (found === undefined) this.#fail(this.#last, `undefined variable: ${name}`);
    found.value = value;
  }

  #pipe(pipe: Pipe, dot: unknown): unknown {
    let final: Final;
    for (const command of pipe.commands) final = { value: this.#command(command, dot, final) };
    for (const name of pipe.variables) this.#set(name, final?.value, pipe.isAssignment);
    return final?.value;
  }

  #command(command: Command, dot: unknown, final: Final): unknown {
    const [first, ...operands] = command.operands;
    if (first.kind !== 'pipe' && first.kind !== 'chain') this.#last = placeOf(first);
    switch (first.kind) {
      case 'function':
        return this.#function(first.name, command, operands, dot, final);
      case 'field':
        return this.#chain(dot, first, first.names, { operands, dot, final, command });
      case 'variable':
        return this.#chain(this.#variable(first.name), first, first.names, { operands, dot, final, command });
      case 'chain':
        return this.#chain(this.#operand(first.operand, dot), first, first.names, { operands, dot, final, command });
      default:
        break;
    }
    if (operands.length > 0 || final !== undefined) {
      this.#fail(placeOf(first), `can't give argument to non-function ${describeOperand(first)}`);
    }
    if (first.kind === 'nil') this.#fail(placeOf(first), 'nil is not a command');
    return this.#operand(first, dot);
  }

  /** An operand's value where it stands alone, as an argument does. */
  #operand(operand: Operand, dot: unknown): unknown {
    if (operand.kind !== 'pipe' && operand.kind !== 'chain') this.#last = placeOf(operand);
    switch (operand.kind) {
      case 'dot':
        return dot;
      case 'nil':
        return null;
      case 'constant':
        return operand.value;
      case 'pipe':
        return this.#pipe(operand.pipe, dot);
      case 'function':
        return this.#function(operand.name, { at: operand.at, operands: [operand] }, [], dot, undefined);
      case 'field':
        return this.#chain(dot, operand, operand.names);
      case 'variable':
        return this.#chain(this.#variable(operand.name), operand, operand.names);
      case 'chain':
        break;
    }
    return this.#chain(this.#operand(operand.operand, dot), operand, operand.names);
  }

  #variable(name: string): unknown {
    return this.#variables.findLast((variable) => variable.name === name)?.value;
  }

  /** Follows `names` from `start`; arguments go to the last of them, if it is a method. */
  #chain(start: unknown, operand: Operand, names: readonly string[], call?: MethodCall): unknown {
    const place = operand.kind === 'chain' ? this.#last : placeOf(operand);
    const hasArguments = call !== undefined && (call.operands.length > 0 || call.final !== undefined);
    if (names.length === 0 && hasArguments) {
      this.#fail(place, `can't give argument to non-function ${place.text}`);
    }
    let value = start;
    for (const [index, name] of names.entries()) {
      value = this.#field(value, name, place, hasArguments && index === names.length - 1 ? call : undefined);
    }
    return value;
  }

  #field(receiver: unknown, name: string, place: Place, call: MethodCall | undefined): unknown {
    if (receiver === undefined) {
      if (this.#options.missingKeyIsError) this.#fail(place, `nil data; no entry for key ${JSON.stringify(name)}`);
      return undefined;
    }
    if (receiver === null) this.#fail(place, `nil pointer evaluating interface {}.${name}`);
    const member = this.#member(receiver, name, place);
    if (typeof member === 'function') return this.#method(member as Method, name, place, call);
    if (call !== undefined && receiver instanceof GoStruct && receiver.isRow) {
      return this.#method(() => member, name, place, call);
    }
    if (call !== undefined) this.#fail(place, `${name} is not a method but has arguments`);
    return member;
  }

  #member(receiver: unknown, name: string, place: Place): unknown {
    if (receiver instanceof GoStruct && receiver.has(name)) return receiver.members[name];
    const entries = receiver instanceof GoStruct ? undefined : mapEntries(receiver);
    if (entries === undefined) this.#fail(place, `can't evaluate field ${name} in type ${typeName(receiver)}`);
    const found = entries.find(([key]) => key === name);
    if (found === undefined && this.#options.missingKeyIsError && !(receiver instanceof Map)) {
      this.#fail(place, `map has no entry for key ${JSON.stringify(name)}`);
    }
    return found?.[1];
  }

  #method(method: Method, name: string, place: Place, call: MethodCall | undefined): unknown {
    const count = (call?.operands.length ?? 0) + (call?.final === undefined ? 0 : 1);
    if (count !== method.length) {
      this.#fail(place, `wrong number of args for ${name}: want ${method.length} got ${count}`);
    }
    const values = (call?.operands ?? []).map((operand) => this.#argument(operand, 'string', call?.dot));
    if (call?.final !== undefined) values.push(this.#checked(call.final.value, 'string', place));
    return this.#calling(call === undefined ? place : commandPlace(call.command), name, () => method(...values));
  }

  #function(name: string, command: Command, operands: readonly Operand[], dot: unknown, final: Final): unknown {
    const place = commandPlace(command);
    const definition = this.#options.functions[name];
    if (definition === undefined) this.#fail(place, `${JSON.stringify(name)} is not a defined function`);
    const count = operands.length + (final === undefined ? 0 : 1);
    this.#checkCount(definition, name, count, { at: command.at, text: name });
    if (name === 'and' || name === 'or') return this.#shortCircuit(name, operands, dot, final);
    const typeAt = (index: number): ParameterType => definition.parameters[index] ?? definition.rest ?? 'any';
    const values = operands.map((operand, index) => this.#argument(operand, typeAt(index), dot));
    if (final !== undefined) values.push(this.#checked(final.value, typeAt(operands.length), place));
    return this.#calling(place, name, () => definition.call(...values));
  }

  #shortCircuit(name: 'and' | 'or', operands: readonly Operand[], dot: unknown, final: Final): unknown {
    let value: unknown;
    for (const operand of operands) {
      value = this.#operand(operand, dot);
      if (truth(value) === (name === 'or')) return value;
    }
    return final === undefined ? value : final.value;
  }

  #checkCount(definition: TemplateFunction, name: string, count: number, place: Place): void {
    const least = definition.parameters.length;
    if (definition.rest === undefined ? count === least : count >= least) return;
    const want = definition.rest === undefined ? String(least) : `at least ${least}`;
    this.#fail(place, `wrong number of args for ${name}: want ${want} got ${count}`);
  }

  #argument(operand: Operand, type: ParameterType, dot: unknown): unknown {
    const place = placeOf(operand);
    if (operand.kind === 'nil' && type !== 'any') this.#fail(place, `cannot assign nil to ${goNames[type]}`);
    if (operand.kind === 'constant' && type !== 'any' && !fits(operand.value, type)) {
      this.#fail(place, `expected ${constantNames[type]}; found ${operand.text}`);
    }
    return this.#checked(this.#operand(operand, dot), type, place);
  }

  #checked(value: unknown, type: ParameterType, place: Place): unknown {
    if (type === 'any' || fits(value, type)) return value;
    if (value === undefined) this.#fail(place, `invalid value; expected ${goNames[type]}`);
    if (value === null && type === 'strings') return [];
    return this.#fail(place, `wrong type for value; expected ${goNames[type]}; got ${typeName(value)}`);
  }

  #calling(place: Place, name: string, work: () => unknown): unknown {
    try {
      return work();
    } catch (error) {
      if (error instanceof TemplateError) this.#fail(place, `error calling ${name}: ${error.message}`);
      throw error;
    }
  }

  #fail(place: Place, message: string): never {
    const before = this.#template.source.slice(0, place.at);
    const line = before.split('\n').length;
    const column = Buffer.byteLength(before.slice(before.lastIndexOf('\n') + 1));
    const name = JSON.stringify(this.#templateName);
    throw new TemplateError(
      `template: ${this.#templateName}:${line}:${column}: executing ${name} at <${place.text}>: ${message}`,
    );
  }
}

type Method = (...values: unknown[]) => unknown;

interface MethodCall {
  readonly operands: readonly Operand[];
  readonly dot: unknown;
  readonly final: Final;
  readonly command: Command;
}

const goNames = { string: 'string', int: 'int', strings: '[]string', any: 'interface {}' } as const;
const constantNames = { string: 'string', int: 'integer', strings: '[]string', any: 'interface {}' } as const;

function fits(value: unknown, type: ParameterType): boolean {
  if (type === 'string') return typeof value === 'string';
  if (type === 'int') return isInteger(value);
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function placeOf(operand: Operand): Place {
  return { at: operand.at, text: describeOperand(operand) };
}

function commandPlace(command: Command): Place {
  return { at: command.at, text: describeCommand(command) };
}

function pipeText(pipe: Pipe): string {
  return pipe.commands.map(describeCommand).join(' | ');
}
