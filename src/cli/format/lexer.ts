/** Cuts a template of Go's text/template into tokens (https://pkg.go.dev/text/template, "Actions" and "Text and spaces"). */

export type TokenKind =
  | 'text'
  | 'open'
  | 'close'
  | 'space'
  | 'identifier'
  | 'keyword'
  | 'field'
  | 'variable'
  | 'dot'
  | 'nil'
  | 'bool'
  | 'number'
  | 'string'
  | 'rawString'
  | 'character'
  | 'declare'
  | 'assign'
  | 'pipe'
  | 'leftParen'
  | 'rightParen'
  | 'comma'
  | 'other'
  | 'error'
  | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** As in the source; the message of an error. */
  readonly text: string;
  /** Index into the source. */
  readonly at: number;
}

const keywords: ReadonlySet<string> = new Set('if else end range with define block template break continue'.split(' '));

const space = /[ \t\r\n]+/y;
const word = /[\p{L}_][\p{L}\p{Nd}_]*/uy;
const field = /\.[\p{L}_][\p{L}\p{Nd}_]*/uy;
const variable = /\$[\p{L}\p{Nd}_]*/uy;
const number = /[+-]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/y;
const numberStart = /[+-]?\.?\d/y;
const quoted = /"(?:[^"\\\n]|\\[^\n])*"/y;
const character = /'(?:[^'\\\n]|\\[^\n])*'/y;
const comment = /\{\{(?:-[ \t\r\n]+)?\/\*/y;
const wordCharacter = /[\p{L}\p{Nd}_]/u;

/** All tokens; the last is `end` or `error`, where the parser stops if it gets that far. */
export function lex(source: string): readonly Token[] {
  return new Lexer(source).run();
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  #parens = 0;
  /** The text that follows loses its leading white space. */
  #trimNext = false;

  constructor(source: string) {
    this.#source = source;
  }

  run(): readonly Token[] {
    while (this.#at < this.#source.length) {
      if (!this.#text() || this.#at >= this.#source.length) break;
      if (!(this.#match(comment) === undefined ? this.#action() : this.#comment())) return this.#tokens;
    }
    this.#push('end', '');
    return this.#tokens;
  }

  /** Text up to the next action; false when there is none. */
  #text(): boolean {
    const open = this.#source.indexOf('{{', this.#at);
    const end = open < 0 ? this.#source.length : open;
    let text = this.#source.slice(this.#at, end);
    let start = this.#at;
    if (this.#trimNext) {
      const trimmed = text.replace(/^[ \t\r\n]+/, '');
      start += text.length - trimmed.length;
      text = trimmed;
    }
    this.#trimNext = false;
    if (open >= 0 && this.#trimsLeft(open)) text = text.replace(/[ \t\r\n]+$/, '');
    if (text !== '') this.#tokens.push({ kind: 'text', text, at: start });
    this.#at = end;
    return open >= 0;
  }

  #trimsLeft(open: number): boolean {
    return this.#source[open + 2] === '-' && isSpace(this.#source[open + 3]);
  }

  #comment(): boolean {
    const start = this.#source.indexOf('/*', this.#at);
    const end = this.#source.indexOf('*/', start + 2);
    if (end < 0) return this.#fail('unclosed comment', start);
    this.#at = end + 2;
    if (!this.#close(false)) return this.#fail('comment ends before closing delimiter', start);
    return true;
  }

  /** The right delimiter, with or without a trim marker. */
  #close(emit: boolean): boolean {
    const closes = /(?:[ \t\r\n]-)?\}\}/y;
    const text = this.#match(closes);
    if (text === undefined) return false;
    this.#trimNext = text.length > 2;
    if (emit) this.#push('close', '}}');
    this.#at += text.length;
    return true;
  }

  #action(): boolean {
    this.#push('open', '{{');
    this.#at += this.#trimsLeft(this.#at) ? 3 : 2;
    this.#parens = 0;
    for (;;) {
      if (this.#parens === 0 && this.#close(true)) return true;
      if (this.#parens > 0 && this.#close(false)) return this.#fail('unclosed left paren');
      if (this.#at >= this.#source.length) return this.#fail('unclosed action');
      if (!this.#token()) return false;
    }
  }

  #token(): boolean {
    const next = this.#source[this.#at] ?? '';
    if (this.#take('space', space)) return true;
    switch (next) {
      case '"':
        return this.#take('string', quoted) || this.#fail('unterminated quoted string');
      case "'":
        return this.#take('character', character) || this.#fail('unterminated character constant');
      case '`':
        return this.#rawString();
      case '|':
        return this.#symbol('pipe', '|');
      case ',':
        return this.#symbol('comma', ',');
      case '=':
        return this.#symbol('assign', '=');
      case ':':
        return this.#source[this.#at + 1] === '=' ? this.#symbol('declare', ':=') : this.#fail('expected :=');
      case '(':
        this.#parens++;
        return this.#symbol('leftParen', '(');
      case ')':
        this.#parens--;
        return this.#parens < 0 ? this.#fail('unexpected right paren') : this.#symbol('rightParen', ')');
      default:
        return this.#nameOrNumber(next);
    }
  }

  #nameOrNumber(next: string): boolean {
    if (this.#match(numberStart) !== undefined) return this.#number();
    // Go looks for a digit after a dot at the very end.
    if (next === '.' && this.#at + 1 === this.#source.length) return this.#symbol('number', '.');
    if (next === '.') return this.#take('field', field) ? this.#terminated() : this.#symbol('dot', '.');
    if (next === '$') return this.#take('variable', variable) && this.#terminated();
    const name = this.#match(word);
    if (name === undefined) return this.#unknownCharacter();
    this.#push(kindOfWord(name), name);
    this.#at += name.length;
    return this.#terminated();
  }

  /** A name must be followed by something that can end it. */
  #terminated(): boolean {
    const rest = this.#source.slice(this.#at, this.#at + 2);
    if (rest === '' || /^(?:[ \t\r\n.,|:()]|\}\}|=)/.test(rest)) return true;
    return this.#fail(`bad character ${codePoint(rest)}`);
  }

  #number(): boolean {
    const start = this.#at;
    this.#take('number', number);
    const after = String.fromCodePoint(this.#source.codePointAt(this.#at) ?? 0x20);
    if (!wordCharacter.test(after)) return true;
    this.#tokens.pop();
    return this.#fail(
      `bad number syntax: ${JSON.stringify(this.#source.slice(start, this.#at + after.length))}`,
      start,
    );
  }

  #rawString(): boolean {
    const end = this.#source.indexOf('`', this.#at + 1);
    if (end < 0) return this.#fail('unterminated raw quoted string');
    this.#push('rawString', this.#source.slice(this.#at, end + 1));
    this.#at = end + 1;
    return true;
  }

  #unknownCharacter(): boolean {
    const next = this.#source[this.#at] ?? '';
    if (/[!-~]/.test(next)) return this.#symbol('other', next);
    return this.#fail(`unrecognized character in action: ${codePoint(this.#source.slice(this.#at))}`);
  }

  #symbol(kind: TokenKind, text: string): boolean {
    this.#push(kind, text);
    this.#at += text.length;
    return true;
  }

  #take(kind: TokenKind, pattern: RegExp): boolean {
    const text = this.#match(pattern);
    if (text === undefined) return false;
    this.#push(kind, text);
    this.#at += text.length;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#source)?.[0];
  }

  #push(kind: TokenKind, text: string): void {
    this.#tokens.push({ kind, text, at: this.#at });
  }

  #fail(message: string, at = this.#at): false {
    this.#tokens.push({ kind: 'error', text: message, at });
    return false;
  }
}

function isSpace(character: string | undefined): boolean {
  return character !== undefined && ' \t\r\n'.includes(character);
}

function kindOfWord(name: string): TokenKind {
  if (keywords.has(name)) return 'keyword';
  if (name === 'nil') return 'nil';
  return name === 'true' || name === 'false' ? 'bool' : 'identifier';
}

/** As Go's %#U prints a character. */
function codePoint(text: string): string {
  const code = text.codePointAt(0) ?? 0;
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')} '${String.fromCodePoint(code)}'`;
}
