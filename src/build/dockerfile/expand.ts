/** Takes quotes and escapes out of a word and puts variables in (Dockerfile reference, "Environment replacement"). */
import { GantryError } from '../../base/index.ts';
import type { EscapeCharacter } from './lines.ts';

export type Environment = ReadonlyMap<string, string>;

/** The word with its variables' values; one that is not set is empty. Throws `invalid`: a quote or brace without its end. */
export function expandWord(word: string, environment: Environment, escape: EscapeCharacter): string {
  const expander = new Expander(word, environment, escape);
  try {
    return expander.until('');
  } catch (error) {
    if (!(error instanceof GantryError)) throw error;
    throw new GantryError('invalid', `failed to process ${JSON.stringify(word)}: ${error.message}`, { cause: error });
  }
}

/** Most braces inside braces. */
const depthLimit = 100;

class Expander {
  readonly #text: string;
  readonly #environment: Environment;
  readonly #escape: EscapeCharacter;
  #at = 0;
  #depth = 0;

  constructor(text: string, environment: Environment, escape: EscapeCharacter) {
    this.#text = text;
    this.#environment = environment;
    this.#escape = escape;
  }

  /** Reads up to the character `end` and past it; with none, to the end of the word. */
  until(end: '' | '}'): string {
    let value = '';
    while (this.#at < this.#text.length) {
      const character = this.#text.charAt(this.#at++);
      if (character === end) return value;
      value += this.#piece(character);
    }
    if (end !== '') throw new GantryError('invalid', "syntax error: missing '}'");
    return value;
  }

  #piece(character: string): string {
    if (character === "'") return this.#single();
    if (character === '"') return this.#double();
    if (character === '$') return this.#variable();
    if (character !== this.#escape) return character;
    return this.#at < this.#text.length ? this.#text.charAt(this.#at++) : '';
  }

  #single(): string {
    const end = this.#text.indexOf("'", this.#at);
    if (end < 0)
      throw new GantryError('invalid', 'unexpected end of statement while looking for matching single-quote');
    const value = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    return value;
  }

  #double(): string {
    let value = '';
    while (this.#at < this.#text.length) {
      const character = this.#text.charAt(this.#at++);
      if (character === '"') return value;
      if (character === '$') value += this.#variable();
      else if (character === this.#escape) value += this.#escapedInQuotes();
      else value += character;
    }
    throw new GantryError('invalid', 'unexpected end of statement while looking for matching double-quote');
  }

  /** Between double quotes only a few characters are escaped; before the others the escape character stays. */
  #escapedInQuotes(): string {
    const next = this.#text.charAt(this.#at);
    if (next === '"' || next === '$' || next === this.#escape) {
      this.#at++;
      return next;
    }
    return this.#escape;
  }

  #variable(): string {
    if (this.#text.charAt(this.#at) === '{') {
      this.#at++;
      return this.#braced();
    }
    const name = this.#name();
    return name === '' ? '$' : (this.#environment.get(name) ?? '');
  }

  #name(): string {
    const [name = ''] = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?!$-])/.exec(this.#text.slice(this.#at)) ?? [];
    this.#at += name.length;
    return name;
  }

  #braced(): string {
    if (++this.#depth > depthLimit) throw new GantryError('invalid', `more than ${depthLimit} braces in each other`);
    const name = this.#name();
    if (name === '') throw new GantryError('invalid', 'syntax error: bad substitution');
    const value = this.#environment.get(name);
    const next = this.#text.charAt(this.#at++);
    if (next === '}') {
      this.#depth--;
      return value ?? '';
    }
    // With a colon an empty variable counts as not set.
    const isColon = next === ':';
    const modifier = isColon ? this.#text.charAt(this.#at++) : next;
    if (modifier === '') throw new GantryError('invalid', "syntax error: missing '}'");
    const word = this.until('}');
    this.#depth--;
    return modified(name, isColon && value === '' ? undefined : value, modifier, word);
  }
}

function modified(name: string, value: string | undefined, modifier: string, word: string): string {
  switch (modifier) {
    case '-':
      return value ?? word;
    case '+':
      return value === undefined ? '' : word;
    case '?':
      if (value !== undefined) return value;
      throw new GantryError('invalid', `${name}: ${word === '' ? 'is not allowed to be unset' : word}`);
    default:
      throw new GantryError('invalid', `unsupported modifier (${modifier}) in substitution`);
  }
}
