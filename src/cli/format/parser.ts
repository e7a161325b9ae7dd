import { lex, type Token, type TokenKind } from './lexer.ts';
import { characterCode, parseNumber, unquote } from './literals.ts';
import type { Branch, Command, Node, Operand, Pipe } from './nodes.ts';
import { TemplateError } from './templateError.ts';

export interface ParsedTemplate {
  readonly source: string;
  readonly nodes: readonly Node[];
  /** Templates made by define and block. */
  readonly defined: ReadonlyMap<string, readonly Node[]>;
}

/** What ended a list of nodes, besides `end`. */
interface ListEnd {
  readonly nodes: readonly Node[];
  readonly keyword: 'end' | 'else';
  readonly token: Token;
}

/** Deeper nesting is refused: nobody writes it, and each level takes stack. */
const deepest = 200;

/** Parses a template. `isFunction` says which names are functions. Throws TemplateError with Go's texts. */
export function parse(source: string, isFunction: (name: string) => boolean): ParsedTemplate {
  return new Parser(source, isFunction).run();
}

class Parser {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  readonly #isFunction: (name: string) => boolean;
  readonly #defined = new Map<string, readonly Node[]>();
  #index = 0;
  #variables: string[] = ['$'];
  #rangeDepth = 0;
  #depth = 0;

  constructor(source: string, isFunction: (name: string) => boolean) {
    this.#source = source;
    this.#tokens = lex(source);
    this.#isFunction = isFunction;
  }

  run(): ParsedTemplate {
    const nodes: Node[] = [];
    while (this.#peek().kind !== 'end') {
      const found = this.#textOrAction();
      if (found === undefined) continue;
      if ('keyword' in found) this.#fail(`unexpected {{${found.keyword}}}`, found.token);
      nodes.push(found);
    }
    return { source: this.#source, nodes, defined: this.#defined };
  }

  /** A node, the end of a list, or nothing (a definition). */
  #textOrAction(): Node | ListEnd | undefined {
    const token = this.#next();
    if (token.kind === 'text') return { kind: 'text', at: token.at, text: token.text };
    if (token.kind !== 'open') this.#unexpected(token, 'input');
    const first = this.#nextVisible();
    if (first.kind !== 'keyword') {
      this.#index--;
      return this.#action();
    }
    switch (first.text) {
      case 'if':
      case 'with':
      case 'range':
        return this.#branch(first.text, first);
      case 'define':
        return this.#define();
      case 'block':
        return this.#block(first);
      case 'template':
        return this.#template();
      case 'break':
      case 'continue':
        return this.#loopControl(first.text, first);
      case 'end':
        this.#expectClose('end');
        return { nodes: [], keyword: 'end', token: first };
      default:
        return { nodes: [], keyword: 'else', token: first };
    }
  }

  #action(): Node {
    const { at } = this.#peek();
    const pipe = this.#pipe('command', 'close');
    return { kind: 'action', at, pipe };
  }

  /** Nodes up to `{{end}}` or `{{else`. */
  #list(what: string): ListEnd {
    const nodes: Node[] = [];
    if (++this.#depth > deepest) this.#fail('max template nesting exceeded', this.#peek());
    while (this.#peek().kind !== 'end') {
      const found = this.#textOrAction();
      if (found === undefined) continue;
      if ('keyword' in found) {
        this.#depth--;
        return { ...found, nodes };
      }
      nodes.push(found);
    }
    return this.#unexpected(this.#peek(), what);
  }

  #branch(kind: Branch['kind'], token: Token): Branch {
    const scope = this.#variables.length;
    const pipe = this.#pipe(kind, 'close');
    if (kind === 'range') this.#rangeDepth++;
    const body = this.#list('input');
    if (kind === 'range') this.#rangeDepth--;
    const elseList = body.keyword === 'else' ? this.#else(kind) : undefined;
    this.#variables.length = scope;
    return { kind, at: token.at, pipe, list: body.nodes, elseList };
  }

  #else(kind: Branch['kind']): readonly Node[] {
    const next = this.#nextVisible();
    if (next.kind === 'keyword' && next.text === kind && kind !== 'range') {
      if (++this.#depth > deepest) this.#fail('max template nesting exceeded', next);
      const nested = [this.#branch(kind, next)];
      this.#depth--;
      return nested;
    }
    if (next.kind !== 'close') this.#unexpected(next, 'else');
    const rest = this.#list('input');
    if (rest.keyword === 'else') this.#fail('expected end; found {{else}}', rest.token);
    return rest.nodes;
  }

  #define(): undefined {
    const name = this.#quotedName('define clause');
    this.#expectClose('define clause');
    this.#defined.set(name, this.#definition());
  }

  #block(token: Token): Node {
    const name = this.#quotedName('block clause');
    const pipe = this.#pipe('block clause', 'close');
    this.#defined.set(name, this.#definition());
    return { kind: 'template', at: token.at, name, pipe };
  }

  /** A body with variables and loops of its own. */
  #definition(): readonly Node[] {
    const outer = { variables: this.#variables, rangeDepth: this.#rangeDepth };
    this.#variables = ['$'];
    this.#rangeDepth = 0;
    const body = this.#list('input');
    if (body.keyword === 'else') this.#fail('unexpected {{else}} in define clause', body.token);
    this.#variables = outer.variables;
    this.#rangeDepth = outer.rangeDepth;
    return body.nodes;
  }

  #template(): Node {
    const { at } = this.#peekVisible();
    const name = this.#quotedName('template clause');
    if (this.#nextVisible().kind === 'close') return { kind: 'template', at, name, pipe: undefined };
    this.#index--;
    return { kind: 'template', at, name, pipe: this.#pipe('template clause', 'close') };
  }

  #loopControl(kind: 'break' | 'continue', token: Token): Node {
    const next = this.#nextVisible();
    if (next.kind !== 'close') this.#unexpected(next, `{{${kind}}}`);
    if (this.#rangeDepth === 0) this.#fail(`{{${kind}}} outside {{range}}`, token);
    return { kind, at: token.at };
  }

  #quotedName(context: string): string {
    const token = this.#nextVisible();
    if (token.kind !== 'string' && token.kind !== 'rawString') this.#unexpected(token, context);
    return this.#unquote(token);
  }

  #expectClose(context: string): void {
    const token = this.#nextVisible();
    if (token.kind !== 'close') this.#unexpected(token, context);
  }

  #pipe(context: string, end: TokenKind): Pipe {
    const start = this.#peekVisible();
    const { variables, isAssignment } = this.#declarations(context);
    const commands: Command[] = [];
    for (;;) {
      const token = this.#nextVisible();
      if (token.kind === end) {
        const [first, ...rest] = commands;
        if (first === undefined) this.#fail(`missing value for ${context}`, token);
        this.#checkPipeline([first, ...rest], context);
        return { at: start.at, variables, isAssignment, commands: [first, ...rest] };
      }
      if (!startsOperand.has(token.kind)) this.#unexpected(token, context);
      this.#index--;
      commands.push(this.#command());
    }
  }

  /** Constants cannot receive a value: only the first stage of a pipeline may be one. */
  #checkPipeline(commands: readonly Command[], context: string): void {
    for (const [index, command] of commands.slice(1).entries()) {
      const { kind } = command.operands[0];
      if (kind === 'constant' || kind === 'dot' || kind === 'nil') {
        throw this.#error(`non executable command in pipeline stage ${index + 2}`, command.at);
      }
    }
    if (commands.length === 0) this.#fail(`missing value for ${context}`, this.#peek());
  }

  #declarations(context: string): { variables: string[]; isAssignment: boolean } {
    const names: string[] = [];
    const start = this.#index;
    for (;;) {
      const name = this.#nextVisible();
      if (name.kind !== 'variable') break;
      names.push(name.text);
      const operator = this.#nextVisible();
      if (operator.kind === 'declare') {
        this.#variables.push(...names);
        return { variables: names, isAssignment: false };
      }
      if (operator.kind === 'assign') return { variables: names, isAssignment: true };
      if (operator.kind !== 'comma') break;
      if (context !== 'range' || names.length > 1) this.#fail(`too many declarations in ${context}`, operator);
    }
    this.#index = start;
    return { variables: [], isAssignment: false };
  }

  #command(): Command {
    const operands: Operand[] = [];
    const { at } = this.#peekVisible();
    for (;;) {
      this.#skipSpace();
      const operand = this.#operand();
      if (operand !== undefined) operands.push(operand);
      const token = this.#next();
      if (token.kind === 'space') continue;
      if (token.kind === 'close' || token.kind === 'rightParen') this.#index--;
      else if (token.kind !== 'pipe') this.#unexpected(token, 'operand');
      break;
    }
    const [first, ...rest] = operands;
    if (first === undefined) return this.#fail('empty command', this.#peek());
    return { at, operands: [first, ...rest] };
  }

  #operand(): Operand | undefined {
    const operand = this.#term();
    if (operand === undefined || this.#peek().kind !== 'field') return operand;
    const { at } = this.#peek();
    const names: string[] = [];
    while (this.#peek().kind === 'field') names.push(this.#next().text.slice(1));
    switch (operand.kind) {
      case 'field':
      case 'variable':
        return { ...operand, at, names: [...operand.names, ...names] };
      case 'constant':
      case 'nil':
      case 'dot':
        return this.#fail(
          `unexpected . after term ${JSON.stringify(this.#source.slice(operand.at, at))}`,
          this.#peek(),
        );
      default:
        return { kind: 'chain', at, operand, names };
    }
  }

  #term(): Operand | undefined {
    const token = this.#next();
    const { at, text } = token;
    switch (token.kind) {
      case 'identifier':
        if (!this.#isFunction(text)) this.#fail(`function ${JSON.stringify(text)} not defined`, token);
        return { kind: 'function', at, name: text };
      case 'dot':
        return { kind: 'dot', at };
      case 'nil':
        return { kind: 'nil', at };
      case 'variable':
        if (!this.#variables.includes(text)) this.#fail(`undefined variable ${JSON.stringify(text)}`, token);
        return { kind: 'variable', at, name: text, names: [] };
      case 'field':
        return { kind: 'field', at, names: [text.slice(1)] };
      case 'bool':
        return { kind: 'constant', at, text, value: text === 'true' };
      case 'number':
        return { kind: 'constant', at, text, value: this.#number(token) };
      case 'character':
        return { kind: 'constant', at, text, value: this.#located(token, () => characterCode(text)) };
      case 'string':
      case 'rawString':
        return { kind: 'constant', at, text, value: this.#unquote(token) };
      case 'leftParen':
        return this.#parenthesised(token);
      default:
        this.#index--;
        return undefined;
    }
  }

  #parenthesised(token: Token): Operand {
    if (++this.#depth > deepest) this.#fail('max expression depth exceeded', token);
    const pipe = this.#pipe('parenthesized pipeline', 'rightParen');
    this.#depth--;
    return { kind: 'pipe', at: token.at, pipe };
  }

  #number(token: Token): number | bigint {
    const value = parseNumber(token.text);
    return value ?? this.#fail(`illegal number syntax: ${JSON.stringify(token.text)}`, token);
  }

  #unquote(token: Token): string {
    return this.#located(token, () => unquote(token.text));
  }

  /** Gives errors about a literal their place. */
  #located<T>(token: Token, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof TemplateError) this.#fail(error.message, token);
      throw error;
    }
  }

  #peek(): Token {
    return this.#tokens[Math.min(this.#index, this.#tokens.length - 1)] ?? { kind: 'end', text: '', at: 0 };
  }

  #next(): Token {
    const token = this.#peek();
    this.#index++;
    return token;
  }

  #skipSpace(): void {
    if (this.#peek().kind === 'space') this.#index++;
  }

  #peekVisible(): Token {
    this.#skipSpace();
    return this.#peek();
  }

  #nextVisible(): Token {
    this.#skipSpace();
    return this.#next();
  }

  #unexpected(token: Token, context: string): never {
    if (token.kind === 'error') this.#fail(token.text, token);
    if (token.kind === 'end') this.#fail('unexpected EOF', token);
    const text = token.kind === 'keyword' ? `<${token.text}>` : JSON.stringify(token.text);
    return this.#fail(`unexpected ${text} in ${context}`, token);
  }

  #fail(message: string, token: Token): never {
    throw this.#error(message, token.at);
  }

  #error(message: string, at: number): TemplateError {
    const line = this.#source.slice(0, at).split('\n').length;
    return new TemplateError(`template: :${line}: ${message}`);
  }
}

const startsOperand: ReadonlySet<TokenKind> = new Set([
  'bool',
  'character',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'rawString',
  'string',
  'variable',
  'leftParen',
]);
